"""What the daemon answers whoever asks what it did to a mail.

Law: the answers are bounded, and so is the time that looking takes from mail: some milliseconds at most.
"""

from collections.abc import Mapping
from typing import Any, Final

from policyd.control import Arguments, Handler
from policyd.logbook import Logbook
from policyd.metrics import Metrics
from policyd.model.errors import Refused

MOST: Final = 2000
"""Decisions in one answer."""
MAX_WORDS: Final = 8
"""Words looked for at a time; each costs a look at every line that is kept (16,384 looks: 5 ms)."""


class Inquiry:
    """The verbs about single decisions."""

    def __init__(self, logbook: Logbook, metrics: Metrics) -> None:
        self._logbook = logbook
        self._metrics = metrics

    def verbs(self) -> Mapping[str, Handler]:
        """What the control socket may be asked."""
        return {"find": self.find, "recent": self.recent, "shadow": self.shadow}

    def find(self, arguments: Arguments) -> dict[str, Any]:
        """The decisions whose line holds one of the ``words``, the newest first. Raises Refused."""
        words = arguments.get("words")
        if not isinstance(words, list) or not 0 < len(words) <= MAX_WORDS or not all(words):
            raise Refused(f'"words" are 1 to {MAX_WORDS} texts')
        wanted = {form for word in words for form in self._logbook.forms(str(word))}
        return self._answer(self._logbook.recent.find(sorted(wanted), MOST)) | {"forms": sorted(wanted)}

    def recent(self, arguments: Arguments) -> dict[str, Any]:
        """The decisions of all seconds behind ``after`` that are over, the newest first. Raises Refused."""
        after = arguments.get("after", 0)
        if not isinstance(after, int):
            raise Refused('"after" is a number of seconds since the epoch')
        kept, left_out = self._logbook.recent.since(after, MOST)
        return self._answer(kept) | {"left_out": left_out}

    def shadow(self, _: Arguments) -> dict[str, Any]:
        """What shadow mode did not do since the start."""
        rows = sorted(self._metrics.shadow.items(), key=lambda row: -row[1])
        return {
            "since": int(self._metrics.started),
            "requests": self._metrics.requests.total(),
            "would": [dict(zip(("action", "check", "reason"), key, strict=True), count=count) for key, count in rows],
        }

    def _answer(self, kept: list[Any]) -> dict[str, Any]:
        logbook = self._logbook
        return {"decisions": kept, "oldest": logbook.recent.oldest, "kept": not logbook.recorder.is_quiet}
