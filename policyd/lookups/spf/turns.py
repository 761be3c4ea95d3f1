"""Turns: evaluations share the loop with everybody else.

Law: at most SLICE seconds of evaluating in a row, then whoever else waits for the loop has his turn. Five hundred
checks whose answers arrive together held the loop for 0.7 s without it (measured).
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

SLICE: Final = 0.005
"""Seconds; one evaluation takes a tenth of it."""

T = TypeVar("T")


class Turns:
    """Runs plain functions in the running loop, one after the other. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._spent = 0.0
        self._begins_anew = False
        """Whether the next slice is on its way."""

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; raises what it raises."""
        loop = asyncio.get_running_loop()
        if not self._begins_anew:
            self._begins_anew = True
            loop.call_soon(self._begin)
        if not self._waiting and self._spent < SLICE:
            start = self._clock()
            try:
                return work()
            finally:
                self._spent += self._clock() - start
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, done))
        return await done

    def _begin(self) -> None:
        """Begin a slice, with those who wait."""
        self._spent, start = 0.0, self._clock()
        while self._waiting and self._spent < SLICE:
            work, done = self._waiting.popleft()
            if not done.done():  # or whoever wanted it is gone
                _finish(work, done)
            self._spent = self._clock() - start
        self._begins_anew = bool(self._waiting)
        if self._begins_anew:
            asyncio.get_running_loop().call_soon(self._begin)


def _finish(work: Callable[[], T], done: asyncio.Future[T]) -> None:
    try:
        done.set_result(work())
    except Exception as error:
        done.set_exception(error)
