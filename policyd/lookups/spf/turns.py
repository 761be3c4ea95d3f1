"""Turns: evaluations share the loop with everybody else.

Law: at most SLICE seconds of evaluating in a row, then whoever else waits for the loop has his turn. Five hundred
checks whose answers arrive together held the loop for 0.7 s without it (measured).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeVar

SLICE: Final = 0.004
"""Seconds; an evaluation with its questions takes about a twentieth of it."""

T = TypeVar("T")


class Turns:
    """Runs plain functions in the running loop, one after the other. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: deque[Callable[[], object]] = deque()
        self._spent = 0.0
        self._until = clock() + 2 * SLICE
        """When a new slice begins by itself: as much time as a slice has was anybody else's by then."""

    def do(self, work: Callable[[], object]) -> None:
        """Have `work` done, now if there is time for it; whoever needs its result has it told by `work` itself."""
        if self.are_free():
            self.at_once(work)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
        self._waiting.append(work)

    def are_free(self) -> bool:
        """Whether this slice has time left that nobody waits for."""
        if self._waiting:
            return False
        if self._spent >= SLICE and (now := self._clock()) >= self._until:
            self._spent, self._until = 0.0, now + 2 * SLICE
        return self._spent < SLICE

    def at_once(self, work: Callable[[], T]) -> T:
        """What `work` returns, without waiting: for those who saw that turns `are_free`."""
        start = self._clock()
        try:
            return work()
        finally:
            self._spent += self._clock() - start

    def _begin(self) -> None:
        """Begin a slice, with those who wait."""
        self._spent, self._until = 0.0, self._clock() + 2 * SLICE
        try:
            while self._waiting and self._spent < SLICE:
                try:
                    self.at_once(self._waiting[0])
                finally:
                    self._waiting.popleft()  # not before: who comes meanwhile must not overtake
        finally:
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._begin)
