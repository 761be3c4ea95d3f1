"""Law tested: the rule of greylisting is postgrey 1.37's, item by item, and better only where it says so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.greylist import (
    AUTO_WHITELISTED,
    KNOWN,
    REFRESH,
    Entry,
    Judgement,
    Rules,
    Triplet,
    client_key,
    is_auto_whitelisted,
    is_expired,
    is_waiting,
    judge,
)
from policyd.model.recognition import FORGOTTEN, trapped
from tests.examples import thorough

T0 = 1_800_000_000
HOUR, DAY = 3600, 86400
RULES = Rules()
DELAY, WINDOW, MAX_AGE = RULES.delay, RULES.retry_window, RULES.max_age


class Book:
    """The smallest store there is: a client and its triplets, written as `judge` says."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.client: Entry | None = None
        self.triplets: dict[str, Entry] = {}

    def observe(self, now: int, name: str = "a") -> Judgement:
        judgement = judge(self.client, self.triplets.get(name), self.rules, now)
        self.client = judgement.client or self.client
        if judgement.triplet is not None:
            self.triplets[name] = judgement.triplet
        return judgement

    def outcome(self, now: int, name: str = "a") -> str:
        return self.observe(now, name).outcome

    def pass_new(self, now: int, name: str) -> int:
        """Let a new triplet pass; the time at which it did."""
        assert self.outcome(now, name) == "new"
        assert self.outcome(now + DELAY, name) == "passed"
        return now + DELAY


def promoted(rules: Rules = RULES) -> tuple[Book, int]:
    """A book whose client is on the auto-whitelist, and the time at which it came there."""
    book, now = Book(rules), T0
    for index in range(rules.auto_whitelist_clients):
        now = book.pass_new(now, f"first-{index}") + max(HOUR, rules.auto_whitelist_interval)
    return book, now - max(HOUR, rules.auto_whitelist_interval)


# Same as postgrey


def test_a_first_try_waits() -> None:
    assert Book().observe(T0) == Judgement("new", DELAY, triplet=Entry(T0, T0))


def test_one_second_too_early_waits_and_exactly_the_delay_passes() -> None:
    book = Book()
    book.observe(T0)
    assert book.observe(T0 + DELAY - 1)[:2] == ("early", 1)
    assert book.observe(T0 + DELAY)[:2] == ("passed", DELAY)
    assert book.observe(T0 + DELAY + 1)[:2] == ("known", 0)


def test_an_early_retry_writes_nothing() -> None:
    assert judge(None, Entry(T0, T0), RULES, T0 + 1) == Judgement("early", DELAY - 1)


def test_a_retry_at_the_end_of_the_window_passes() -> None:
    book = Book()
    book.observe(T0)
    assert book.outcome(T0 + WINDOW) == "passed"


def test_a_retry_behind_the_window_is_a_first_try() -> None:
    book = Book()
    book.observe(T0)
    assert book.outcome(T0 + WINDOW + 1) == "new"
    assert book.outcome(T0 + WINDOW + DELAY) == "early"
    assert book.outcome(T0 + WINDOW + 1 + DELAY) == "passed"


def test_the_window_counts_from_the_first_try_not_from_the_last() -> None:
    book = Book()
    book.observe(T0)
    book.observe(T0 + 1)
    assert book.outcome(T0 + 1 + WINDOW) == "new"


def test_five_hourly_passes_free_the_sixth_triplet() -> None:
    book, now = promoted()
    assert book.outcome(now, "sixth") == "auto-whitelisted"
    assert "sixth" not in book.triplets


def test_four_passes_do_not() -> None:
    book, now = Book(), T0
    for index in range(4):
        now = book.pass_new(now, f"first-{index}") + HOUR
    assert book.outcome(now, "fifth") == "new"


def test_seven_passes_within_an_hour_count_once() -> None:
    book = Book()
    for index in range(7):
        book.observe(T0 + index, f"first-{index}")
    for index in range(7):
        assert book.outcome(T0 + DELAY + 60 * index, f"first-{index}") == "passed"
    assert book.client == Entry(T0 + DELAY, T0 + DELAY, 1, T0 + DELAY)
    assert book.outcome(T0 + DELAY + 500, "eighth") == "new"


def test_the_same_triplet_again_and_again_counts_once() -> None:
    book = Book()
    now = book.pass_new(T0, "a")
    for hour in range(1, 20):
        assert book.outcome(now + hour * HOUR) == "known"
    assert book.client is not None
    assert book.client.passes == 1


