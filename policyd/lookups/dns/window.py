"""How many questions may be on their way.

Law: pure; time is an argument. Two bounds: all that are not answered, and those just sent. The second is for the
server's socket: Linux's default buffer keeps 256 questions (measured), and one that is sent into a full buffer is lost
and costs a try. A question that is not answered after a moment has been read and waits for somebody else; it takes no
room from others, so that a list that hangs does not slow down those that do not.
"""

from collections import deque
from typing import Final

BURST: Final = 192
"""Questions just sent; others ask that server, too."""
MOMENT: Final = 0.01
"""Seconds after which a living server has read a question."""


class Slot:
    """The place of one question, and when it was sent."""

    __slots__ = ("is_fresh", "sent")
    is_fresh: bool
    sent: float


class Window:
    """Questions enter when they are sent, and leave when they are over."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._fresh = 0
        self._recent: deque[Slot] = deque()
        self.in_flight = 0

    def is_open(self, now: float) -> bool:
        """Whether one more may be sent."""
        recent = self._recent
        while recent and (not recent[0].is_fresh or recent[0].sent <= now - MOMENT):
            slot = recent.popleft()
            self._fresh -= slot.is_fresh
            slot.is_fresh = False
        return self._fresh < BURST and self.in_flight < self._size

    def enter(self, slot: Slot, now: float) -> None:
        """One is sent."""
        slot.sent, slot.is_fresh = now, True
        self._recent.append(slot)
        self._fresh += 1
        self.in_flight += 1

    def leave(self, slot: Slot) -> None:
        """One is over."""
        self.in_flight -= 1
        self._fresh -= slot.is_fresh
        slot.is_fresh = False
