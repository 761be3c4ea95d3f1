"""The sqlite store as the chain sees it: judge by what is known, remember in the group of this tick.

Law: nothing here waits. Memory is two generations of a dict; every answer that must be remembered rests on the open
group, which is committed before the event loop's next look at its sockets. A group that fails is unlearned.
"""

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

from policyd.model.errors import Unavailable
from policyd.model.greylist import (
    AUTO_WHITELISTED,
    KNOWN,
    Change,
    Entry,
    Identities,
    Judgement,
    Observation,
    Rules,
    Triplet,
    is_auto_whitelisted,
    judge,
)
from policyd.model.greylist import client_key as own_key
from policyd.model.recognition import names_to_ask
from policyd.stores.crowd import Crowd
from policyd.stores.sqlite import reading
from policyd.stores.sqlite.figures import figures_of
from policyd.stores.sqlite.journal import Group
from policyd.stores.sqlite.keeper import Keeper
from policyd.stores.sqlite.keys import client_text, triplet_text
from policyd.stores.sqlite.ledger import Ledger
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.recognising import REFRESHING, amend_all, observe_all, peek_at_all, strangers
from policyd.stores.store import Kept, StoreOptions, StoreStats, Wanted

T = TypeVar("T")


class SqliteStore(Ledger):
    """Greylisting in SQLite."""

    def __init__(self, path: Path, options: StoreOptions, limits: Limits | None = None) -> None:
        super().__init__(options, limits or Limits())
        self._crowd = Crowd()
        self._keeper = Keeper(self, path)
        self.on_failure = self._keeper.report
        self.wake = self._keeper.wake

    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        """Judge and remember. A retry of what is still being written rests on the same commit."""
        self.rules = rules
        client_key = key = self.keys.of_client(triplet.client)
        client = self.recall(client_key, is_needed=False)
        text, entry = b"", None
        if client is None or not is_auto_whitelisted(client, rules, now):
            text = triplet_text(triplet)
            key = self.keys.of(text)
            entry = self.recall(key)
        judgement = judge(client, entry, rules, now)
        is_new = judgement.outcome == "new"
        crowded = is_new and rules.max_new > 0 and self._crowd.is_full(client_key, rules.max_new, now)
        if judgement is AUTO_WHITELISTED or (judgement is KNOWN and client is None):
            pass  # settled, as most mail that is worth having
        elif crowded or others is not None or client is not None or rules.replies_for or judgement.outcome == "passed":
            names = names_to_ask(judgement, client, rules, others)
            if names is not None and is_new and client is None and not crowded and not rules.replies_for:
                return self._remember_stranger(judgement, triplet, key, text, names, rules, now)
            if names is not None or crowded:
                known = {own_key(triplet): (client_key, client), triplet: (key, entry)}
                return observe_all(self, triplet, names or (), rules, now, known, crowded=crowded)
        if judgement.client is not None or judgement.triplet is not None:
            return self._remember(judgement, triplet.client, client_key, key, text)
        group = self._group
        in_flight = group is not None and (key in group.before or client_key in group.before)
        return tuple.__new__(Observation, (judgement.outcome, judgement.seconds, group if in_flight else None))

    def amend(self, keys: Sequence[Triplet], change: Change) -> Group | None:
        """Change entries in the group of this tick."""
        return amend_all(self, keys, change)

    def peek(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        """Judge only."""
        return peek_at_all(self, triplet, rules, now, others)

    async def search(self, wanted: Wanted) -> list[Kept]:
        """Merge what is new, then look into the archive."""
        return list((await self._found(wanted)).values())

    async def change(self, wanted: Wanted, change: Change) -> tuple[list[Kept], Group | None]:
        """The same, then change what was found by its keys: with `privacy` nobody knows their texts."""
        found = await self._found(wanted)
        changed = ((number, change(self.recall(number)), triplet_text(key)) for number, (key, _) in found.items())
        rows = [(number, entry, text) for number, entry, text in changed if entry is not None]
        return list(found.values()), self.remember(rows, (), is_needed=True)

    async def _found(self, wanted: Wanted) -> dict[int, Kept]:
        words = wanted.words
        if self._hides:
            words = tuple(self.keys.hidden(word.encode("utf-8", "surrogateescape")).decode() for word in words)
        return await self._read(lambda path: reading.search(path, wanted, words))

    async def census(self, kind_of: Callable[[Triplet, Entry], str]) -> Counter[str]:
        """The same, then count."""
        return await self._read(lambda path: reading.census(path, kind_of))

    async def _read(self, read: Callable[[Path], Awaitable[T]]) -> T:
        if self.archive is None or not await self._keeper.attempt(merge=True):
            raise Unavailable(f"the store cannot be read now: {self.trouble}")
        try:
            return await read(self._keeper.path)
        except sqlite3.Error as error:
            raise Unavailable(f"the store cannot be read: {error}") from error

    def stats(self) -> StoreStats:
        """The figures of this moment."""
        open_one = [self.segment] if self.segment is not None else []
        unmerged = chain(open_one, self._retired, self._keeper.unmerged)
        return figures_of(self, self._keeper, self._figures, unmerged, self._new_keys + self._keeper.new_keys)

    async def start(self) -> None:
        """Open the files, or come up without them; keep them in the background."""
        await self._keeper.start()

    async def ping(self) -> None:
        """A round trip through the archive's thread; without an archive there is none."""
        if self.archive is not None:
            await self.archive.ping()

    async def purge(self) -> None:
        """Merge what is new, then forget what has expired and what exceeds the cap."""
        await self._keeper.purge()

    async def close(self) -> None:
        """Commit, merge and let go of the files."""
        await self._keeper.close()

    def _remember(self, judgement: Judgement, network: str, client_key: int, key: int, text: bytes) -> Observation:
        outcome, seconds, client, entry = judgement
        if self.segment is None or len(self._young) >= self._hard_limit:
            if outcome not in REFRESHING:
                self._refuse()
            return Observation(outcome, seconds)
        if outcome == "new" and key in self._young:
            self.count_late((key,))
        group = self._group or self._open_group()
        # Nobody need wait for a date, unless it is that of something not committed yet.
        waits = outcome not in REFRESHING or key in group.before or client_key in group.before
        if entry is not None:
            self._put(group, key, entry, text)
        if client is not None:
            self._put(group, client_key, client, client_text(network))
        # What Observation(...) does, without a Python frame, here and above: one is made for every mail.
        return tuple.__new__(Observation, (outcome, seconds, group if waits else None))

    def _remember_stranger(
        self, seen: Judgement, triplet: Triplet, key: int, text: bytes, names: Sequence[str], rules: Rules, now: int
    ) -> Observation:
        """Remember a first try under all identities of its client, unless one of them is no stranger."""
        strange = strangers(self, names, text)
        if strange is None:
            return observe_all(self, triplet, names, rules, now, {}, crowded=False)
        observation = self._remember(seen, "", key, key, text)
        group, entry = self._group, seen.triplet
        assert group is not None and entry is not None  # noqa: PT018, S101 - just written
        for other, named in strange:
            self._put(group, other, entry, named)
        return observation
