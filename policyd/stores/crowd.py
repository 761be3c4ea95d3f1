"""How many new rows each network had in this hour, so that a flood of one-shot triplets ends in one row.

Law: counted in memory and forgotten with the process: a bound on space, not a fact about anybody. Bounded itself: one
counter for many networks, in a megabyte that is never looked through. So a network may reach its bound too early, by
the mail of another one; it shares a row then, like any beyond its bound. Never too late.
"""

from array import array
from typing import Final

HOUR: Final = 3600
COUNTERS: Final = 1 << 18
"""Ten million triplets a day are two in each of them in an hour."""
_LAST: Final = COUNTERS - 1


class Crowd:
    """New triplets of each network in the hour that it is."""

    def __init__(self) -> None:
        self._hour = 0
        self._counts = array("I")

    def is_full(self, network: int, bound: int, now: int) -> bool:
        """Count a new triplet of the network with this hash; whether it is beyond `bound`."""
        hour = now // HOUR
        if hour != self._hour:
            self._hour, self._counts = hour, array("I", bytes(4 * COUNTERS))
        count = self._counts[network & _LAST] + 1
        self._counts[network & _LAST] = count
        return count > bound
