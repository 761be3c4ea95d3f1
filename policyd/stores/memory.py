"""The store in memory: the executable definition of what a store answers.

Law: nothing but the rule, a dict, and two ways to forget. It is lost with the process.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from policyd.model.greylist import (
    Change,
    Entry,
    Identities,
    Observation,
    Rules,
    Triplet,
    client_key,
    is_expired,
    is_waiting,
    judge,
)
from policyd.model.recognition import Recognition, names_to_ask, recognise
from policyd.stores.crowd import Crowd
from policyd.stores.store import Kept, StoreOptions, StoreStats, Wanted

PURGE_INTERVAL: Final = 600.0
"""Seconds between two purges. They only free memory: expiry counts at every look-up."""
SLICE: Final = 500
"""Entries looked at without letting others work: well under a millisecond."""


class MemoryStore:
    """Entries in one dict, in the order of their first tries: the oldest come first."""

    def __init__(self, options: StoreOptions) -> None:
        self._options = options
        self._entries: dict[Triplet, Entry] = {}
        self._rules: Rules | None = None
        self._crowd = Crowd()
        self._evicted = 0
        self._purged = 0
        self._never_returned = 0
        self._returned_late = 0
        self._last_purge = 0
        self._purger: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to purge in the background."""
        self._purger = asyncio.create_task(self._purge_for_ever(), name="memory store: purge")

    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        """Judge and remember; nothing has to be waited for."""
        self._rules = rules
        outcome, seconds, writes = self._judge(triplet, rules, now, others, counts=True)
        if outcome == "new":
            expired = [self._entries.pop(key, None) for key in writes]  # what was there is young again
            self._returned_late += any(entry is not None and is_waiting(entry) for entry in expired)
        self._entries.update(writes)
        if len(self._entries) > self._options.max_entries:
            self._evict()
        return Observation(outcome, seconds)

    def amend(self, keys: Sequence[Triplet], change: Change) -> None:
        """Change and remember; nothing has to be waited for."""
        for key in keys:
            entry = change(self._entries.get(key))
            if entry is not None:
                self._entries[key] = entry

    def _judge(
        self, triplet: Triplet, rules: Rules, now: int, others: Identities | None, *, counts: bool
    ) -> Recognition:
        find, network = self._entries.get, client_key(triplet)
        client = find(network)
        judgement = judge(client, find(triplet), rules, now)
        crowded = (
            judgement.outcome == "new"
            and rules.max_new > 0
            and self._crowd.is_full(hash(triplet.client), rules.max_new, now)
        )
        names = names_to_ask(judgement, client, rules, others)
        if names is not None or crowded:
            return recognise(find, triplet, names or (), rules, now, crowded=crowded)
        found = {network: judgement.client, triplet: judgement.triplet}
        return Recognition(judgement.outcome, judgement.seconds, {key: entry for key, entry in found.items() if entry})

    def peek(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        """Judge only."""
        outcome, seconds, _ = self._judge(triplet, rules, now, others, counts=False)
        return Observation(outcome, seconds)

    async def search(self, wanted: Wanted) -> list[Kept]:
        """Look through all of them."""
        found = [kept for kept in reversed(self._entries.items()) if wanted.fits(*kept)]
        return sorted(found, key=lambda kept: -kept[1].first_seen)[: wanted.most]

    async def change(self, wanted: Wanted, change: Change) -> tuple[list[Kept], None]:
        """Find, then change."""
        found = await self.search(wanted)
        self.amend([key for key, _ in found], change)
        return found, None

    async def census(self, kind_of: Callable[[Triplet, Entry], str]) -> Counter[str]:
        """Count all of them."""
        entries = iter(list(self._entries.items()))
        counts = Counter[str]()
        while some := list(islice(entries, SLICE)):
            counts.update(kind_of(*kept) for kept in some)
            await asyncio.sleep(0)
        return counts

    def stats(self) -> StoreStats:
        """The figures of this moment."""
        return StoreStats(
            state="ok",
            entries=len(self._entries),
            evicted=self._evicted,
            purged=self._purged,
            never_returned=self._never_returned,
            returned_late=self._returned_late,
            last_purge=self._last_purge,
        )

    async def ping(self) -> None:
        """Nothing to wait for."""

    async def purge(self) -> None:
        """Forget what has expired."""
        if self._rules is None:
            return
        now = int(self._options.clock())
        entries = iter(list(self._entries))
        while some := list(islice(entries, SLICE)):
            self._purge_some(some, self._rules, now)
            await asyncio.sleep(0)
        self._last_purge = now

    async def close(self) -> None:
        """Stop purging. What is remembered stays until the process ends."""
        if self._purger is not None:
            self._purger.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._purger
            self._purger = None

    async def _purge_for_ever(self) -> None:
        while True:
            await asyncio.sleep(PURGE_INTERVAL)
            await self.purge()

    def _purge_some(self, keys: list[Triplet], rules: Rules, now: int) -> None:
        for key in keys:
            entry = self._entries.get(key)
            if entry is not None and is_expired(entry, rules, now):
                del self._entries[key]
                self._purged += 1
                self._never_returned += is_waiting(entry)

    def _evict(self) -> None:
        """Forget down to 90 % of the cap: the oldest that never passed, then the oldest at all."""
        surplus = len(self._entries) - self._options.max_entries * 9 // 10
        pending = (key for key, entry in self._entries.items() if entry.passes <= 0)
        doomed = list(islice(pending, surplus))
        for key in doomed:
            del self._entries[key]
        for key in list(islice(self._entries, surplus - len(doomed))):
            del self._entries[key]
        self._evicted += surplus


async def open_store(place: str, options: StoreOptions) -> MemoryStore:
    """A new store in memory; `place` means nothing."""
    store = MemoryStore(options)
    store.start()
    return store
