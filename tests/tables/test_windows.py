"""Law tested: a window means what a clock on the wall shows, its text is its value, and a mistake is a sentence."""

import time
import zoneinfo
from collections.abc import Iterator
from datetime import datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.tables import windows
from policyd.tables.windows import Window, make_window, parse_window, split_window

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo")


def at(text: str) -> int:
    """The second of a time with its offset."""
    return int(datetime.fromisoformat(text).timestamp())


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system in a zone of its own."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    windows._wall_clock.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    windows._wall_clock.cache_clear()


# Hours and days

NIGHTS = "[hours=22:00-06:00 days=Mon-Fri tz=Europe/Berlin]"


@pytest.mark.parametrize(
    ("window", "now", "is_active"),
    [
        ("[]", "2026-11-22T12:00Z", True),
        ("[hours=08:00-17:00 tz=UTC]", "2026-11-22T07:59:59Z", False),
        ("[hours=08:00-17:00 tz=UTC]", "2026-11-22T08:00:00Z", True),
        ("[hours=08:00-17:00 tz=UTC]", "2026-11-22T16:59:59Z", True),
        ("[hours=08:00-17:00 tz=UTC]", "2026-11-22T17:00:00Z", False),
        ("[hours=8:00-12:00,13:00-17:00 tz=UTC]", "2026-11-22T12:30Z", False),
        ("[hours=8:00-12:00,13:00-17:00 tz=UTC]", "2026-11-22T13:00Z", True),
        ("[hours=00:00-24:00 days=Sun tz=UTC]", "2026-11-22T23:59:59Z", True),
        ("[hours=22:00-00:00 days=Sun tz=UTC]", "2026-11-23T00:00Z", False),
        ("[days=Sat,Sun tz=UTC]", "2026-11-22T00:00Z", True),
        ("[days=Sat-Mon tz=UTC]", "2026-11-24T00:00Z", False),
        ("[days=Sat-Mon tz=UTC]", "2026-11-23T00:00Z", True),
        # Berlin is an hour before UTC in winter. Nights belong to the day on which they begin.
        (NIGHTS, "2026-11-20T22:00+01:00", True),  # a Friday
        (NIGHTS, "2026-11-21T05:00+01:00", True),  # Saturday morning is still Friday's night
        (NIGHTS, "2026-11-21T06:00+01:00", False),
        (NIGHTS, "2026-11-21T22:00+01:00", False),  # Saturday
        (NIGHTS, "2026-11-23T05:00+01:00", False),  # Monday morning is Sunday's night
        (NIGHTS, "2026-11-20T21:00+00:00", True),
        # Summer time: 02:30 is no time at all on 2026-03-29 in Berlin, and comes twice on 2026-10-25.
        ("[hours=02:00-03:00 tz=Europe/Berlin]", "2026-03-29T01:59:59+01:00", False),
        ("[hours=02:00-03:00 tz=Europe/Berlin]", "2026-03-29T03:00:00+02:00", False),
        ("[hours=01:30-03:30 tz=Europe/Berlin]", "2026-03-29T03:29:59+02:00", True),
        ("[hours=02:00-03:00 tz=Europe/Berlin]", "2026-10-25T02:30+02:00", True),
        ("[hours=02:00-03:00 tz=Europe/Berlin]", "2026-10-25T02:30+01:00", True),
        ("[hours=02:00-03:00 tz=Europe/Berlin]", "2026-10-25T03:00+01:00", False),
        ("[hours=22:00-06:00 days=Sat tz=Europe/Berlin]", "2026-10-25T05:59+01:00", True),
        # And on 2026-03-08 and 2026-11-01 in New York.
        ("[hours=02:00-03:00 tz=America/New_York]", "2026-03-08T01:59:59-05:00", False),
        ("[hours=02:00-03:00 tz=America/New_York]", "2026-03-08T03:00:00-04:00", False),
        ("[hours=01:00-02:00 tz=America/New_York]", "2026-11-01T01:30-04:00", True),
        ("[hours=01:00-02:00 tz=America/New_York]", "2026-11-01T01:30-05:00", True),
        ("[hours=01:00-02:00 tz=America/New_York]", "2026-11-01T02:00-05:00", False),
    ],
)  # fmt: skip
def test_active(window: str, now: str, is_active: bool) -> None:
    assert parse_window(window).is_active(at(now)) is is_active


SPANS = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[0] != span[1])
WINDOWS = st.builds(
    Window,
    since=st.none(),
    until=st.none(),
    hours=st.lists(SPANS, max_size=3).map(tuple),
    days=st.frozensets(st.integers(0, 6)),
    zone=st.sampled_from(ZONES),
    note=st.just(""),
    by=st.just(""),
)
NOTES = st.text(st.characters(exclude_categories=("C", "Z")) | st.sampled_from(' "\\]['), max_size=200)
NOW = st.integers(at("2025-01-01T00:00Z"), at("2028-01-01T00:00Z"))


