"""What is kept of every decision: one line in the log, one counter, one sample.

Law: this runs for every recipient of every mail, after its answer was sent; it adds and formats, nothing else.
"""

import logging
from collections.abc import Callable
from typing import Final

from policyd.logs.lines import Format
from policyd.logs.writers import Writer
from policyd.metrics import Metrics
from policyd.model.errors import Unavailable
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision

FAILURES: Final = frozenset({"unavailable", "deadline", "fault"})
COMPLAINT_INTERVAL: Final = 60.0
"""Seconds between two lines about the same trouble."""

_log = logging.getLogger("policyd")


class Recorder:
    """Writes and counts decisions; `on_match` is told which line of a list decided, `keep` the line of the log."""

    def __init__(
        self,
        metrics: Metrics,
        writer: Writer,
        line_format: Format,
        on_match: Callable[[str], object] = str,
        keep: Callable[[str], object] = id,
    ) -> None:
        self._metrics = metrics
        self._writer = writer
        self._on_match = on_match
        self._keep = keep
        self.line_format = line_format
        self.is_quiet = False
        """Whether only trouble is logged (postgrey's --quiet)."""

    def __call__(self, request: PolicyRequest, decision: Decision, seconds: float) -> None:
        """Record one answered request."""
        action, check, reason, delay, _, _, match, would, _, _ = decision
        metrics = self._metrics
        metrics.answered(action.verb, check, reason, seconds)
        if reason == "triplet found" and delay:
            metrics.greylist_delay.observe(delay)
        elif reason in FAILURES:
            metrics.fail_open[check, reason] += 1
        if match:
            self._on_match(match)
        if would is not None:
            metrics.shadow[would.action.verb, would.check, would.reason] += 1
        if not self.is_quiet and reason != "not a recipient":
            line = self.line_format(request, decision)
            self._keep(line)
            self._writer.write(line)


class Complaints:
    """Logs trouble that repeats with every mail once a minute, with the number of times it was seen."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._since: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def unavailable(self, check: str, error: Unavailable) -> None:
        """A check could not answer; the mail goes on without it."""
        self._metrics.check_errors[check] += 1
        self._say(f"{check}: {error}; mail goes on without this check")

    def rejected(self) -> None:
        """A connection over the limit was closed."""
        self._metrics.connections_rejected += 1
        self._say("too many connections: raise [server] max_connections above the sum of Postfix's process limits")

    def protocol_error(self, kind: str) -> None:
        """A connection was closed for what it sent."""
        self._metrics.protocol_errors[kind] += 1

    def _say(self, sentence: str) -> None:
        now = self._clock()
        self._unsaid[sentence] = self._unsaid.get(sentence, 0) + 1
        if now - self._since.get(sentence, -COMPLAINT_INTERVAL) < COMPLAINT_INTERVAL:
            return
        _log.warning("%s (%d times since the last such line)", sentence, self._unsaid.pop(sentence))
        self._since = {said: at for said, at in self._since.items() if now - at < COMPLAINT_INTERVAL}
        self._since[sentence] = now
