"""`python -m bench.fill DATABASE COUNT`: a policyd database in which a population's past has happened.

Law: through the store's own door, try by try, with the clock of the past; what lies there is what policyd wrote.
"""

import asyncio
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Final

from bench.triplets import Population
from bench.workloads import DELAY
from policyd.model.errors import Unavailable
from policyd.model.greylist import Observation, Rules, Triplet
from policyd.stores import Store, StoreOptions, open_store

_GROUP: Final = 2000
"""Tries that share one commit."""
_PATIENCE: Final = 400
"""Times to ask a store that is behind, 50 ms apart."""


async def fill(store: Store, population: Population, now: int) -> None:
    """Let the population's past happen in `store`. Raises Unavailable, or OSError for a commit that failed."""
    rules = Rules(delay=DELAY)
    for moment, tries in population.history(now):
        triplets = (Triplet(*attempt.triplet) for attempt in tries)
        while group := list(islice(triplets, _GROUP)):
            await _committed([await _observed(store, triplet, rules, moment) for triplet in group])


async def _observed(store: Store, triplet: Triplet, rules: Rules, moment: int) -> Observation:
    """The observation, at once or as soon as the store has caught up with its merging."""
    for _ in range(_PATIENCE):
        try:
            return store.observe(triplet, rules, moment)
        except Unavailable:
            await asyncio.sleep(0.05)
    return store.observe(triplet, rules, moment)


async def _committed(group: list[Observation]) -> None:
    commits = [observation.commit for observation in group if observation.commit is not None]
    if commits:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        commits[-1].then(done.set_result)
        if not await done:
            raise OSError("the store could not commit")


async def _main(path: Path, count: int) -> None:
    now = int(time.time())
    store = await open_store(f"sqlite:{path.resolve()}", StoreOptions(max_entries=3 * count))
    try:
        await fill(store, Population(count), now)
        print(f"{store.stats().entries:,} entries, {time.time() - now:.0f} s")
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
