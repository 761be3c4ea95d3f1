"""A loop whose time is a number: it jumps to the next timer, so that minutes of silence take no time.

Real sockets may be asked, too, if the other end is in the same loop. Then `patience` is what loopback may take: so many
seconds of real time nothing arrives before the loop believes that nothing will.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, patience: float = 0.0) -> None:
        self.now = 1000.0
        super().__init__(_Jumping(self, patience))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop, patience: float) -> None:
        super().__init__()
        self._loop = loop
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        is_idle = timeout is None or timeout > 0
        events = super().select(self._patience if is_idle else 0)
        if is_idle and not events:
            assert timeout is not None, "somebody waits for what will never happen"
            self._loop.now += timeout
        return events


def run_virtually(coroutine: Coroutine[Any, Any, T], *, patience: float = 0.0) -> T:
    """What the coroutine returns, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(patience)) as runner:
        return runner.run(coroutine)


def now() -> float:
    """The time of the running loop."""
    return asyncio.get_running_loop().time()
