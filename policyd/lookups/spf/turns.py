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
    """Runs plain functions one after the other in the running loop. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; raises what it raises."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append((work, done))
        if len(self._waiting) == 1:
            loop.call_soon(self._take)
        return await done

    def _take(self) -> None:
        until = self._clock() + SLICE
        while True:
            work, done = self._waiting[0]
            if not done.done():  # or whoever wanted it is gone
                _finish(work, done)
            self._waiting.popleft()
            if not self._waiting:
                return
            if self._clock() >= until:
                asyncio.get_running_loop().call_soon(self._take)
                return


def _finish(work: Callable[[], T], done: asyncio.Future[T]) -> None:
    try:
        done.set_result(work())
    except Exception as error:
        done.set_exception(error)
