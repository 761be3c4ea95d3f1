"""A store under load, to be killed: ``python -m tests.system.sigkill_store FILE now|behind``.

For each line on stdin a child is forked that opens the store at FILE and remembers new triplets as fast as it can.
It tells which were acknowledged: their numbers on stdout, in one write per tick. ``pid N`` names the child, an empty
line says that it is dead. `behind` acknowledges before the commit: the negative control.
"""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path

from policyd.model.greylist import Identities, Observation, Rules, Triplet
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.store import SqliteStore
from policyd.stores.store import StoreOptions

RULES = Rules()
NOW = 1_700_000_000
PER_TICK = 20
LIMITS = Limits(generation=300, commits=50, retry=0.01, chores=0.01)
"""Small, so that merges, new segments and filters are killed too."""


def triplet(number: int) -> Triplet:
    return Triplet(f"192.0.{number % 199}.0/24", f"sender{number}@example.com", "recipient@example.org")


class WriteBehind(SqliteStore):
    """What policyd is not: it answers first, and writes 20 ms later."""

    def __init__(self, path: Path, options: StoreOptions, limits: Limits) -> None:
        super().__init__(path, options, limits)
        loop = asyncio.get_running_loop()
        self._call_soon = partial(loop.call_later, 0.02)  # type: ignore[assignment]

    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        return super().observe(triplet, rules, now)._replace(commit=None)


async def load(kind: type[SqliteStore], path: Path, number: int) -> None:
    store = kind(path, StoreOptions(), LIMITS)
    await store.start()
    while True:
        acknowledged: list[int] = []
        for fresh in range(number, number + PER_TICK):
            commit = store.observe(triplet(fresh), RULES, NOW).commit
            if commit is None:
                acknowledged.append(fresh)
            else:
                commit.then(partial(acknowledge, acknowledged, fresh))
        number += PER_TICK
        await asyncio.sleep(0)
        os.write(1, b"".join(b"%d\n" % done for done in acknowledged))


def acknowledge(acknowledged: list[int], number: int, done: bool) -> None:
    if done:
        acknowledged.append(number)


def main(path: Path, kind: type[SqliteStore]) -> None:
    for number in sys.stdin:
        child = os.fork()
        if not child:
            asyncio.run(load(kind, path, int(number)))
        os.write(1, b"pid %d\n" % child)
        os.waitpid(child, 0)
        os.write(1, b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), {"now": SqliteStore, "behind": WriteBehind}[sys.argv[2]])
