"""What the evaluator counts.

Law: plain integers under words of ours; nothing of a request becomes a label.
"""

from collections import Counter
from dataclasses import dataclass, field

from policyd.model.evidence import SpfResult


@dataclass(slots=True)
class SpfFigures:
    """Counted since the start."""

    results: Counter[SpfResult] = field(default_factory=Counter)
    """Of evaluations, not of requests."""
    cache_hits: int = 0
    rounds: int = 0
    """An evaluation takes one more than it needs answers that were not known."""
    queries: int = 0
    """Questions to the DNS, those that the resolver's cache answered among them."""
    faults: int = 0
    """Bugs, each with a traceback in the log."""

    def count(self, result: SpfResult, queries: int) -> None:
        """Count one evaluation."""
        self.results[result] += 1
        self.queries += queries
