"""The last two hours, minute by minute: what was answered, for the pictures of the status page.

Law: looked at once a second, from counters that are kept anyway; bounded; nothing of any request is in here.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from policyd.metrics import Metrics

MINUTES: Final = 120
KINDS: Final = ("passed", "greylisted", "deferred", "rejected", "other")


class Minute(NamedTuple):
    """What was answered in one minute."""

    at: int
    """Its beginning, in minutes since the epoch."""
    counts: tuple[int, ...]
    """As many as there are KINDS."""


class History:
    """The minutes of one daemon, the newest last; quiet ones are in here, too."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._seen = (0,) * len(KINDS)
        self._minute = self._now()
        self.minutes: deque[Minute] = deque(maxlen=MINUTES)

    def tick(self) -> None:
        """Close the minute if it is over. After a jump of the clock the minutes between are left out."""
        now = self._now()
        if now == self._minute:
            return
        total = totals(self._metrics)
        counts = tuple(new - old for new, old in zip(total, self._seen, strict=True))
        self.minutes.append(Minute(self._minute, counts))
        for quiet in range(self._minute + 1, min(now, self._minute + MINUTES)):
            self.minutes.append(Minute(quiet, (0,) * len(KINDS)))
        self._minute, self._seen = now, total

    def picture(self) -> tuple[Minute, ...]:
        """All minutes, the one that is not over included."""
        counts = tuple(new - old for new, old in zip(totals(self._metrics), self._seen, strict=True))
        return (*self.minutes, Minute(self._minute, counts))[-MINUTES:]

    def _now(self) -> int:
        return int(self._clock()) // 60


def totals(metrics: Metrics) -> tuple[int, ...]:
    """How many requests were answered in each of the KINDS since the start."""
    counts: Counter[str] = Counter()
    for (verb, check, reason), count in metrics.requests.items():
        if reason != "not a recipient":
            counts[_kind(verb, check)] += count
    return tuple(counts[kind] for kind in KINDS)


def _kind(verb: str, check: str) -> str:
    if verb in ("DUNNO", "PREPEND"):
        return "passed"
    if verb.startswith(("DEFER", "4")):
        return "greylisted" if check == "greylist" else "deferred"
    return "rejected" if verb.startswith(("REJECT", "5")) else "other"
