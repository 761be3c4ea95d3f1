"""When something counts: ``[from=2026-12-01 until=2026-12-31 hours=22:00-06:00 days=Mon-Fri tz=Europe/Berlin]``.

Law: text in, a value out, and back again; the time is an argument. Hours and days are those of a clock on the wall of
the zone: an hour that summer time leaves out never comes, one that comes twice counts twice. Hours over midnight belong
to the day on which they begin. Every mistake is a ValueError that begins with the word it is about.
"""

import re
import zoneinfo
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache, lru_cache, partial
from typing import Final, NamedTuple, TypeVar

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NAMES: Final = ("from", "until", "hours", "days", "tz", "reason", "by")
MAX_NOTE: Final = 200
"""Characters of a reason, and of who wrote it."""
MAX_HOURS: Final = 24
"""Spans of hours in one window."""
_T = TypeVar("_T")
_LAST: Final = 250_000_000_000
"""Seconds: a date after the year 9892 is a mistake, and those near 9999 are none that Python can reckon with."""

_BRACKET: Final = re.compile(r'\[(?>(?:[^\]"]++|"(?>(?:\\.|[^"\\])*)")*)\]')
_PAIR: Final = re.compile(r'\s*+([A-Za-z]+)=("(?>(?:\\.|[^"\\])*)"|[^\s"]*+)(?:\s++|$)')
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_SPAN: Final = re.compile(r"(\d\d?):([0-5]\d)-(\d\d?):([0-5]\d)", re.ASCII)
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z0-9@._+-]+", re.ASCII)
_KNOWN: Final = ", ".join(f"{name}=" for name in NAMES)