def slowly(window: Window, now: int) -> bool:
    """By the definition: some span of some day, laid out on the wall, has the time that the wall shows."""
    shown = datetime.fromtimestamp(now, ZoneInfo(window.zone)).replace(tzinfo=None)
    for day in (shown.date() - timedelta(days=1), shown.date()):
        midnight = datetime.combine(day, clock())
        if window.days and day.weekday() not in window.days:
            continue
        for begin, end in window.hours or ((0, 1440),):
            length = end - begin if begin < end else end + 1440 - begin
            start = midnight + timedelta(minutes=begin)
            if start <= shown < start + timedelta(minutes=length):
                return True
    return False


@given(WINDOWS, NOW)
def test_active_is_what_the_wall_shows(window: Window, now: int) -> None:
    assert window.is_active(now) is slowly(window, now)


@pytest.mark.parametrize("zone", ZONES)
def test_every_quarter_of_an_hour_of_the_days_of_summer_time(zone: str) -> None:
    window = parse_window(f"[hours=23:30-02:30,03:00-03:15 days=Sat,Sun tz={zone}]")
    for day in ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"):
        begin = at(f"{day}T00:00Z") - 86400
        for now in range(begin, begin + 3 * 86400, 900):
            assert window.is_active(now) is slowly(window, now), now


