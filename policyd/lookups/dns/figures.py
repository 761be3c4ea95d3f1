"""What the resolver counts.

Law: plain numbers that cost nothing to keep; whoever shows them knows the metrics' names. No name that was
asked is here.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final, get_args

from policyd.model.dns import Outcome, UnavailableReason

QUESTION_SECONDS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Upper bounds of the histogram of the time of questions that went to a server."""


@dataclass(frozen=True, slots=True)
class DnsStats:
    """The figures of the resolver at one moment. Counts are since it was opened."""

    questions: int
    """Questions that were asked of a server; neither known nor merged with one in flight."""
    cache_hits: int
    merged: int
    outcomes: dict[Outcome, int]
    unavailable: dict[UnavailableReason, int]
    """Why there was no answer, by question; "overload", "resolver down" and "bad name" by caller."""
    question_seconds: float
    question_seconds_counts: tuple[int, ...]
    """How many questions fell under each bound of QUESTION_SECONDS, not under the one before; the last: above all."""
    in_flight: int
    waiting: int
    cache_entries: int
    cache_bytes: int
    cache_evicted: int
    strays: int
    """Datagrams from a server's address that answered nothing that was asked: many of them are an attack."""
    servers: dict[str, bool]
    """Whether each nameserver is up."""


@dataclass(slots=True)
class Figures:
    """What is counted while it happens."""

    questions: int = 0
    cache_hits: int = 0
    merged: int = 0
    outcomes: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(get_args(Outcome), 0))
    unavailable: dict[UnavailableReason, int] = field(
        default_factory=lambda: dict.fromkeys(get_args(UnavailableReason), 0)
    )
    seconds: float = 0.0
    seconds_counts: list[int] = field(default_factory=lambda: [0] * (len(QUESTION_SECONDS) + 1))

    def time(self, seconds: float) -> None:
        """One question took that long."""
        self.seconds += seconds
        self.seconds_counts[bisect_left(QUESTION_SECONDS, seconds)] += 1
