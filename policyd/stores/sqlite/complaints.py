"""What the store says in the log.

Law: one clear line per change; the same line not twice within a minute, for a full disk must not be filled with them.
"""

import logging
import time
from typing import Final

LOG: Final = logging.getLogger("policyd.store")
QUIET: Final = 60.0
"""Seconds in which the same line is written once."""


class Complaints:
    """The store's lines in the log."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def error(self, text: str) -> None:
        """Something is wrong, or was and has been mended at a price."""
        now = time.monotonic()
        if now - self._said.get(text, -QUIET) < QUIET:
            return
        self._said = {said: when for said, when in self._said.items() if now - when < QUIET}
        self._said[text] = now
        LOG.error("%s", text)

    def good(self, text: str) -> None:
        """It is well again."""
        LOG.warning("%s", text)
