"""One list at work: its health, its surge, and what is counted of it.

Law: everything here is bounded and belongs to one list; what leaves is a `ZoneStatus`, without the key.
"""

from typing import Final, NamedTuple

from policyd.checks.rbl.health import Finding, Health
from policyd.checks.rbl.surge import WINDOW, Surge
from policyd.checks.rbl.zones import Zone

SILENT: Final = 3
"""So many questions in a row without an answer are a reason to probe."""


class ZoneStatus(NamedTuple):
    """What `policyd rbl status` and the metrics say of one list."""

    zone: str
    is_parked: bool
    finding: Finding | None
    """What its last probe found; None: none was made yet."""
    since: int
    """When it was parked or came back, in seconds since the epoch; 0: never."""
    good_at: int | None
    """When it last passed a probe."""
    answered: int
    """Questions with an answer that can be believed, from the network or the cache."""
    listed: int
    """Those whose answer was a listing."""
    unknown: int
    """Questions without an answer that can be believed."""
    asked: int
    """Answers that came from the network."""
    seconds: float
    """What those took together."""

    @property
    def latency(self) -> float:
        """Seconds that the network took for an answer, on average; 0: it was never asked."""
        return self.seconds / self.asked if self.asked else 0.0


class Watched:
    """A list and what is known of it."""

    __slots__ = (
        "answered", "asked", "health", "is_deaf", "is_wide", "listed", "sampled_at", "seconds", "silent", "surge",
        "unknown", "zone",
    )  # fmt: skip

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.health = Health()
        self.surge = Surge()
        self.sampled_at: int | None = None
        self.is_deaf = False
        """Whether it was said that its filter does not take its own test point."""
        self.is_wide = False
        """Whether the last sample was listed almost wholly."""
        self.answered = self.listed = self.unknown = self.asked = 0
        self.seconds = 0.0
        self.silent = 0

    def inherit(self, former: "Watched") -> None:
        """Know what `former` knows of the same list."""
        for name in self.__slots__:
            if name != "zone":
                setattr(self, name, getattr(former, name))

    def wants_sample(self, now: int) -> bool:
        """Whether a probe must take a sample too: once in a window, and until a bad one was followed by a good one."""
        if self.is_wide:
            return True
        lately = self.sampled_at is not None and 0 <= now - self.sampled_at < WINDOW
        return self.surge.is_suspicious() and not lately

    def heard(self, seconds: float) -> None:
        """An answer came from the network."""
        self.asked += 1
        self.seconds += seconds
        self.silent = 0

    def unheard(self, now: int) -> None:
        """No answer came."""
        self.silent += 1
        if self.silent >= SILENT:
            self.health.suspect(now)

    def status(self) -> ZoneStatus:
        """What people may see of it."""
        health = self.health
        return ZoneStatus(
            self.zone.shown, health.parked, health.finding, health.since, health.good_at,
            self.answered, self.listed, self.unknown, self.asked, self.seconds,
        )  # fmt: skip