class Window(NamedTuple):
    """A stretch of time, or hours of some days that come again. Without any limit it is always."""

    since: int | None = None
    """Seconds since the epoch: the first second that counts."""
    until: int | None = None
    """Seconds since the epoch: the first second that does not count any more."""
    hours: tuple[tuple[int, int], ...] = ()
    """(begin, end) in minutes of the day, the end not included; an end before its begin lies on the next day."""
    days: frozenset[int] = frozenset()
    """0 is Monday; none means every day."""
    zone: str = ""
    """A name of the tz database; "" is the system's zone."""
    note: str = ""
    by: str = ""

    def is_active(self, now: int) -> bool:
        """Whether `now` (seconds since the epoch) lies inside."""
        if (self.since is not None and now < self.since) or (self.until is not None and now >= self.until):
            return False
        if not self.hours and not self.days:
            return True
        minute, today = _wall_clock(self.zone, now // 60)
        if not self.hours:
            return today in self.days
        for begin, end in self.hours:
            if begin < end:
                if begin <= minute < end and self._has(today):
                    return True
            elif (minute >= begin and self._has(today)) or (minute < end and self._has((today - 1) % 7)):
                return True
        return False

    def is_expired(self, now: int) -> bool:
        """Whether it lies behind `now` for good."""
        return self.until is not None and now >= self.until

    def _has(self, day: int) -> bool:
        return not self.days or day in self.days

    def __str__(self) -> str:
        """The text that `parse_window` makes the same window of."""
        zone = _zone(self.zone)
        values = {
            "from": "" if self.since is None else _spelled(self.since, zone, ends=False),
            "until": "" if self.until is None else _spelled(self.until, zone, ends=True),
            "hours": ",".join(f"{_clock(begin)}-{_clock(end)}" for begin, end in self.hours),
            "days": _days_text(self.days),
            "tz": self.zone,
            "reason": _quoted(self.note) if self.note else "",
            "by": self.by if _PLAIN.fullmatch(self.by) else _quoted(self.by) if self.by else "",
        }
        return f"[{' '.join(f'{name}={value}' for name, value in values.items() if value)}]"


def split_window(line: str) -> tuple[str, str]:
    """The bracket that `line` begins with ("" without one), and the rest. Raises ValueError if it is never closed."""
    if not line.startswith("["):
        return "", line
    match = _BRACKET.match(line)
    if match is None:
        raise ValueError('"[" is never closed: write "]" behind the window, and quotes on both sides of a reason')
    return match[0], line[match.end() :].lstrip()


def parse_window(text: str) -> Window:
    """The window in ``[NAME=VALUE NAME="VALUE"]``. Raises ValueError for people."""
    values: dict[str, str] = {}
    inside, at = text[1:-1].strip(), 0
    while at < len(inside):
        match = _PAIR.match(inside, at)
        if match is None:
            raise ValueError(
                f"{_word(inside[at:])!r} in brackets is no window: write {_KNOWN} each with a value, and addresses bare"
            )
        name, value = match.groups()
        if name in values or name not in NAMES:
            raise ValueError(f"{name}: {'stands there twice' if name in values else f'is unknown, write {_KNOWN}'}")
        values[name] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[:1] == '"' else value
        if not values[name]:
            raise ValueError(f"{name}: has no value; write one behind '=', without a blank between, or leave it out")
        at = match.end()
    return _window(values)


def make_window(*, since: str = "", until: str = "", hours: str = "", days: str = "", tz: str = "") -> Window:
    """The window of these texts, each written as in brackets. Raises ValueError: ``NAME: what is wrong``."""
    if tz and not (since or until or hours or days):
        raise ValueError("tz: no time stands beside it; write hours or days, too, or remove it")
    values = {"from": since, "until": until, "hours": hours, "days": days, "tz": tz}
    return _window({name: value for name, value in values.items() if value})


def _window(values: Mapping[str, str]) -> Window:
    zone = _read(values, "tz", _zone)
    since = _read(values, "from", partial(_instant, zone=zone))
    until = _read(values, "until", partial(_instant, zone=zone, ends=True))
    if since is not None and until is not None and since >= until:
        raise ValueError(f"until: {_word(values['until'])!r} is not after from, so this never counts; correct one")
    hours = _read(values, "hours", _hours) or ()
    days = _read(values, "days", _days) or frozenset()
    note, by = (_read(values, name, _note) or "" for name in ("reason", "by"))
    return Window(since, until, hours, days, values.get("tz", ""), note, by)


def _read(values: Mapping[str, str], name: str, reader: Callable[[str], _T]) -> _T | None:
    if name not in values:
        return None
    try:
        return reader(values[name])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _instant(text: str, zone: tzinfo | None, *, ends: bool = False) -> int:
    """The second at which `text` begins (a date that `ends`: the first one behind it). Raises ValueError."""
    if not _DATE.fullmatch(text) and not _TIME.fullmatch(text):
        raise ValueError(f"{_word(text)!r} is no date: write one as in 2026-12-31, or with a time, 2026-12-31T18:00")
    try:
        instant = _seconds(text, zone, ends=ends)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not in the calendar: correct the date or the time") from None
    if not 0 <= instant <= _LAST:
        raise ValueError(f"{text!r} is out of range: write a year from 1971 to 9890, or leave it out for no limit")
    return instant


def _seconds(text: str, zone: tzinfo | None, *, ends: bool) -> int:
    local = datetime.fromisoformat(text) + timedelta(days=ends and len(text) == len("2026-12-31"))
    # A time that summer time leaves out counts as if the clock went on; of one that comes twice the first counts.
    return int((local if local.tzinfo is not None else local.replace(tzinfo=zone)).timestamp())


def _spelled(instant: int, zone: tzinfo | None, *, ends: bool) -> str:
    """The shortest text that is read as `instant`. Universal time is for the hour that comes twice."""
    local = datetime.fromtimestamp(instant, zone).replace(tzinfo=None)
    day = (local - timedelta(days=ends)).date()
    for text in (day.isoformat(), local.isoformat(timespec="minutes"), local.isoformat()):
        if _seconds(text, zone, ends=ends) == instant:
            return text
    return f"{datetime.fromtimestamp(instant, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _hours(text: str) -> tuple[tuple[int, int], ...]:
    spans = text.split(",", MAX_HOURS)
    if len(spans) > MAX_HOURS:
        raise ValueError(f"has more than {MAX_HOURS} spans: join some")
    return tuple(_span(span.strip()) for span in spans)


def _span(text: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"{_word(text)!r} are no hours: write them as in 08:00-17:30, or 08:00-12:00,13:00-17:00")
    begin_hour, begin_minute, end_hour, end_minute = map(int, match.groups())
    begin, end = begin_hour * 60 + begin_minute, end_hour * 60 + end_minute
    if begin >= 1440 or end > 1440:
        raise ValueError(f"{text!r} is beyond the day: hours begin from 00:00 to 23:59, and end at 24:00 at the latest")
    if begin == end:
        raise ValueError(f"{text!r} is no time at all, or a whole day: for that, write 00:00-24:00")
    return begin, end or 1440


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(text: str) -> frozenset[int]:
    days: set[int] = set()
    for span in text.split(","):
        first, dash, last = span.strip().partition("-")
        begin = _day(first)
        count = (_day(last) - begin) % 7 if dash else 0
        days.update((begin + step) % 7 for step in range(count + 1))
    return frozenset(days)


def _day(text: str) -> int:
    try:
        return DAYS.index(text.strip().capitalize())
    except ValueError:
        raise ValueError(f"{_word(text)!r} is no day: write {', '.join(DAYS)}, as in Mon-Fri or Sat,Sun") from None


def _days_text(days: frozenset[int]) -> str:
    """Days in the order of the week, three and more in a row as a span."""
    spans: list[list[int]] = []
    for day in sorted(days):
        if spans and spans[-1][-1] == day - 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    return ",".join(
        f"{DAYS[span[0]]}-{DAYS[span[-1]]}" if len(span) > 2 else ",".join(DAYS[day] for day in span) for span in spans
    )


def _note(text: str) -> str:
    if len(text) > MAX_NOTE or not text.isprintable():
        raise ValueError(f"{_word(text)!r} is too long or cannot be shown: at most {MAX_NOTE} characters, in UTF-8")
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _word(text: str) -> str:
    """What a complaint repeats of `text`."""
    return text[:40]


@cache  # bounded by the zones there are: a name without one raises
def _zone(name: str) -> tzinfo | None:
    """The zone of this name; None, as Python has it, is the system's. Raises ValueError."""
    if not name:
        return None
    if name == "UTC":  # needs no database
        return UTC
    if not _ZONE.fullmatch(name):
        raise ValueError(f"{_word(name)!r} is no name of a time zone: write one as in Europe/Berlin")
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a directory of the database, such as "America"
        raise ValueError(_no_zone(name)) from None


@lru_cache(maxsize=64)
def _no_zone(name: str) -> str:
    zones = zoneinfo.available_timezones()
    if not zones:
        return "no time zone is known on this system: install the package tzdata, or write UTC"
    near = get_close_matches(name, zones, n=1, cutoff=0.7)
    return f"there is no time zone {_word(name)!r}{f', did you mean {near[0]!r}?' if near else ': see tzselect(1)'}"


@lru_cache(maxsize=256)
def _wall_clock(zone: str, minute: int) -> tuple[int, int]:
    """(minute of the day, weekday) in `zone`. Mail asks for the present minute only, and few zones have windows."""
    local = datetime.fromtimestamp(minute * 60, _zone(zone))
    return local.hour * 60 + local.minute, local.weekday()
