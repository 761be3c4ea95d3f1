"""The slow chores of the archive: build the filter, check the file, forget what has expired.

Law: nothing waits for a chore. Each is a row of short steps with pauses, may be cancelled between any two, and is
begun again another time if it fails.
"""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Final

from policyd.stores.sqlite import sweep
from policyd.stores.sqlite.archive import Archive
from policyd.stores.sqlite.filter import Filter
from policyd.stores.sqlite.ledger import Ledger
from policyd.stores.sqlite.reading import opened_to_read

SLICE: Final = 1000
"""Keys added to a filter in one go: half a millisecond."""
READ: Final = 16_000
"""Keys read in one go, by the background thread."""
PAUSE: Final = 0.001
MOST: Final = 1 << 22
"""Keys for which a filter has room from the start: 8 MiB."""


class Cleaner:
    """The chores of one store."""

    def __init__(self, ledger: Ledger, report: Callable[[sqlite3.Error], None]) -> None:
        self.evicted = 0
        self.purged = 0
        self.never_returned = 0
        self.last_purge = 0
        self._ledger = ledger
        self._report = report
        self._busy = asyncio.Lock()
        self._next_purge = time.monotonic() + ledger.limits.purge
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin the chores."""
        self._task = asyncio.create_task(self._run(), name="sqlite store: chores")

    async def stop(self) -> None:
        """End them."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def take_filter(self, archive: Archive) -> None:
        """Use the filter that the last run left, if it did: with a million keys, building one takes seconds."""
        known = Filter.load(archive.left_filter)
        archive.left_filter = b""
        if known is None and not archive.entries:
            known = self._empty_filter(archive)
        if known is not None:
            known.add_all(self._ledger.held_keys())
            self._ledger.filter, self._ledger.filters = known, (known,)

    async def purge(self) -> None:
        """Forget what has expired by the rules last seen, and what exceeds the cap."""
        async with self._busy:
            archive, rules = self._ledger.archive, self._ledger.rules
            if archive is None or rules is None:
                return
            now = int(self._ledger.options.clock())
            purged = await sweep.purge(archive, rules, now)
            self.purged += purged.rows
            self.never_returned += purged.pending
            evicted = await self._evict(archive)
            if purged.rows or evicted:
                await sweep.sweep_names(archive)
            self.last_purge = now

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._ledger.limits.chores)
            archive = self._ledger.archive
            if archive is None:
                continue
            try:
                await self._look(archive)
            except sqlite3.Error as error:
                if self._ledger.archive is archive:  # else it was closed meanwhile
                    self._report(error)
            except ValueError:
                pass  # aiosqlite's word for a connection that was closed meanwhile

    async def _look(self, archive: Archive) -> None:
        known = self._ledger.filter
        if known is None or known.held > known.capacity:
            await self._build_filter(archive)
        if archive.entries > self._ledger.options.max_entries:
            async with self._busy:
                await self._evict(archive)
        if time.monotonic() >= self._next_purge:
            self._next_purge = time.monotonic() + self._ledger.limits.purge
            await self.purge()
        if archive.needs_check:
            archive.needs_check = False
            await self._check(archive)

    async def _evict(self, archive: Archive) -> int:
        evicted = await sweep.evict(archive, self._ledger.options.max_entries)
        self.evicted += evicted
        return evicted

    async def _build_filter(self, archive: Archive) -> None:
        """A filter of all keys of the archive and of memory; the store uses it once it is complete."""
        ledger = self._ledger
        fresh = self._empty_filter(archive)
        ledger.filters = (*ledger.filters[:1], fresh) if ledger.filter is not None else (fresh,)
        some: Sequence[int] = ledger.held_keys()
        last = -1
        while True:
            for start in range(0, len(some), SLICE):
                fresh.add_all(some[start : start + SLICE])
                await asyncio.sleep(PAUSE)
            some = await archive.keys(last, READ)
            if not some:
                break
            last = some[-1]
        if ledger.archive is archive:
            ledger.filter, ledger.filters = fresh, (fresh,)

    def _empty_filter(self, archive: Archive) -> Filter:
        # Room for all that may ever come: building another one later would cost a tenth of all CPU meanwhile.
        return Filter(max(2 * archive.entries, min(self._ledger.options.max_entries, MOST)))

    async def _check(self, archive: Archive) -> None:
        """Read the whole file."""
        async with opened_to_read(archive.path) as connection:
            found = list(await connection.execute_fetchall("PRAGMA quick_check(1)"))
        if found != [("ok",)]:
            error = sqlite3.DatabaseError(f"it is damaged: {' '.join(str(found[0][0]).split())}")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            self._report(error)
        await archive.set_meta("checked", int(self._ledger.options.clock()))