@pytest.mark.parametrize(("gap", "passes"), [(HOUR - 1, 1), (HOUR, 2)])
def test_passes_count_an_hour_apart(gap: int, passes: int) -> None:
    book = Book()
    book.observe(T0, "a")
    book.observe(T0, "b")
    book.observe(T0 + DELAY, "a")
    book.observe(T0 + DELAY + gap, "b")
    assert book.client is not None
    assert book.client.passes == passes


def test_a_whitelisted_client_is_remembered_once_an_hour() -> None:
    book, now = promoted()
    assert book.observe(now + REFRESH - 1).client is None
    assert book.observe(now + REFRESH).client == Entry(book.client.first_seen, now + REFRESH, 5, now)  # type: ignore[union-attr]


def test_where_nothing_is_to_be_noted_the_judgement_is_one_of_two() -> None:
    book, now = promoted()
    assert book.observe(now + 1) is AUTO_WHITELISTED
    book = Book()
    now = book.pass_new(T0, "a")
    assert book.observe(now + 1, "a") is KNOWN


def test_a_first_try_in_the_future_is_corrected() -> None:
    book = Book()
    book.observe(T0 + 10 * DAY)
    assert book.observe(T0) == Judgement("early", DELAY, triplet=Entry(T0, T0))
    assert book.outcome(T0 + DELAY) == "passed"


# Deliberately different


def test_without_a_delay_every_mail_passes_at_once() -> None:
    """postgrey takes --delay=0 for 300."""
    book = Book(replace(RULES, delay=0))
    assert book.observe(T0)[:2] == ("passed", 0)
    assert book.outcome(T0) == "known"


def test_max_age_counts_at_the_look_up() -> None:
    """postgrey only removes old entries in a nightly purge: 400 days later they still pass."""
    book = Book()
    now = book.pass_new(T0, "a")
    assert book.outcome(now + MAX_AGE) == "known"
    assert book.outcome(now + 2 * MAX_AGE + 1) == "new"


def test_the_auto_whitelist_ages_too() -> None:
    book, now = promoted()
    assert book.outcome(now + MAX_AGE, "b") == "auto-whitelisted"
    assert book.outcome(now + 2 * MAX_AGE + 1, "b") == "new"


def test_a_client_that_was_away_for_long_begins_again() -> None:
    book, now = promoted()
    now = book.pass_new(now + MAX_AGE + 1, "b")
    assert book.client == Entry(now, now, 1, now)


def test_a_triplet_that_passed_stays_known_when_the_clock_goes_back() -> None:
    """postgrey takes its first try for now, and defers it again."""
    book = Book()
    book.pass_new(T0, "a")
    assert book.outcome(T0 - DAY) == "known"
    assert book.triplets["a"].last_seen == T0 - DAY


@pytest.mark.parametrize("by_a_second", [True, False])
def test_a_pass_counts_when_the_clock_went_back(*, by_a_second: bool) -> None:
    """postgrey counts none until its last count is an hour ago again."""
    book = Book()
    book.pass_new(T0, "a")
    book.pass_new(T0 - 1 if by_a_second else T0 - DAY, "b")
    assert book.client is not None
    assert book.client.passes == 2


def test_no_interval_counts_every_pass() -> None:
    book = Book(replace(RULES, auto_whitelist_interval=0))
    for name in "abcde":
        book.observe(T0, name)
    for name in "abcde":
        assert book.outcome(T0 + DELAY, name) == "passed"
    assert book.outcome(T0 + DELAY, "f") == "auto-whitelisted"


def test_the_auto_whitelist_can_be_off() -> None:
    book = Book(replace(RULES, auto_whitelist_clients=0))
    now = T0
    for index in range(10):
        now = book.pass_new(now, f"first-{index}") + HOUR
    assert book.client is None


def test_a_whitelisted_client_is_asked_again_when_the_auto_whitelist_is_switched_off() -> None:
    book, now = promoted()
    book.rules = replace(RULES, auto_whitelist_clients=0)
    assert book.outcome(now, "b") == "new"


def test_an_entry_seen_in_the_far_future_ages_again() -> None:
    book, now = promoted()
    book.client = book.client._replace(last_seen=now + 1000 * DAY)  # type: ignore[union-attr]
    assert book.outcome(now, "b") == "auto-whitelisted"
    assert book.client.last_seen == now


# Keys and expiry


def test_a_clients_record_is_no_triplet_of_anybody() -> None:
    assert client_key(Triplet("192.0.2.0/24", "a@x.example", "b@y.example")) == Triplet("192.0.2.0/24", "", "")


