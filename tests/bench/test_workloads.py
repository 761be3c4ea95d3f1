import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest

from bench.fill import fill
from bench.triplets import Population
from bench.workloads import DELAY, WORKLOADS, history, mix
from policyd.model.greylist import Rules, Triplet
from policyd.stores import StoreOptions, open_store
from policyd.stores.memory import MemoryStore
from policyd.wire.request import parse_request

NOW = 10**9
POPULATION = Population(1000)


def triplet_of(raw: bytes) -> Triplet:
    request = parse_request(raw[:-2])
    assert request.client_address is not None
    return Triplet(request.client_address.network(24), request.sender, request.recipient)


def filled() -> MemoryStore:
    async def make() -> MemoryStore:
        store = await open_store("memory:", StoreOptions())
        await fill(store, POPULATION, NOW)
        await store.close()
        assert isinstance(store, MemoryStore)
        return store

    return asyncio.run(make())


def outcomes(requests: Iterator[bytes], count: int, per_second: int = 0) -> Counter[str]:
    """What greylisting says of the first `count` requests, `per_second` of them each second."""
    store, rules = filled(), Rules(delay=DELAY)
    moments = (NOW + turn // per_second if per_second else NOW for turn in range(count))
    return Counter(
        store.observe(triplet_of(raw), rules, now).outcome for raw, now in zip(requests, moments, strict=False)
    )


def test_new_is_new() -> None:
    assert outcomes(WORKLOADS["new"].stream(POPULATION), 2000) == {"new": 2000}


def test_known_is_by_halves_known_and_automatically_whitelisted() -> None:
    assert outcomes(WORKLOADS["known"].stream(POPULATION), 2000) == {"known": 1000, "auto-whitelisted": 1000}


def test_the_mix_is_as_promised_once_mail_of_the_run_is_due() -> None:
    per_second, seconds = 4000, 8
    ticks = iter(range(10**9))
    stream = mix(POPULATION, lambda: next(ticks) * 20 / per_second)  # one look at the clock per lap of 20
    all_of_it = outcomes(stream, per_second * seconds, per_second)
    shares = {outcome: number / (per_second * seconds) for outcome, number in all_of_it.items()}
    assert shares["new"] == pytest.approx(0.6, abs=0.002)
    assert shares["known"] + shares["auto-whitelisted"] == pytest.approx(0.25, abs=0.01)
    stored = (POPULATION.fresh - POPULATION.passed) / (per_second * seconds)  # due from the beginning
    assert shares["passed"] == pytest.approx(0.075 * (seconds - DELAY - 1.2) / seconds + stored, abs=0.002)


def test_postgrey_gets_the_same_past_with_its_times() -> None:
    batches = [list(batch) for batch in history(POPULATION, NOW)]
    assert batches[-1][0].endswith(b"policy_context=\npolicy_test_time=%d\n\n" % (NOW - 600))
    assert len({triplet_of(raw) for batch in batches for raw in batch}) == POPULATION.stored


def test_a_run_whose_answers_do_not_fit_is_refused() -> None:
    assert WORKLOADS["new"].complaint({"DEFER": 1000, "DUNNO": 1}) == ""
    assert "50.0% deferred" in WORKLOADS["new"].complaint({"DEFER": 10, "DUNNO": 10})
    assert "DUNNO 10" in WORKLOADS["new"].complaint({"DUNNO": 10})
    assert WORKLOADS["known"].complaint({"DUNNO": 90, "PREPE": 10}) == ""
    assert WORKLOADS["known"].complaint({"DEFER": 10, "DUNNO": 90})
    assert WORKLOADS["mix"].complaint({"DEFER": 675, "DUNNO": 250, "PREPE": 75}) == ""
    assert WORKLOADS["mix"].complaint({"DEFER": 750, "DUNNO": 250})
    assert WORKLOADS["new"].complaint({})
