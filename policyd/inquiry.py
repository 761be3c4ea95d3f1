"""What the daemon answers whoever asks what it did to a mail, or would do.

Law: the answers are bounded, and so is the time that looking takes from mail: some milliseconds at most.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from policyd.assembly import Assembly
from policyd.config import Settings
from policyd.control import Arguments, Handler
from policyd.explanation import explain
from policyd.logbook import Logbook
from policyd.metrics import Metrics
from policyd.model.errors import Refused
from policyd.wire.request import parse_request

MOST: Final = 2000
"""Decisions in one answer."""
MAX_ATTRIBUTES: Final = 128
"""Attributes of a request; Postfix sends 29."""
MAX_WORDS: Final = 8
"""Words looked for at a time; each costs a look at every line that is kept."""


class Inquiry:
    """The verbs about single decisions."""

    def __init__(
        self,
        logbook: Logbook,
        metrics: Metrics,
        settings: Callable[[], Settings],
        assembly: Callable[[], Assembly | None],
    ) -> None:
        self._logbook = logbook
        self._metrics = metrics
        self._settings = settings
        self._assembly = assembly

    def verbs(self) -> Mapping[str, Handler]:
        """What the control socket may be asked."""
        return {"find": self.find, "recent": self.recent, "shadow": self.shadow, "explain": self.explain}

    async def find(self, arguments: Arguments) -> dict[str, Any]:
        """The decisions whose line holds one of the ``words``, the newest first. Raises Refused."""
        words = arguments.get("words")
        if not isinstance(words, list) or not 0 < len(words) <= MAX_WORDS or not all(words):
            raise Refused(f'"words" are 1 to {MAX_WORDS} texts')
        wanted = {form for word in words for form in self._logbook.forms(str(word))}
        return self._answer(await self._logbook.recent.find(sorted(wanted), MOST)) | {"forms": sorted(wanted)}

    def recent(self, arguments: Arguments) -> dict[str, Any]:
        """The decisions of all seconds behind ``after`` that are over, the newest first. Raises Refused."""
        after = arguments.get("after", 0)
        if not isinstance(after, int):
            raise Refused('"after" is a number of seconds since the epoch')
        kept, left_out = self._logbook.recent.since(after, MOST)
        return self._answer(kept) | {"left_out": left_out}

    async def explain(self, arguments: Arguments) -> dict[str, Any]:
        """What every check says of a request with these ``attributes`` now, and what would be sent. Raises Refused."""
        attributes, assembly = arguments.get("attributes"), self._assembly()
        if assembly is None or not isinstance(attributes, dict) or not 0 < len(attributes) <= MAX_ATTRIBUTES:
            raise Refused('"attributes" are those of a policy request')
        lines = [f"{name}={value}" for name, value in attributes.items()]
        if any("\n" in line or "\r" in line for line in lines):
            raise Refused("no attribute holds the end of a line")
        request = parse_request("\n".join(lines).encode("utf-8", "surrogateescape"))
        chain = self._settings().chain
        is_shadow = chain.mode == "shadow"
        return await explain(assembly, chain.trusted_networks, request, int(time.time()), is_shadow=is_shadow)

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
