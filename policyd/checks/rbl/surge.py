"""Whether a list seems to list almost everybody: a reason to take a sample, not to judge.

Law: most clients of a mail server may well be listed while a botnet knocks, and a list is needed most then; so a surge
only starts a sample of subjects that nobody chose (points.py). Bounded: one set of networks for ten minutes.
"""

from typing import Final

WINDOW: Final = 600
ENOUGH: Final = 50
"""Distinct networks or domains, before a share means anything."""
SHARE: Final = 0.8
MAX_SEEN: Final = 500


class Surge:
    """Counts what one list says of distinct subjects."""

    __slots__ = ("_listed", "_seen", "_since")

    def __init__(self) -> None:
        self._since = 0
        self._seen: set[str] = set()
        self._listed = 0

    def see(self, subject: str, now: int, *, listed: bool) -> None:
        """Count `subject`, a network or a domain, once in a window."""
        if not 0 <= now - self._since < WINDOW:
            self._since, self._listed = now, 0
            self._seen.clear()
        if subject not in self._seen and len(self._seen) < MAX_SEEN:
            self._seen.add(subject)
            self._listed += listed

    def is_suspicious(self) -> bool:
        """Whether too many of the subjects of this window were listed."""
        return len(self._seen) >= ENOUGH and self._listed > SHARE * len(self._seen)
