"""Law tested: who lies is parked at once, who is silent the second time; one good probe brings a list back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.health import (
    AGAIN,
    APART,
    BELIEVED,
    FIRST_PAUSE,
    FRESH,
    INTERVAL,
    LIES,
    LONGEST_MEMORY,
    Finding,
    Health,
)
from tests.examples import thorough

NOW = 1_700_000_000
findings: st.SearchStrategy[Finding] = st.sampled_from(["good", "lists all", "refused", "strange", "empty", "silent"])


def test_a_list_is_not_believed_before_its_first_probe() -> None:
    health = Health()
    assert health.is_due(NOW)
    assert health.wants_proof(NOW)
    assert not health.is_believed(NOW)
    assert health.take("good", NOW) is None, "nothing changed that anybody must know"
    assert health.is_believed(NOW)
    assert not health.wants_proof(NOW)
    assert not health.is_due(NOW + INTERVAL - 1)
    assert health.is_due(NOW + INTERVAL)


def test_proof_grows_old() -> None:
    health = Health()
    health.take("good", NOW)
    assert not health.wants_proof(NOW + FRESH - 1)
    assert health.wants_proof(NOW + FRESH)
    assert health.wants_proof(NOW - 1), "a clock set back proves nothing"
    assert health.is_believed(NOW + BELIEVED - 1)
    assert not health.is_believed(NOW + BELIEVED)
    assert not health.is_believed(NOW - 1), "a clock set back proves nothing"


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_lie_parks_at_once_and_truth_brings_back(lie: Finding) -> None:
    health = Health()
    health.take("good", NOW)
    assert health.take(lie, NOW + 1) == "parked"
    assert (health.parked, health.since, health.finding) == (True, NOW + 1, lie)
    assert not health.is_believed(NOW + 1)
    assert not health.wants_proof(NOW + FRESH), "the prober asks, not every mail"
    health.suspect(NOW + FRESH)
    assert not health.is_due(NOW + FIRST_PAUSE)
    assert health.is_due(NOW + 1 + FIRST_PAUSE)
    assert health.take("good", NOW + 100) == "back"
    assert not health.wants_proof(NOW + 100)


@pytest.mark.parametrize("finding", ["empty", "silent"])
def test_silence_parks_the_second_time(finding: Finding) -> None:
    health = Health()
    health.take("good", NOW)
    assert health.take(finding, NOW + 1) is None
    assert health.is_believed(NOW + 1), "one lost packet changes nothing"
    assert health.is_due(NOW + 1 + AGAIN)
    assert health.take(finding, NOW + 1 + APART) == "parked"


def test_a_burst_of_failures_is_one() -> None:
    health = Health()
    health.take("good", NOW)
    for _ in range(10):
        assert health.take("silent", NOW + 100) is None
    assert not health.wants_proof(NOW + 100), "not every mail waits for a probe that fails"
    assert health.wants_proof(NOW + 100 + APART)


def test_a_good_probe_ends_a_burst_of_failures() -> None:
    health = Health()
    health.take("silent", NOW)
    health.take("good", NOW + 1)
    health.suspect(NOW + 2)
    assert health.is_due(NOW + 2)
    health.take("silent", NOW + 2)
    assert not health.is_due(NOW + 2 + AGAIN - 1)
    assert health.is_due(NOW + 2 + AGAIN)
    health.suspect(NOW + 2 + APART)
    assert health.is_due(NOW + 2 + APART)


def test_what_caches_repeat_of_an_empty_list_parks_nobody() -> None:
    health = Health()
    health.take("empty", NOW, ttl=300)
    health.take("good", NOW + 10)
    assert health.good_at == NOW + 10


def test_a_lie_in_a_burst_of_failures_is_a_lie() -> None:
    health = Health()
    health.take("silent", NOW)
    assert health.take("lists all", NOW + 1) == "parked"


def test_a_list_that_lies_is_probed_less_and_less_often_and_a_silent_one_is_not() -> None:
    liar, silent = Health(), Health()
    pauses, now = [], NOW
    for _ in range(6):
        liar.take("refused", now)
        pauses.append(liar.probe_at - now)
        now = liar.probe_at
    assert pauses == [60, 120, 240, 480, 600, 600]
    for number in range(20):
        silent.take("silent", NOW + number * AGAIN)
    assert silent.parked
    assert silent.probe_at == NOW + 20 * AGAIN


def test_a_list_stays_parked_while_caches_may_repeat_its_lies() -> None:
    health = Health()
    health.take("lists all", NOW, ttl=300)
    assert health.take("good", NOW + 60) is None
    assert health.parked
    assert health.probe_at == NOW + 300
    assert health.take("good", NOW + 300) == "back"
    health.take("lists all", NOW, ttl=10**9)
    assert health.take("good", NOW + LONGEST_MEMORY) == "back", "no TTL parks a list for ever"


def test_suspicion_makes_a_probe_due_once() -> None:
    health = Health()
    health.take("good", NOW)
    health.suspect(NOW + 1)
    assert health.is_due(NOW + 1)
    health.take("silent", NOW + 1)
    health.suspect(NOW + 2)
    assert not health.is_due(NOW + 2), "who has just failed is not asked again at once"


def test_a_probe_is_not_put_off_by_a_clock_that_was_wrong() -> None:
    health = Health()
    health.take("good", NOW + 10**9)
    assert health.is_due(NOW)


@given(st.lists(st.tuples(findings, st.integers(0, 2000)), max_size=30))
@thorough
def test_it_is_parked_by_what_it_did_and_always_comes_back(events: list[tuple[Finding, int]]) -> None:
    health, now = Health(), NOW
    for finding, seconds in events:
        now += seconds
        health.take(finding, now)
        assert health.parked <= (finding != "good")
        assert health.parked >= (finding in LIES)
        assert now < health.probe_at <= now + INTERVAL or finding in ("silent", "empty")
    now += INTERVAL
    assert health.is_due(now)
    health.take("good", now)
    assert health.is_believed(now)
