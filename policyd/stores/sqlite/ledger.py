"""The ledger: what memory holds of entries, in two generations, and the groups and segments that hold the same.

Law: what is in a segment and not in the archive is in memory. A group that fails is unlearned. The methods from `turn`
on are the keeper's.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import NoReturn

from policyd.model.errors import Unavailable
from policyd.model.greylist import Entry, Rules, is_waiting
from policyd.stores.sqlite.archive import Archive
from policyd.stores.sqlite.filter import Filter
from policyd.stores.sqlite.journal import Group, Segment
from policyd.stores.sqlite.keys import Keys
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.state import State, freeze, thaw
from policyd.stores.store import CommitFigures, StoreOptions


class Ledger:
    """What was learned and is not only in the archive."""

    on_failure: Callable[[sqlite3.Error], None]
    """Is told why a group could not be committed, or an entry not looked up."""
    wake: Callable[[], None]
    """Called when there is something to merge."""

    def __init__(self, options: StoreOptions, limits: Limits) -> None:
        self.limits = limits
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
        """Those last seen."""
        self.trouble = "it is not open yet"
        """Why nothing can be written or looked up now; "" when all is well."""
        self.failures = 0
        self.returned_late = 0
        self.forgotten: dict[int, State] = {}
        """The generation that was dropped last: the keeper frees it bit by bit, at once it would take 1.5 ms."""
        self._hides = options.privacy
        self._hard_limit = self.limits.hard_limit
        self._young: dict[int, State] = {}
        self._old: dict[int, State] = {}
        self._retired: list[Segment] = []
        self._new_keys = 0
        self._group: Group | None = None
        self._frozen: tuple[Entry | None, State] = None, b""
        self._figures = CommitFigures()
        self._call_soon = asyncio.get_running_loop().call_soon

    def recall(self, key: int, *, is_needed: bool = True) -> Entry | None:
        """The entry of a key, wherever it is. Raises Unavailable; without an archive only if it `is_needed`."""
        state = self._young.get(key)
        if state is not None:
            return thaw(state)
        known = self.filter
        if known is not None and not known.may_hold(key):  # it learns what memory learns
            return None
        state = self._old.get(key)
        if state is None:
            if self.archive is not None:
                return self._fetch(self.archive, key)
            return self._refuse() if is_needed else None
        self._young[key] = state
        return thaw(state)

    def may_hold(self, key: int) -> bool:
        """Whether there may be an entry of a key."""
        return self.filter is None or self.filter.may_hold(key)  # it learns what memory learns

    def remember(
        self, rows: Sequence[tuple[int, Entry, bytes]], asked: Iterable[int], *, is_needed: bool
    ) -> Group | None:
        """Put `rows` into the open group; the group that the answer must wait for, also because of what was `asked`.

        Raises Unavailable if that `is_needed` and cannot be done.
        """
        if rows and (self.segment is None or len(self._young) >= self._hard_limit):
            if is_needed:
                self._refuse()
            rows = ()
        group = self._group or (self._open_group() if rows else None)
        if group is None:
            return None
        waits = not group.before.keys().isdisjoint(asked) or (is_needed and bool(rows))
        for key, entry, text in rows:
            self._put(group, key, entry, text)
        return group if waits else None

    def count_late(self, keys: Iterable[int]) -> None:
        """Mail is new under all of `keys`: count it if memory holds one of them, which then expired before it came."""
        states = map(self._young.get, keys)
        self.returned_late += any(state is not None and is_waiting(thaw(state)) for state in states)

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
            self.wake()
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
        """Hold what the segments of an earlier run say until they are merged."""
        self._old.update(states)

    def memory(self) -> list[tuple[int, State]]:
        """All that memory holds, the newest state of each key."""
        return list({**self._old, **self._young}.items())

    def held_keys(self) -> list[int]:
        """The keys of all that memory holds, some twice: a millisecond, where `memory` takes 30."""
        return [*self._old, *self._young]

    def has_retired(self) -> bool:
        """Whether segments that cannot be written any more wait to be merged."""
        return bool(self._retired)

    def take_retired(self) -> list[Segment]:
        """Take over the segments that cannot be written any more."""
        retired, self._retired = self._retired, []
        return retired

    def _append(self, segment: Segment, group: Group) -> bool:
        started = perf_counter()
        try:
            segment.append(group.rows)
        except sqlite3.Error as error:
            self.failures += 1
            self.on_failure(error)
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

    def _fetch(self, archive: Archive, key: int) -> Entry | None:
        try:
            state = archive.find(key)
        except sqlite3.Error as error:
            self.failures += 1
            self.on_failure(error)
            raise Unavailable(f"the store cannot be read: {error}") from error
        if state is None:
            return None
        if len(self._young) < self._hard_limit:
            self._young[key] = state
        return thaw(state)

    def _open_group(self) -> Group:
        group = self._group = Group()
        self._call_soon(self.commit)
        return group

    def _put(self, group: Group, key: int, entry: Entry, text: bytes) -> None:
        before = self._young.get(key)
        if key not in group.before:
            group.before[key] = before
            if before is None:
                self._new_keys += 1
                for known in self.filters:
                    known.add(key)
        if entry is not self._frozen[0]:  # all first tries of one second are the same entry
            self._frozen = entry, freeze(*entry)
        self._young[key] = self._frozen[1]
        group.rows.append((key, *entry, self.keys.hidden(text) if self._hides else text))

    def _refuse(self) -> NoReturn:
        raise Unavailable(f"the store cannot write: {self.trouble}")
