import asyncio
from pathlib import Path

from policyd.stores import Store, StoreOptions, open_store
from policyd.stores.memory import PURGE_INTERVAL
from tests.lookups.virtual import run_virtually
from tests.stores.contract import RULES, START, StoreContract, ask, triplet


class TestMemory(StoreContract):
    async def open(self, place: Path, options: StoreOptions) -> Store:
        return await open_store("memory:", options)


def test_when_all_have_passed_the_oldest_go() -> None:
    async def scenario() -> None:
        store = await open_store("memory:", StoreOptions(max_entries=10))
        try:
            rules = RULES.__class__(delay=0, auto_whitelist_clients=0)
            for number in range(11):
                await ask(store, triplet(number), START + number, rules)
            assert store.stats().entries == 9
            assert await ask(store, triplet(1), START + 20, rules) == ("passed", 0)
            assert await ask(store, triplet(2), START + 20, rules) == ("known", 0)
        finally:
            await store.close()

    asyncio.run(scenario())


def test_it_purges_by_itself_until_it_is_closed() -> None:
    async def scenario() -> None:
        store = await open_store("memory:", StoreOptions(clock=lambda: START + 10**9))
        for number in range(2):
            await ask(store, triplet(number), START, RULES)
            await asyncio.sleep(PURGE_INTERVAL + 1)
            assert store.stats().entries == 0
        await store.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtually(scenario())