@pytest.mark.parametrize(
    ("entry", "lifetime"), [(Entry(T0, T0), WINDOW), (Entry(T0, T0 + 5), WINDOW), (Entry(T0 - 5, T0, 1), MAX_AGE)]
)
def test_what_never_passed_is_forgotten_sooner(entry: Entry, lifetime: int) -> None:
    assert not is_expired(entry, RULES, T0 + lifetime)
    assert is_expired(entry, RULES, T0 + lifetime + 1)


@pytest.mark.parametrize(
    ("entry", "waits"),
    [
        (Entry(T0, T0), True),
        (Entry(1, 1), True),
        (Entry(T0, T0, 1), False),
        (FORGOTTEN, False),
        (trapped(T0, T0), False),
    ],
)
def test_who_waits_has_not_passed_and_is_not_forgotten(entry: Entry, *, waits: bool) -> None:
    assert is_waiting(entry) is waits


def test_a_triplet_passes_once() -> None:
    book = Book()
    now = book.pass_new(T0, "a")
    assert book.triplets["a"] == Entry(T0, now, 1)


def test_a_client_is_whitelisted_from_its_fifth_pass() -> None:
    assert not is_auto_whitelisted(Entry(T0, T0, 4, T0), RULES, T0)
    assert is_auto_whitelisted(Entry(T0, T0, 5, T0), RULES, T0)


# Whatever is tried

steps = st.lists(st.integers(0, 2 * DELAY) | st.sampled_from([0, 1, DELAY - 1, DELAY, DELAY + 1]), max_size=40)
rules_of_all_kinds = st.builds(
    Rules,
    delay=st.integers(0, 600),
    retry_window=st.integers(600, 10**6),
    max_age=st.integers(DAY, 10**7),
    auto_whitelist_clients=st.integers(0, 6),
    auto_whitelist_interval=st.integers(0, 7200),
)


@given(steps)
@thorough
def test_early_retries_never_restart_the_clock(gaps: list[int]) -> None:
    """A server that retries every minute would otherwise never get through."""
    book, now = Book(), T0
    book.observe(now)
    for gap in gaps:
        now += gap
        outcome = book.outcome(now)
        if now - T0 < DELAY:
            assert outcome == "early"
        else:
            assert outcome == "passed"
            break


@given(rules_of_all_kinds, st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from("abcdefg")), max_size=60))
@thorough
def test_nothing_passes_before_its_delay(rules: Rules, tries: list[tuple[int, str]]) -> None:
    book, now, first = Book(rules), T0, {}
    for gap, name in tries:
        now += gap
        before = book.triplets.get(name)
        judgement = book.observe(now, name)
        if judgement.outcome == "new":
            first[name] = now
        if judgement.outcome == "passed":
            assert judgement.seconds >= rules.delay
            assert now - first.get(name, now) == judgement.seconds
        if judgement.outcome == "known":
            assert before is not None
            assert before.passes


@given(rules_of_all_kinds, st.lists(st.tuples(st.integers(-50_000, 50_000), st.sampled_from("abc")), max_size=60))
@thorough
def test_no_clock_breaks_the_rule(rules: Rules, tries: list[tuple[int, str]]) -> None:
    """Seconds told to clients stay within the delay, and who comes back after it passes, whatever the clock did."""
    book, now = Book(rules), T0
    for gap, name in tries:
        now += gap
        outcome, seconds, *_ = book.observe(now, name)
        if outcome in ("new", "early"):
            assert 0 < seconds <= rules.delay
            assert book.outcome(now + seconds, name) in ("passed", "auto-whitelisted")


@given(rules_of_all_kinds, st.lists(st.tuples(st.integers(0, 20_000), st.sampled_from("abcdefghij")), max_size=80))
@thorough
def test_passes_are_counted_fairly(rules: Rules, tries: list[tuple[int, str]]) -> None:
    """A client's count is the number of its triplets' first passes that lie the interval apart, and no more."""
    book, now, counted = Book(replace(rules, max_age=10**8)), T0, []
    for gap, name in tries:
        now += gap
        outcome = book.outcome(now, name)
        due = not counted or now - counted[-1] >= rules.auto_whitelist_interval
        if outcome == "passed" and rules.auto_whitelist_clients and due:
            counted.append(now)
        if outcome == "auto-whitelisted":
            assert len(counted) >= rules.auto_whitelist_clients > 0
    assert (book.client.passes if book.client else 0) == len(counted)