# From and until


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("[from=2026-12-01 until=2026-12-31 tz=UTC]", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
        ("[until=2026-12-31T18:00 from=2026-12-31 tz=Europe/Berlin]", "2026-12-30T23:00Z", "2026-12-31T17:00Z"),
        ("[from=2026-06-30T23:59:59 until=2026-07-01 tz=Europe/Berlin]", "2026-06-30T21:59:59Z", "2026-07-01T22:00Z"),
        ("[from=2026-01-01T00:00Z until=2026-01-01T02:00+01:00]", "2026-01-01T00:00Z", "2026-01-01T01:00Z"),
        # A day of 23 hours and one of 25.
        ("[from=2026-03-29 until=2026-03-29 tz=Europe/Berlin]", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("[from=2026-10-25 until=2026-10-25 tz=Europe/Berlin]", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ],
)  # fmt: skip
def test_from_and_until(text: str, since: str, until: str) -> None:
    window = parse_window(text)
    assert (window.since, window.until) == (at(since), at(until))
    assert [window.is_active(at(since) + step) for step in (-1, 0)] == [False, True]
    assert [window.is_active(at(until) + step) for step in (-1, 0)] == [True, False]
    assert [window.is_expired(at(until) + step) for step in (-1, 0)] == [False, True]


def test_without_an_end_nothing_expires() -> None:
    assert not parse_window("[from=2026-12-01 hours=08:00-09:00]").is_expired(10**11)


def test_without_a_zone_the_system_has_one(tokyo: None) -> None:
    window = parse_window("[from=2026-12-01 hours=08:00-09:00]")
    assert window.since == at("2026-12-01T00:00+09:00")
    assert window.is_active(at("2026-12-02T08:30+09:00"))
    assert not window.is_active(at("2026-12-02T08:30+00:00"))
    assert str(window) == "[from=2026-12-01 hours=08:00-09:00]"


# Text


def test_split() -> None:
    assert split_window("a@example") == ("", "a@example")
    assert split_window('[reason="a ] \\" b" by=c]  spam@example  REJECT [x]') == (
        '[reason="a ] \\" b" by=c]', "spam@example  REJECT [x]",
    )  # fmt: skip


@pytest.mark.parametrize("line", ["[until=2026-12-31 a@example", '[reason="a] b', "[", '["\\"]'])
def test_a_bracket_that_is_never_closed(line: str) -> None:
    with pytest.raises(ValueError, match="never closed"):
        split_window(line)


LIMITS = st.none() | NOW | st.sampled_from([at("2026-10-25T02:30+02:00"), at("2026-10-25T02:30+01:00"), 0, 249 * 10**9])


@given(WINDOWS, LIMITS, LIMITS, NOTES, NOTES)
@example(Window(zone="Europe/Berlin"), at("2026-10-25T02:30+02:00"), at("2026-10-25T02:30+01:00"), "", "")
@example(Window(), None, None, '\\"\\\\" ]', "x y")
def test_a_printed_window_is_the_same_window(
    window: Window, since: int | None, until: int | None, note: str, by: str
) -> None:
    if since is not None and until is not None and since >= until:
        until = None
    window = window._replace(since=since, until=until, note=note, by=by)
    assert parse_window(str(window)) == window
    assert split_window(f"{window} rest") == (str(window), "rest")
    assert hash(parse_window(str(window))) == hash(window)


def test_the_plainest_text_is_printed() -> None:
    text = '[from=2026-12-01 until=2026-12-31 hours=22:00-06:00 days=Mon-Fri tz=Europe/Berlin reason="a b" by=anna]'
    assert str(parse_window(text)) == text
    assert str(parse_window("[days=sun,SAT,mon hours=8:00-9:00]")) == "[hours=08:00-09:00 days=Mon,Sat,Sun]"
    assert str(parse_window("[until=2026-12-31T18:00 tz=UTC]")) == "[until=2026-12-31T18:00 tz=UTC]"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[until=2026-13-01]", "until: '2026-13-01' is not in the calendar: correct the date"),
        ("[until=tomorrow]", "until: 'tomorrow' is no date: write one as in 2026-12-31, or with a time"),
        ("[until=20261231]", "until: '20261231' is no date"),
        ("[until=9999-12-31]", "until: '9999-12-31' is not in the calendar"),
        ("[until=9950-12-31]", "until: '9950-12-31' is out of range"),
        ("[from=1969-12-31 tz=UTC]", "from: '1969-12-31' is out of range"),
        ("[from=2026-12-31 until=2026-12-30]", "until: '2026-12-30' is not after from, so this never counts"),
        ("[hours=8-17]", "hours: '8-17' are no hours: write them as in 08:00-17:30"),
        ("[hours=24:00-06:00]", "hours: '24:00-06:00' is beyond the day"),
        ("[hours=08:00-24:01]", "hours: '08:00-24:01' is beyond the day"),
        ("[hours=08:00-08:00]", "hours: '08:00-08:00' is no time at all, or a whole day: for that, write 00:00-24:00"),
        (f"[hours={','.join(['08:00-09:00'] * 25)}]", "hours: has more than 24 spans: join some"),
        ("[days=Mo-Fr]", "days: 'Mo' is no day: write Mon, Tue, Wed, Thu, Fri, Sat, Sun, as in Mon-Fri"),
        ("[days=Mon-]", "days: '' is no day"),
        ("[tz=Europe/Berln]", "tz: there is no time zone 'Europe/Berln', did you mean 'Europe/Berlin'?"),
        ("[tz=America]", "tz: there is no time zone 'America'"),
        ("[tz=qqqqqqqq]", "tz: there is no time zone 'qqqqqqqq': see tzselect(1)"),
        ("[tz=../../etc/passwd]", "tz: '../../etc/passwd' is no name of a time zone"),
        ("[until=]", "until: has no value"),
        ("[until=2026-12-31 until=2026-12-30]", "until: stands there twice"),
        ("[til=2026-12-31]", "til: is unknown, write from=, until=, hours=, days=, tz=, reason=, by="),
        ("[2001:db8::1]", "'2001:db8::1' in brackets is no window"),
        ("[hours=08:00-12:00, 13:00-14:00]", "'13:00-14:00' in brackets is no window"),
        (f"[reason={'x' * 201}]", "is too long or cannot be shown: at most 200 characters"),
        ('[reason="\x1b[31m"]', "is too long or cannot be shown"),
        ("[by=\udcff]", "is too long or cannot be shown"),
    ],
)
def test_mistakes(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is compared below
        parse_window(text)
    assert sentence in str(caught.value)


def test_a_system_without_time_zones_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(ValueError, match=r"^tz: no time zone is known on this system: install"):
        parse_window("[tz=No/Where]")
    assert parse_window("[tz=UTC]").zone == "UTC"


WORDS = st.sampled_from(
    ["until=", "2026-12-31", "hours=", "08:00-09:00", ",", '"', "\\", "]", " ", "tz=", "Mon", "\udcff"]
)


@given(st.text(max_size=40) | st.lists(WORDS, max_size=12).map("".join))
def test_any_text_is_a_window_or_a_sentence(text: str) -> None:
    try:
        window = parse_window(split_window(f"[{text}]")[0])
    except ValueError:  # anything else fails the test
        return
    assert parse_window(str(window)) == window


def test_a_long_line_of_quotes_costs_nothing() -> None:
    begin = time.perf_counter()
    for line in ("[" + '"' * 100_001, "[" + '"\\"' * 33_333, "[" + 'a="b" ' * 20_000):
        with pytest.raises(ValueError, match="never closed"):
            split_window(line)
    assert time.perf_counter() - begin < 1


# Settings


def test_settings() -> None:
    window = make_window(since="2026-12-01", until="2026-12-31", hours="22:00-06:00", days="Mon", tz="UTC")
    assert window == parse_window("[from=2026-12-01 until=2026-12-31 hours=22:00-06:00 days=Mon tz=UTC]")
    assert make_window() == Window()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"since": "x"}, "from: 'x' is no date"),
        ({"hours": "x"}, "hours: 'x' are no hours"),
        ({"tz": "Europe/Berlin"}, "tz: no time stands beside it; write hours or days, too, or remove it"),
    ],
)
def test_mistakes_in_settings(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        make_window(**options)


def test_this_machine_knows_the_zones_of_these_tests() -> None:
    assert set(ZONES) <= zoneinfo.available_timezones(), "install the package tzdata"
