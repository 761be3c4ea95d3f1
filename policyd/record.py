"""What is kept of every decision: one line in the log, one counter, one sample.

Law: this runs for every recipient of every mail, after its answer was sent; it adds and formats, nothing else. It is
told of all that was answered together: what is done once for all of them costs none of them anything.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from policyd.logs.lines import Answered, Formatter
from policyd.logs.writers import Writer
from policyd.metrics import Metrics
from policyd.model.errors import Unavailable
from policyd.model.units import number_of
from policyd.model.verdict import Decision, Reason

FAILURES: Final = frozenset({"unavailable", "deadline", "fault"})
NOT_LOGGED: Final[Reason] = "not a recipient"
"""The reason of what Postfix asks without having a mail: counted only."""
COMPLAINT_INTERVAL: Final = 60.0
"""Seconds between two lines about the same trouble."""

_log = logging.getLogger("policyd")


class Recorder:
    """Writes and counts decisions; `on_match` is told which line of a list decided, `keep` the lines of the log."""

    def __init__(
        self,
        metrics: Metrics,
        writer: Writer,
        formatter: Formatter,
        on_match: Callable[[str], object] = str,
        keep: Callable[[Sequence[str]], object] = len,
    ) -> None:
        self._metrics = metrics
        self._writer = writer
        self._on_match = on_match
        self._keep = keep
        self.formatter = formatter
        self.fields_formatter: Formatter | None = None
        """Makes what only the journal is told of a decision; None: there is no journal."""
        self.is_quiet = False
        """Whether only trouble is logged (postgrey's --quiet)."""

    def __call__(self, answered: Answered, seconds: float) -> None:
        """Record requests whose answers took `seconds`. What could fail comes first: all are recorded, or none."""
        logged = [] if self.is_quiet else [each for each in answered if each[1][2] != NOT_LOGGED]
        lines = self.formatter(logged)
        fields = self.fields_formatter(logged) if self.fields_formatter else ()
        keys, told = [], []
        for _, decision in answered:
            action, check, reason, delay, _, _, match, would, _, _ = decision
            keys.append((action[0], check, reason))
            if match or would or reason in FAILURES or (delay and reason == "triplet found"):
                told.append(decision)
        self._metrics.answered(keys, seconds)
        for decision in told:
            self._note(decision)
        self._keep(lines)
        self._writer.write_all(lines, fields)

    def _note(self, decision: Decision) -> None:
        """What not every decision has."""
        metrics, check, reason, would = self._metrics, decision.check, decision.reason, decision.would
        if reason == "triplet found" and decision.delay:
            metrics.greylist_delay.observe(decision.delay)
        elif reason in FAILURES:
            metrics.fail_open[check, reason] += 1
        if decision.match:
            self._on_match(decision.match)
        if would is not None:
            metrics.shadow[would.action.verb, would.check, would.reason] += 1


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
        self._say(
            "too many connections: raise [server] max_connections above the sum of Postfix's process limits, and the "
            "limit of open files above that"
        )

    def protocol_error(self, kind: str) -> None:
        """A connection was closed for what it sent."""
        self._metrics.protocol_errors[kind] += 1

    def _say(self, sentence: str) -> None:
        now = self._clock()
        self._unsaid[sentence] = self._unsaid.get(sentence, 0) + 1
        if now - self._since.get(sentence, -COMPLAINT_INTERVAL) < COMPLAINT_INTERVAL:
            return
        times = number_of(self._unsaid.pop(sentence), "time", "times")
        _log.warning("%s (%s since the last such line)", sentence, times)
        self._since = {said: at for said, at in self._since.items() if now - at < COMPLAINT_INTERVAL}
        self._since[sentence] = now
