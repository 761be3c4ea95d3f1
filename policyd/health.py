"""How the daemon is: the conditions of its parts, and whether mail is being let through for want of one.

Law: looking costs nothing worth counting and changes nothing; it is done once a second and whenever somebody asks.
"""

from collections.abc import Callable
from typing import Final, Literal

from policyd.metrics import Metrics
from policyd.model.health import Condition
from policyd.model.units import number_of

RECENT: Final = 8.0
"""Seconds for which a request let through for want of a check counts as trouble: the word is true within 10 s."""

State = Literal["serving", "degraded"]


class Health:
    """The parts of one daemon, in the order in which they were added; each is asked how it is."""

    def __init__(self) -> None:
        self._parts: list[Callable[[], Condition]] = []

    def add(self, part: Callable[[], Condition]) -> None:
        """Ask `part`, too, from now on."""
        self._parts.append(part)

    def conditions(self) -> list[Condition]:
        """How every part is now."""
        return [part() for part in self._parts]

    def status(self) -> tuple[State, str]:
        """The state of the whole, and for systemd and people one line that says why."""
        troubles = [f"{part}: {each}" for part, sentences, _ in self.conditions() for each in sentences]
        more = f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
        return ("degraded", troubles[0] + more) if troubles else ("serving", "")


class FailOpen:
    """The part ``checks``: whether requests were let through a moment ago because something failed."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._known: dict[tuple[str, str], int] = {}
        self._seen: dict[tuple[str, str], float] = {}

    def __call__(self) -> Condition:
        """Compare the counters with those of the last look; it must be repeated every few seconds."""
        now, counts = self._clock(), dict(self._metrics.fail_open)
        for key, count in counts.items():
            if count != self._known.get(key):
                self._seen[key] = now
        self._known = counts
        lately = [key for key, at in self._seen.items() if now - at < RECENT]
        troubles = tuple(f"{check}: mail goes on without it ({cause})" for check, cause in sorted(lately))
        through = number_of(sum(counts.values()), "request", "requests")
        return Condition("checks", troubles, f"{through} let through for want of a check")
