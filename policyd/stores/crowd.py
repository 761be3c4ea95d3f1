"""How many new rows each network had in this hour, so that a flood of one-shot triplets ends in one row.

Law: counted in memory and forgotten with the process: a bound on space, not a fact about anybody. Bounded itself.
"""

from typing import Final

HOUR: Final = 3600
NETWORKS: Final = 65536
"""Networks counted at a time, some 8 MiB. With more in one hour it begins anew, and the store's cap is the bound."""


class Crowd:
    """New triplets of each network in the hour that it is."""

    def __init__(self) -> None:
        self._hour = 0
        self._counts: dict[str, int] = {}

    def is_full(self, network: str, bound: int, now: int) -> bool:
        """Count a new triplet of `network`; whether it is beyond `bound`."""
        hour = now // HOUR
        if hour != self._hour or len(self._counts) > NETWORKS:
            self._hour, self._counts = hour, {}
        count = self._counts[network] = self._counts.get(network, 0) + 1
        return count > bound
