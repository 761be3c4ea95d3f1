"""Law tested: a day's flood of one-shot triplets stays below the store's cap, and who was known stays known.

In virtual time and small: POLICYD_FLOOD=10000000 plays the day of a large server, with the default cap.
"""

import asyncio
import os
from pathlib import Path

from policyd.checks.greylist import Settings
from policyd.model.greylist import Triplet
from policyd.stores import StoreOptions
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.store import SqliteStore
from tests.stores.contract import START, Clock, ask

TRIPLETS = int(os.environ.get("POLICYD_FLOOD", "20000"))
CAP = TRIPLETS // 5  # 10 million a day against 2 million entries
DAY = 86400
KNOWN = 200
RULES = Settings().rules()


def friend(number: int) -> Triplet:
    return Triplet(f"198.51.{number}.0/24", f"friend{number}@x{number}.example", "me@example.org")


def enemy(number: int) -> Triplet:
    """Every second one from a hundred networks that never stop, the others from everywhere."""
    spread = number * 0x9E3779B1 & 0xFFFFFF
    network = number // 2 % 100 << 8 if number % 2 else spread
    return Triplet(
        f"10.{network >> 16}.{network >> 8 & 255}.0/24", f"{number}@spam.example", f"user{spread}@example.org"
    )


async def settled(store: SqliteStore, most: int) -> int:
    """How many entries there are when no more than `most` are left: the day is short here, forgetting is not."""
    async with asyncio.timeout(10 + CAP // 10_000):
        while store.stats().entries > most:
            await asyncio.sleep(0.01)
    return store.stats().entries


async def flood(store: SqliteStore, clock: Clock, generation: int) -> int:
    """A day of enemies; the most entries there were after what a minute and a half merges and forgets."""
    highest = 0
    for number in range(TRIPLETS):
        clock.now = START + number * DAY // TRIPLETS
        store.observe(enemy(number), RULES, int(clock.now))
        if number % 50 == 0:
            await asyncio.sleep(0)
        if number % generation == 0:
            highest = max(highest, await settled(store, CAP + 2 * generation))
    return highest


def test_ten_million_one_shot_triplets_a_day(place: Path) -> None:
    async def scenario() -> None:
        clock = Clock()
        limits = Limits(generation=min(65536, max(500, CAP // 16)), chores=0.01)
        store = SqliteStore(place / "policyd.db", StoreOptions(max_entries=CAP, clock=clock), limits)
        await store.start()
        try:
            for number in range(KNOWN):
                assert (await ask(store, friend(number), START - 400, RULES))[0] == "new"
                assert (await ask(store, friend(number), START - 100, RULES))[0] == "passed"
            highest = await flood(store, clock, limits.generation)
            await store.purge()
            assert store.stats().entries <= CAP
            print(f"{TRIPLETS} tries, {highest} entries at most, {store.stats().evicted} forgotten, cap {CAP}")
            for number in range(KNOWN):
                assert (await ask(store, friend(number), START + DAY, RULES))[0] == "known"
        finally:
            await store.close()

    asyncio.run(scenario())
