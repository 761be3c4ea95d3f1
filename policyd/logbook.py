"""The log of the daemon: where it goes, how a decision is written, what is counted of it.

Law: opened once, because where it goes stays until the end; a reload changes how it speaks.
"""

import secrets
import time
from collections.abc import Callable

from policyd.config import Settings
from policyd.logs import lines, writers
from policyd.metrics import Metrics
from policyd.recent import Recent
from policyd.record import Complaints, Recorder


class Logbook:
    """What writes and counts decisions and complaints. `later` runs a function in the loop's next tick."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        later: Callable[[Callable[[], None]], object],
        on_match: Callable[[str], object],
    ) -> None:
        log = settings.log
        self.recent = Recent(time.time)
        self._privacy_key = secrets.token_bytes(16)
        self._writer = writers.open_writer(log.destination, log.facility, later)
        metrics.log_lines_dropped = lambda: self._writer.dropped
        self.recorder = Recorder(metrics, self._writer, self._line_format(settings), on_match, self.recent.keep)
        self.complaints = Complaints(metrics, time.monotonic)
        self.take(settings)

        self._is_private = log.privacy

    def forms(self, text: str) -> set[str]:
        """How `text` may stand in the lines: escaped; with privacy also its hash, if it is a name or an address."""
        plain = lines.escape(text).strip('"')
        return {plain, lines.hidden(text, self._privacy_key)} if self._is_private else {plain}

    def take(self, settings: Settings) -> None:
        """Speak as `settings` have it."""
        writers.route_logging(self._writer, settings.log.level)
        self._is_private = settings.log.privacy
        self.recorder.is_quiet = settings.log.level == "warning"
        self.recorder.line_format = self._line_format(settings)

    def flush(self) -> None:
        """Write what is still held back."""
        self._writer.flush()

    def _line_format(self, settings: Settings) -> lines.Format:
        line_format: lines.Format = lines.json_line if settings.log.format == "json" else lines.postgrey_line
        return lines.private(line_format, self._privacy_key) if settings.log.privacy else line_format
