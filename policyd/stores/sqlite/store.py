"""The sqlite store as the chain sees it: judge by what is known, remember in the group of this tick.

Law: nothing here waits. Memory is two generations of a dict; every answer that must be remembered rests on the open
group, which is committed before the event loop's next look at its sockets. A group that fails is unlearned.
"""

import asyncio
import sqlite3
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Final, NoReturn

from policyd.model.errors import Unavailable
from policyd.model.greylist import Entry, Judgement, Observation, Rules, Triplet, is_auto_whitelisted, judge
from policyd.stores.sqlite.archive import Archive
from policyd.stores.sqlite.filter import Filter
from policyd.stores.sqlite.journal import Group, Segment
from policyd.stores.sqlite.keeper import Keeper
from policyd.stores.sqlite.keys import Keys, client_text, triplet_text
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.state import State, freeze, thaw
from policyd.stores.store import CommitFigures, StoreOptions, StoreStats

_REFRESHING: Final = frozenset({"known", "auto-whitelisted"})
"""Outcomes that change nothing but a date."""


class SqliteStore:
    """Greylisting in SQLite. The methods after `close` are the keeper's."""

    def __init__(self, path: Path, options: StoreOptions, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.options = options
        self.archive: Archive | None = None
        self.segment: Segment | None = None
        """Where groups are committed; None: nothing can be written now."""
        self.keys = Keys(b"")
        self.filter: Filter | None = None
        """Complete, or None."""
        self.filters: tuple[Filter, ...] = ()
        """All that must learn new keys: the complete one, and one that is being built."""
        self.rules: Rules | None = None
        self.failures = 0
        self.forgotten: dict[int, State] = {}
        """The generation that was dropped last: the keeper frees it bit by bit, at once it would take 1.5 ms."""
        self._hides = options.privacy
        self._hard_limit = self.limits.hard_limit
        self._young: dict[int, State] = {}
        self._old: dict[int, State] = {}
        self._retired: list[Segment] = []
        self._new_keys = 0
        self._group: Group | None = None
        self._figures = CommitFigures()
        self._call_soon = asyncio.get_running_loop().call_soon
        self._keeper = Keeper(self, path)

    def observe(self, triplet: Triplet, rules: Rules, now: int) -> Observation:
        """Judge and remember. A retry of what is still being written rests on the same commit."""
        self.rules = rules
        client_key = key = self.keys.of_client(triplet.client)
        text, young, old = b"", self._young, self._old
        client = self._recall(client_key) if client_key in young or client_key in old else None
        entry = None
        if client is None or not is_auto_whitelisted(client, rules, now):
            text = triplet_text(triplet)
            key = self.keys.of(text)
            if key in young or key in old:
                entry = self._recall(key)
            if client is None or entry is None:
                client, entry = self._look_up(client_key, client, key, entry)
        judgement = judge(client, entry, rules, now)
        if judgement.client is not None or judgement.triplet is not None:
            return self._remember(judgement, triplet.client, client_key, key, text)
        group = self._group
        in_flight = group is not None and (key in group.before or client_key in group.before)
        return Observation(judgement.outcome, judgement.seconds, group if in_flight else None)

    def stats(self) -> StoreStats:
        """The figures of this moment."""
        figures, keeper = self._figures, self._keeper
        open_rows = self.segment.rows if self.segment is not None else 0
        return StoreStats(
            state="degraded" if self.segment is None else "ok",
            entries=(self.archive.entries if self.archive is not None else 0) + self._new_keys + keeper.new_keys,
            pending=open_rows + sum(segment.rows for segment in chain(self._retired, keeper.unmerged)),
            commits=figures.commits,
            committed_rows=figures.rows,
            commit_seconds=figures.seconds,
            commit_seconds_counts=tuple(figures.seconds_counts),
            batch_rows_counts=tuple(figures.rows_counts),
            failures=self.failures,
            evicted=keeper.cleaner.evicted,
            purged=keeper.cleaner.purged,
            last_purge=keeper.cleaner.last_purge,
            bytes_on_disk=keeper.bytes_on_disk,
            trouble=keeper.trouble,
        )

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

    def commit(self) -> None:
        """Commit the open group, if there is one, and tell all that wait for it."""
        group = self._group
        if group is None:
            return
        self._group = None
        done = self.segment is not None and self._append(self.segment, group)
        if not done:
            self._unlearn(group)
        elif self.is_due():
            self._keeper.wake()
        group.finish(done)

    def is_due(self) -> bool:
        """Whether the young generation is big enough, or its segment long enough, to be merged."""
        segment, limits = self.segment, self.limits
        if self._retired or len(self._young) >= limits.generation:
            return True
        return segment is not None and (segment.rows >= limits.generation or segment.commits >= limits.commits)

    def turn(self, fresh: Segment | None) -> tuple[list[Segment], int]:
        """Begin a generation, and a segment if there is a `fresh` one; the segments to merge, and their new keys.

        Only when all earlier segments are merged: the old generation is dropped.
        """
        self.commit()
        self.forgotten, self._old, self._young = self._old, self._young, {}
        if fresh is None:
            return [], 0
        finished = self._retired + ([self.segment] if self.segment is not None else [])
        self.segment, self._retired = fresh, []
        new_keys, self._new_keys = self._new_keys, 0
        return finished, new_keys

    def suspend(self) -> None:
        """Write no more, until `resume`: the segment cannot take it, or the archive is lost."""
        self.commit()
        if self.segment is not None:
            self._retired.append(self.segment)
            self.segment = None

    def resume(self, segment: Segment) -> None:
        """Write again, to `segment`."""
        self.segment = segment

    def adopt(self, archive: Archive | None) -> None:
        """Look up in `archive`. With one of another secret all that memory holds is void."""
        self.archive = archive
        self.filter, self.filters = None, ()
        if archive is not None and archive.secret != self.keys.secret:
            self.keys = Keys(archive.secret)
            self._young, self._old = {}, {}

    def learn(self, states: dict[int, State]) -> None:
        """Hold in memory what the segments of an earlier run say, until they are merged."""
        self._old.update(states)

    def memory(self) -> list[tuple[int, State]]:
        """All that memory holds, the newest state of each key."""
        return list({**self._old, **self._young}.items())

    def held_keys(self) -> list[int]:
        """The keys of all that memory holds, some twice: a millisecond, where `memory` takes 30."""
        return [*self._old, *self._young]

    def has_retired(self) -> bool:
        """Whether there are segments that cannot be written any more, and are not being merged yet."""
        return bool(self._retired)

    def take_retired(self) -> list[Segment]:
        """Take over the segments that cannot be written any more."""
        retired, self._retired = self._retired, []
        return retired

    def _recall(self, key: int) -> Entry | None:
        state = self._young.get(key)
        if state is None:
            state = self._old.get(key)
            if state is None:
                return None
            self._young[key] = state
        return thaw(state)

    def _look_up(
        self, client_key: int, client: Entry | None, key: int, entry: Entry | None
    ) -> tuple[Entry | None, Entry | None]:
        """Both entries, from the archive where memory has none and the archive may have one."""
        known = self.filter
        ask_client = client is None and (known is None or known.may_hold(client_key))
        ask_entry = entry is None and (known is None or known.may_hold(key))
        if not (ask_client or ask_entry):
            return client, entry
        if self.archive is None:
            if entry is None:
                self._refuse()
            return client, entry
        try:
            if ask_client:
                client = self._fetch(self.archive, client_key)
            if ask_entry:
                entry = self._fetch(self.archive, key)
        except sqlite3.Error as error:
            self.failures += 1
            self._keeper.report(error)
            raise Unavailable(f"the store cannot be read: {error}") from error
        return client, entry

    def _fetch(self, archive: Archive, key: int) -> Entry | None:
        state = archive.find(key)
        if state is None:
            return None
        if len(self._young) < self._hard_limit:
            self._young[key] = state
        return thaw(state)

    def _remember(self, judgement: Judgement, network: str, client_key: int, key: int, text: bytes) -> Observation:
        outcome, seconds, client, entry = judgement
        if self.segment is None or len(self._young) >= self._hard_limit:
            if outcome not in _REFRESHING:
                self._refuse()
            return Observation(outcome, seconds)
        group = self._group
        if group is None:
            group = self._group = Group()
            self._call_soon(self.commit)
        # Nobody need wait for a date, unless it is that of something not committed yet.
        waits = outcome not in _REFRESHING or key in group.before or client_key in group.before
        if entry is not None:
            self._put(group, key, entry, text)
        if client is not None:
            self._put(group, client_key, client, client_text(network))
        return Observation(outcome, seconds, group if waits else None)

    def _put(self, group: Group, key: int, entry: Entry, text: bytes) -> None:
        before = self._young.get(key)
        if key not in group.before:
            group.before[key] = before
            if before is None:
                self._new_keys += 1
                for known in self.filters:
                    known.add(key)
        self._young[key] = freeze(*entry)
        group.rows.append((key, *entry, self.keys.hidden(text) if self._hides else text))

    def _append(self, segment: Segment, group: Group) -> bool:
        started = perf_counter()
        try:
            segment.append(group.rows)
        except sqlite3.Error as error:
            self.failures += 1
            self._keeper.report(error)
            return False
        self._figures.count(len(group.rows), perf_counter() - started)
        return True

    def _unlearn(self, group: Group) -> None:
        """Put memory back to what it was before `group`, and write no more for now."""
        for key, state in group.before.items():
            if state is None:
                del self._young[key]
                self._new_keys -= 1
            else:
                self._young[key] = state
        self.suspend()

    def _refuse(self) -> NoReturn:
        raise Unavailable(f"the store cannot write: {self._keeper.trouble}")
