"""The decisions of late, for whoever asks why: their lines, as the log has them.

Law: keeping one is a step in a ring of what was written anyway, on the path of every mail (0.03 us measured); looking
for one is bounded, and happens when an administrator asks. With `[log] privacy` the lines hold hashes here, too.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

KEPT: Final = 16384
"""Lines and seconds: some 5 MB, and 30 MB when every address is as long as it may be."""

SLICE: Final = 500
"""Lines looked at in a row: half a millisecond."""


class Kept(NamedTuple):
    """One decision."""

    at: int
    """The second in which it was kept (since the epoch), or the one after."""
    line: str


class Recent:
    """The last lines. Between them stand the times: each line is as old as the first time behind it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ring: deque[str | int] = deque(maxlen=KEPT)
        self.keep: Callable[[Sequence[str]], None] = self._ring.extend
        """Takes the lines of decisions, the newest last."""

    def tick(self) -> None:
        """Note the time; to be called once a second."""
        if self._ring and isinstance(self._ring[-1], str):
            self._ring.append(int(self._clock()))

    async def find(self, words: Sequence[str], limit: int) -> list[Kept]:
        """The last `limit` decisions whose line holds one of `words`, in capitals or not; the newest first.

        Mail has its turn every few hundred lines: looking at all of them takes 17 ms.
        """
        wanted, found = [word.lower() for word in words], list[Kept]()
        for number, kept in enumerate(self._newest(), 1):
            if any(word in kept.line.lower() for word in wanted):
                found.append(kept)
                if len(found) == limit:
                    break
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return found

    def last(self, limit: int) -> list[Kept]:
        """The last `limit` decisions, the newest first."""
        return list(islice(self._newest(), limit))

    def _newest(self) -> Iterator[Kept]:
        """All that are kept now, the newest first."""
        at = int(self._clock())
        for item in reversed(tuple(self._ring)):
            if isinstance(item, int):
                at = item
            else:
                yield Kept(at, item)

    def since(self, after: int, limit: int) -> tuple[list[Kept], int]:
        """The last `limit` decisions of seconds behind `after`, the newest first; and how many more there were.

        A second that is not over is left for the next call.
        """
        at, found, left_out = 0, list[Kept](), 0
        for item in reversed(tuple(self._ring)):
            if isinstance(item, int):
                at = item
                if at <= after:
                    break
            elif at and len(found) < limit:
                found.append(Kept(at, item))
            else:
                left_out += bool(at)
        return found, left_out

    @property
    def oldest(self) -> int:
        """How far back it goes, in seconds since the epoch; 0: not at all."""
        return next((item for item in self._ring if isinstance(item, int)), 0)
