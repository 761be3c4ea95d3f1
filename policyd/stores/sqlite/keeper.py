"""What the store does in the background: bring it up, merge, recover, look after its files.

Law: one step at a time; a step that fails is logged once and tried again a second later. Whatever happens to the
files, the store comes back by itself: what is damaged is set aside, what is lost is begun anew from memory.
"""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path
from typing import Final

from policyd.stores.sqlite import files
from policyd.stores.sqlite.archive import Archive, is_damage
from policyd.stores.sqlite.cleaner import Cleaner
from policyd.stores.sqlite.complaints import Complaints
from policyd.stores.sqlite.journal import ROOM, Segment, create_segment, read_states
from policyd.stores.sqlite.ledger import Ledger
from policyd.stores.sqlite.opening import Opening
from policyd.stores.sqlite.state import State

SLICE: Final = 2000
"""Entries freed in one go: a tenth of a millisecond."""


class Keeper:
    """The background of one store."""

    def __init__(self, ledger: Ledger, path: Path) -> None:
        self.path = path
        self.cleaner = Cleaner(ledger, self.report)
        self.unmerged: list[Segment] = []
        """Segments whose rows the old generation holds, oldest first."""
        self.new_keys = 0
        self.bytes_on_disk = 0
        self._ledger = ledger
        self._limits = ledger.limits
        self._lock: int | None = None
        self._damage: sqlite3.Error | None = None
        self._replayed = False
        self._failed = False
        self._wake = asyncio.Event()
        self._step = asyncio.Lock()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._last_turn = self._last_look = time.monotonic()
        self._complaints = Complaints()
        self._opening = Opening(path, ledger.options.clock, self._complaints)

    async def start(self) -> None:
        """Try once to bring the store up, then keep it."""
        await self.attempt(merge=False)
        self._wake.set()
        self._task = asyncio.create_task(self._keep(), name="sqlite store")
        self.cleaner.start()

    def wake(self) -> None:
        """There is something to merge."""
        self._wake.set()

    def report(self, error: sqlite3.Error) -> None:
        """A commit, a look-up or a purge failed."""
        self._complain(error)
        if is_damage(error):
            self._damage = error
        self._wake.set()

    async def purge(self) -> None:
        """Merge, then forget, now."""
        await self.attempt(merge=True)
        await self.cleaner.purge()

    async def attempt(self, *, merge: bool | None = None) -> bool:
        """One step of whatever is to be done; whether it went well. `merge`: even a little, or not now."""
        async with self._step:
            try:
                await self._look_after_files()
                if self._ledger.segment is None:
                    await self._bring_up()
                if merge is not False:
                    await self._merge_all()
                if self._turn_is_due() if merge is None else merge:
                    await self._turn()
                    await self._merge_all()
            except (sqlite3.Error, OSError) as error:
                self._complain(error)
                if is_damage(error) and self._ledger.archive is not None:
                    await self._lose_archive(aside=error)
                return False
            return True

    async def close(self) -> None:
        """Stop, merge the rest if that can be done, and let go of everything. May be called again."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        try:
            await self.cleaner.stop()
            if self._task is not None:
                await self._task
            self._ledger.commit()
            if self._ledger.archive is not None:
                await self.attempt(merge=True)
        finally:
            await self._let_go()

    async def _keep(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._limits.retry)
            self._wake.clear()
            if not self._closing and not await self.attempt():
                await asyncio.sleep(self._limits.retry)

    def _turn_is_due(self) -> bool:
        segment = self._ledger.segment
        old = time.monotonic() - self._last_turn >= self._limits.age
        return self._ledger.is_due() or (segment is not None and segment.rows > 0 and old)

    # -- merging

    async def _turn(self) -> None:
        """End the young generation, which the segments to merge are of from now on."""
        self._last_turn = time.monotonic()
        segment = self._ledger.segment
        needed = segment is None or segment.rows or self._ledger.has_retired()
        self.unmerged, self.new_keys = self._ledger.turn(await self._new_segment() if needed else None)
        await self._free(self._ledger.forgotten)

    async def _merge_all(self) -> None:
        if not self.unmerged:
            return
        while self.unmerged:
            await self._merge(self.unmerged[0])
            await self._discard(self.unmerged.pop(0))
        self.new_keys = 0
        await self._archive.checkpoint()

    async def _merge(self, segment: Segment) -> None:
        archive = self._archive
        if files.identity(segment.path) != segment.file:
            self._complaints.error(f"{segment.path} was removed or replaced; its rows are written again from memory")
            await archive.keep(self._ledger.memory())
            return
        try:
            await archive.merge(segment.number, segment.path)
        except sqlite3.DatabaseError as error:
            if not is_damage(error) or await asyncio.to_thread(_is_readable, segment.path):
                raise
            self._opening.set_aside(segment.path, error)
            await archive.keep(self._ledger.memory())

    async def _free(self, generation: dict[int, State]) -> None:
        while generation:
            for _ in range(min(len(generation), SLICE)):
                generation.popitem()
            await asyncio.sleep(0)

    async def _discard(self, segment: Segment) -> None:
        # Removed before it is closed: SQLite does not checkpoint a database that is no longer in its place.
        if files.identity(segment.path) == segment.file:
            files.remove(segment.path)
        await asyncio.to_thread(segment.close)

    async def _new_segment(self, room: int = 0) -> Segment:
        numbers = [number for number, _ in files.segments(self.path)]
        number = max([self._archive.merged, *numbers]) + 1
        path = files.segment_path(self.path, number)
        secret, durability = self._ledger.keys.secret, self._ledger.options.durability
        return await asyncio.to_thread(create_segment, number, path, secret, durability, room)

    # -- bringing up

    async def _bring_up(self) -> None:
        if self._lock is None:
            self._lock = files.take_lock(self.path)
        if self._ledger.archive is None:
            archive = await self._opening.archive(self._ledger.keys.secret)
            try:
                await self._settle(archive)
            except BaseException:
                self._ledger.adopt(None)
                await archive.close()
                raise
        self._ledger.resume(await self._new_segment(ROOM if self._failed else 0))
        if self._failed:
            self._complaints.good(f"the store {self.path} works again")
        self._ledger.trouble, self._failed = "", False

    async def _settle(self, archive: Archive) -> None:
        """Bring memory and a newly opened archive together, then look up in it."""
        if not self._replayed:
            found = await asyncio.to_thread(self._opening.leftovers, archive)
            if not found.whole:
                await archive.keep(found.states.items())
                for segment in found.segments:
                    await self._discard(segment)
            self._ledger.adopt(archive)
            self._ledger.learn(found.states)
            self.cleaner.take_filter(archive)
            if found.whole:
                self.unmerged, self.new_keys = found.segments, len(found.states)
            self._replayed = True
            return
        if archive.secret == self._ledger.keys.secret:
            await archive.keep(self._ledger.memory())
        else:
            self._complaints.good(f"{self.path} is another installation's; what was in memory is forgotten")
            for segment in [*self._ledger.take_retired(), *self.unmerged]:
                await self._discard(segment)
            self.unmerged, self.new_keys = [], 0
        self._ledger.adopt(archive)

    # -- losing and letting go

    async def _look_after_files(self) -> None:
        archive, segment = self._ledger.archive, self._ledger.segment
        if self._damage is not None:
            damage, self._damage = self._damage, None
            if archive is not None:
                await self._lose_archive(aside=damage)
            return
        if time.monotonic() - self._last_look < self._limits.file_check:
            return
        self._last_look = time.monotonic()
        self.bytes_on_disk = files.bytes_on_disk(self.path)
        await self._look_after_lock()
        archive, segment = self._ledger.archive, self._ledger.segment
        if archive is not None and files.identity(self.path) != archive.file:
            self._complaints.error(f"{self.path} was removed or replaced; it is opened again")
            await self._lose_archive(aside=None)
        elif segment is not None and files.identity(segment.path) != segment.file:
            self._ledger.suspend()

    async def _look_after_lock(self) -> None:
        if self._lock is None or files.is_held(self._lock, self.path):
            return
        self._complaints.error(f"{self.path}.lock was removed or replaced; it is taken anew before anything is written")
        files.release_lock(self._lock)
        self._lock = None
        if self._ledger.archive is not None:
            await self._lose_archive(aside=None)

    async def _lose_archive(self, aside: Exception | None) -> None:
        """Stop using the archive, and set it aside if it is damaged."""
        archive = self._archive
        self._failed = True
        self._ledger.suspend()
        self._ledger.adopt(None)
        with contextlib.suppress(sqlite3.Error):
            await archive.close()
        if aside is not None:
            self._opening.set_aside(self.path, aside)

    async def _let_go(self) -> None:
        self._ledger.suspend()
        for segment in [*self._ledger.take_retired(), *self.unmerged]:
            if segment.rows:
                segment.close()
            else:
                await self._discard(segment)
        if self._ledger.archive is not None:
            archive, known = self._archive, self._ledger.filter
            self._ledger.adopt(None)
            with contextlib.suppress(sqlite3.Error):
                await archive.leave(known.dump() if known is not None else b"")
            await archive.close()
        self._ledger.trouble = "it is closed"
        if self._lock is not None:
            files.release_lock(self._lock)
            self._lock = None

    def _complain(self, error: Exception) -> None:
        self._failed = True
        self._ledger.trouble = str(error)
        if isinstance(error, OSError) and error.filename:
            self._ledger.trouble = f"{error.filename}: {error.strerror}"
        self._complaints.error(f"the store {self.path} has trouble: {self._ledger.trouble}; it is tried again")

    @property
    def _archive(self) -> Archive:
        if self._ledger.archive is None:
            raise sqlite3.OperationalError("its archive is not open")
        return self._ledger.archive


def _is_readable(path: Path) -> bool:
    try:
        read_states(path, {})
    except sqlite3.Error:
        return False
    return True
