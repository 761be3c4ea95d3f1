"""An event loop that is turned by hand, for what only wants to be called later."""

from collections.abc import Callable


class HandLoop:
    """Keeps what is to be called, and calls nothing."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.later: list[tuple[float, Callable[[], None]]] = []

    def call_soon(self, callback: Callable[[], None], /) -> None:
        self.soon.append(callback)

    def call_later(self, delay: float, callback: Callable[[], None], /) -> None:
        self.later.append((delay, callback))
