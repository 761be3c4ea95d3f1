"""The watch over the list files: what an administrator writes counts within two seconds, and at SIGHUP at once.

Law: no look at a file and no reading of one holds up the loop, however large it is; large files do not hold up small
ones either. What was wrong is told once for each version of a file, never in silence and never without an end.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, TypeVar

from policyd.listfile import AT_ONCE, STEADY, Change, ListFile, Pause
from policyd.lists import Lists
from policyd.model.units import number_of
from policyd.tables.lists import Table

LOOK: Final = 0.5
"""Seconds between two looks."""
REST: Final = 0.0002
"""Seconds for which the thread that reads a list leaves Python to the loop, every few hundred lines."""
TOLD: Final = 10
"""Mistakes told of one file; how many more there are is said behind them."""
LARGE: Final = 1 << 20
"""Bytes of a file that is read in a thread of its own, while others are still looked at."""

_T = TypeVar("_T")
_log = logging.getLogger("policyd")


class Ended(Exception):
    """The daemon ends: what is being read is not needed any more."""


class Watch:
    """The lists in force, and the threads that read."""

    def __init__(self) -> None:
        self._rest = 0.0
        self._is_closed = False
        self._quick = ThreadPoolExecutor(1, "lists")
        self._large = ThreadPoolExecutor(1, "large lists")
        self._reading: dict[ListFile, asyncio.Task[None]] = {}
        self.lists = Lists(self._pause)
        """Those of the configuration in force."""

    async def open(self, build: Callable[[Lists], _T]) -> tuple[_T, Lists]:
        """What `build` makes with the lists of a new configuration, and these lists; `follow` puts them in force."""
        heir = self.lists.heir()
        return await self._in(self._quick, build, heir), heir

    def follow(self, heir: Lists) -> None:
        """Keep the lists in `heir` fresh from now on."""
        former, self.lists = self.lists, heir
        heir.renew()  # a file may have been read since they were opened
        known = former.mistakes()
        for mistakes in heir.mistakes():
            if mistakes not in known:
                tell_mistakes(mistakes)
        for path in heir.postponed:
            _log.warning("%s: is large; its entries count as soon as it is read, mail is served meanwhile", path)
        self._quick.submit(_retire, former, heir, self._pause)

    async def keep(self) -> None:
        """Look twice a second, until cancelled. From now on the loop has other work, and reading makes room for it."""
        self._rest = REST
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.look()
            except Exception:
                _log.exception("a bug: the list files were not looked at; please report it with the lines below")
                await asyncio.sleep(60)

    async def look(self, patience: int = STEADY) -> None:
        """Look once; what has changed is being read when this returns."""
        for file in await self._in(self._quick, self.lists.due, patience):
            if file not in self._reading:
                self._reading[file] = asyncio.create_task(self._read(file, patience))

    async def look_at_once(self) -> None:
        """Read again what has changed since, and what had mistakes; return when all of it is in force."""
        await self.look(AT_ONCE)
        await asyncio.gather(*self._reading.values())

    def close(self) -> None:
        """End. A thread that reads notices within some hundred lines."""
        self._is_closed = True
        for executor in (self._quick, self._large):
            executor.shutdown(wait=False, cancel_futures=True)

    async def _read(self, file: ListFile, patience: int) -> None:
        executor = self._large if file.size > LARGE else self._quick
        try:
            change = await self._in(executor, file.read, patience, self._pause)
        except Ended:
            return
        except Exception:
            _log.exception("a bug: %s was not read; please report it with the lines below", file.path)
            return
        finally:
            del self._reading[file]
        if change is not None:
            self.lists.renew()
            tell_change(change)
            if change.old is not None:
                await self._in(executor, _free, [change.old], self._pause)

    async def _in(self, executor: Executor, function: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(executor, function, *arguments)

    def _pause(self) -> None:
        if self._is_closed:
            raise Ended
        if self._rest:
            time.sleep(self._rest)


def _retire(former: Lists, heir: Lists, pause: Pause) -> None:
    _free(former.bequeath(heir), pause)


def _free(tables: Iterable[Table], pause: Pause) -> None:
    """Give back what tables hold piece by piece: at once, a million entries would hold up the loop."""
    for table in tables:
        table.dissolve(pause)


def tell_mistakes(mistakes: Sequence[str]) -> None:
    """Log the mistakes of one file."""
    for mistake in mistakes[:TOLD]:
        _log.warning("%s", mistake)
    if len(mistakes) > TOLD:
        file = mistakes[0].partition(":")[0]
        _log.warning("%s: and %d more mistakes; `policyd check` shows all", file, len(mistakes) - TOLD)


def tell_change(change: Change) -> None:
    """Log what became of a file."""
    tell_mistakes(change.mistakes)
    entries = number_of(change.entries, "entry", "entries")
    if change.is_gone:
        _log.info("%s: is gone, and its entries with it", change.path)
    elif change.is_kept:
        _log.warning("%s: not taken; what it said before stays in force, %s", change.path, entries)
    elif not change.mistakes:
        _log.info("%s: taken, %s", change.path, entries)
    elif change.entries:
        _log.info("%s: taken without what is wrong, %s", change.path, entries)
