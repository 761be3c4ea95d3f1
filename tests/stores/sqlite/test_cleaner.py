from pathlib import Path

import pytest

from policyd.stores import StoreOptions
from policyd.stores.sqlite.limits import Limits
from tests.stores.contract import RULES, START, TRIPLET, ask, triplet
from tests.stores.sqlite.places import DB, QUICK, errors, filled, killed, opened, run, scribble, until, works


def test_the_filter_is_built_and_spares_look_ups_of_what_is_not_there(place: Path) -> None:
    async def scenario() -> None:
        await filled(place, 300)
        store = await opened(place)
        for number in range(300, 400):
            await ask(store, triplet(number), START)
        await until(lambda: store.filter is not None)
        assert store.archive is not None
        looked_for: list[int] = []
        store.archive.find = lambda key: looked_for.append(key)  # type: ignore[method-assign]
        for number in range(1000, 2000):
            assert store.observe(triplet(number), RULES, START).outcome == "new"
        assert len(looked_for) < 50
        del store.archive.find
        await store.purge()
        await store.purge()  # now nothing is in memory
        for number in range(400):
            assert await ask(store, triplet(number), START + 10) == ("early", 290)
        await store.close()

    run(scenario)


def test_a_filter_that_is_full_is_built_anew(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        await until(lambda: store.filter is not None)
        first = store.filter
        assert first is not None
        first.held = first.capacity + 1
        await until(lambda: store.filter is not first)
        assert store.filters == (store.filter,)
        await store.close()

    run(scenario)


def test_the_background_evicts_and_purges(place: Path) -> None:
    now = [START]

    async def scenario() -> None:
        limits = Limits(generation=10, retry=0.01, chores=0.01, purge=0.01)
        store = await opened(place, limits, StoreOptions(max_entries=50, clock=lambda: now[0]))
        for number in range(200):
            await ask(store, triplet(number), START + number)
        await until(lambda: store.stats().evicted >= 100)
        now[0] += 3 * 86400
        await ask(store, TRIPLET, now[0])
        await until(lambda: store.stats().purged >= 30)
        await until(lambda: store.stats().last_purge == now[0])
        assert await ask(store, TRIPLET, now[0] + 10) == ("early", 290)
        await store.close()

    run(scenario)


def test_a_damaged_page_is_found_after_a_run_that_was_not_closed(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        await filled(place, 2000)
        scribble(place / DB, 12 * 4096, 20 * 4096)
        store = await opened(place, QUICK)
        # Not the error alone: it is told before the store stops writing to the damaged file.
        await until(lambda: any(place.glob(f"{DB}.corrupt-*")) and store.stats().state == "ok")
        await works(store)

    run(scenario)
    assert "is damaged" in errors(caplog)[0]


def test_the_filter_of_a_run_that_ended_well_is_there_at_the_next_start(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place, QUICK)
        for number in range(100):
            store.observe(triplet(number), RULES, START)
        await until(lambda: store.filter is not None)
        await store.close()
        store = await opened(place, Limits(chores=60))  # nothing is built in time
        assert store.filter is not None
        assert await ask(store, triplet(7), START + 10) == ("early", 290)
        await ask(store, triplet(100), START)
        await store.close()
        store = await opened(place, Limits(chores=60))
        assert await ask(store, triplet(100), START + 10) == ("early", 290)
        await store.close()

    run(scenario)


def test_the_filter_of_a_run_before_one_that_was_killed_is_not_used(place: Path) -> None:
    async def scenario() -> None:
        await filled(place, 50)
        await killed(place)
        store = await opened(place, Limits(chores=60))
        assert store.filter is None
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await store.close()

    run(scenario)
