"""The log of the daemon: where it goes, how a decision is written, what is counted of it.

Law: opened once, because where it goes stays until the end; a reload changes how it speaks.
"""

import secrets
import time
from collections.abc import Callable

from policyd.config import Settings
from policyd.logs import journal, lines, writers
from policyd.logs.destination import open_writer
from policyd.metrics import Metrics
from policyd.recent import Recent
from policyd.record import Complaints, Recorder


class Logbook:
    """What writes and counts decisions and complaints."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        loop: journal.Loop,
        on_match: Callable[[str], object],
    ) -> None:
        log = settings.log
        self.recent = Recent(time.time)
        self._privacy_key = secrets.token_bytes(16)
        self._writer = open_writer(log.destination, log.facility, loop)
        metrics.log_lines_dropped = lambda: self._writer.dropped
        self.recorder = Recorder(metrics, self._writer, lines.postgrey_lines, on_match, self.recent.keep)
        self.complaints = Complaints(metrics, time.monotonic)
        self.take(settings)

    def forms(self, text: str) -> set[str]:
        """How `text` may stand in the lines: escaped; with privacy also its hash, if it is a name or an address."""
        plain = lines.escape(text).strip('"')
        return {plain, lines.hidden(text, self._privacy_key)} if self._is_private else {plain}

    def take(self, settings: Settings) -> None:
        """Speak as `settings` have it."""
        writers.route_logging(self._writer, settings.log.level)
        self._is_private = settings.log.privacy
        self.recorder.is_quiet = settings.log.level == "warning"
        self.recorder.formatter = self._formatter(
            lines.json_line if settings.log.format == "json" else lines.postgrey_line
        )
        if isinstance(self._writer, journal.JournalWriter):
            self.recorder.fields_formatter = self._formatter(journal.fields_of)

    def flush(self) -> None:
        """Write what is still held back."""
        self._writer.flush()

    def _formatter(self, form: lines.Format) -> lines.Formatter:
        if self._is_private:
            return lines.one_by_one(lines.private(form, self._privacy_key))
        return lines.postgrey_lines if form is lines.postgrey_line else lines.one_by_one(form)
