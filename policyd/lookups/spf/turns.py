"""Turns: evaluations share the loop with everybody else.

Law: at most SLICE seconds of evaluating in a row, then whoever else waits for the loop has his turn. Five hundred
checks whose answers arrive together held the loop for 0.7 s without it (measured).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

SLICE: Final = 0.004
"""Seconds; an evaluation takes about a fortieth of it."""
STEP: Final = 0.0002
"""Seconds that a step is taken for whose time cannot be measured: a question sent, and the task behind it."""

T = TypeVar("T")


class Turns:
    """Runs plain functions in the running loop, one after the other. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._spent = 0.0
        self._until = clock() + 2 * SLICE
        """When a new slice begins by itself: as much time as a slice has was anybody else's by then."""

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; raises what it raises."""
        return self.at_once(work) if self.are_free() else await self._wait(work)

    async def step(self) -> None:
        """Wait for time for one step of the caller."""
        if self.are_free():
            self._spend()
        else:
            await self._wait(self._spend)

    def are_free(self) -> bool:
        """Whether this slice has time left that nobody waits for."""
        if self._waiting:
            return False
        if self._spent >= SLICE and (now := self._clock()) >= self._until:
            self._spent, self._until = 0.0, now + 2 * SLICE
        return self._spent < SLICE

    def _wait(self, work: Callable[[], T]) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._begin)
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, done))
        return done

    def at_once(self, work: Callable[[], T]) -> T:
        """What `work` returns, without waiting: for those who saw that turns `are_free`."""
        start = self._clock()
        try:
            return work()
        finally:
            self._spent += self._clock() - start

    def _spend(self) -> None:
        self._spent += STEP

    def _begin(self) -> None:
        """Begin a slice, with those who wait."""
        self._spent, self._until = 0.0, self._clock() + 2 * SLICE
        while self._waiting:
            work, done = self._waiting[0]
            if not done.done():  # or whoever wanted it is gone
                self._finish(work, done)
            self._waiting.popleft()
            if self._spent >= SLICE:
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)

    def _finish(self, work: Callable[[], T], done: asyncio.Future[T]) -> None:
        try:
            done.set_result(self.at_once(work))
        except Exception as error:
            done.set_exception(error)
