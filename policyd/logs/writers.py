"""Where lines go: a file descriptor or syslog.

Law: writing never waits. A log that takes no lines loses them, counted, and holds up no mail.
"""

import logging
import os
import select
import stat
import syslog
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from policyd.logs.lines import escape_controls

T = TypeVar("T")

MAX_BUFFERED: Final = 4096
"""Lines kept while the reader of the log stands still: a tick of the heaviest traffic many times over."""
_CHUNK: Final = 4096
"""poll() says that a pipe is writable when PIPE_BUF (4096 on Linux) bytes fit: writes up to it never block."""

MAX_FILE_CHUNK: Final = 1 << 20
"""What a file is given at once; it never waits for a reader."""

FACILITIES: Final[Mapping[str, int]] = {
    name: getattr(syslog, f"LOG_{name.upper()}")
    for name in (
        "auth", "cron", "daemon", "kern", "lpr", "mail", "news", "syslog", "user", "uucp",
        "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
    )
}  # fmt: skip


def priority(level: int) -> int:
    """Syslog's number for a level of Python's logging; what has none of its own is an error."""
    return _PRIORITIES.get(level, syslog.LOG_ERR)


_PRIORITIES: Final[Mapping[int, int]] = {
    logging.DEBUG: syslog.LOG_DEBUG,
    logging.INFO: syslog.LOG_INFO,
    logging.WARNING: syslog.LOG_WARNING,
}


class Writer(Protocol):
    """Takes lines."""

    @property
    def dropped(self) -> int:
        """Lines lost because the reader of the log stood still or is gone, or the disk is full."""

    def write(self, text: str, level: int = logging.INFO) -> None:
        """Take a line without its end, or several that belong together."""

    def write_all(self, lines: Sequence[str], fields: Sequence[str] = ()) -> None:
        """Take lines without their ends, which inform. `fields`: of each what only the journal is told."""

    def flush(self) -> None:
        """Write what can be written without waiting."""


class Prefix(Protocol):
    """What stands before a line."""

    def stamp(self) -> str:
        """Before every line, at the moment it is written."""

    def mark(self, level: int) -> str:
        """Behind the stamp, by the line's level."""


class JournalPrefix:
    """The priority as systemd's journal reads it from stderr (sd-daemon(3)); the time it knows itself."""

    def stamp(self) -> str:
        """Nothing."""
        return ""

    def mark(self, level: int) -> str:
        """Syslog's number: error, warning or information."""
        return "<3>" if level >= logging.ERROR else "<4>" if level >= logging.WARNING else "<6>"


class ClockPrefix:
    """The local time, as on a terminal or in a file."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def stamp(self) -> str:
        """``2026-11-22T18:00:00+0000 ``."""
        return time.strftime("%Y-%m-%dT%H:%M:%S%z ", time.localtime(self._now()))

    def mark(self, level: int) -> str:
        """The level, from warnings up."""
        return "" if level < logging.WARNING else f"{logging.getLevelName(level).lower()}: "


class Backlog(Generic[T]):
    """What a writer keeps until the end of this tick of the event loop, and then as long as nobody reads the log."""

    def __init__(self, later: Callable[[Callable[[], None]], object]) -> None:
        self._later = later
        self._kept: list[T] = []
        self._lost = 0
        self._scheduled = False

    def _take(self, lines: Sequence[T]) -> None:
        if len(self._kept) + len(lines) > MAX_BUFFERED:
            self.flush()
            room = MAX_BUFFERED - len(self._kept)
            self._lost += max(0, len(lines) - room)
            lines = lines[:room]
        self._kept += lines
        if not self._scheduled and lines:
            self._scheduled = True
            self._later(self._tick)

    def _tick(self) -> None:
        self._scheduled = False
        self.flush()

    def flush(self) -> None:
        """Write what can be written without waiting."""
        raise NotImplementedError


class LineWriter(Backlog[str]):
    """Writes lines to a file descriptor, many at a time, never waiting for its reader."""

    def __init__(self, descriptor: int, prefix: Prefix, later: Callable[[Callable[[], None]], object]) -> None:
        super().__init__(later)
        self._descriptor = descriptor
        self._prefix = prefix
        self._plain = prefix.mark(logging.INFO)
        self._rest = b""
        # A file takes whatever it is given; to ask it first, piece by piece, cost as much as to write.
        self._is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._chunk = MAX_FILE_CHUNK if self._is_file else _CHUNK
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    @property
    def dropped(self) -> int:
        """Lines lost because the reader stood still."""
        return self._lost

    def write(self, text: str, level: int = logging.INFO) -> None:
        """Take lines, each by itself; they are written at the end of this tick of the event loop."""
        mark = self._prefix.mark(level)
        self._take([mark + line for line in text.split("\n")])

    def write_all(self, lines: Sequence[str], fields: Sequence[str] = ()) -> None:
        """Take lines that inform, the same way."""
        self._take([self._plain + line for line in lines] if self._plain else lines)

    def flush(self) -> None:
        """Write what can be written without waiting."""
        while self._rest or self._kept:
            if not self._rest:
                stamp = self._prefix.stamp()
                text = f"{stamp}{f'{chr(10)}{stamp}'.join(self._kept)}\n"
                self._rest = text.encode("utf-8", "backslashreplace")
                self._kept.clear()
            if not self._is_writable():
                return
            try:
                self._rest = self._rest[os.write(self._descriptor, self._rest[: self._chunk]) :]
            except OSError:  # the reader is gone, or the disk is full: nobody can be told
                self._lost += self._rest.count(b"\n")
                self._rest = b""

    def _is_writable(self) -> bool:
        return self._is_file or any(events & select.POLLOUT for _, events in self._poll.poll(0))


class SyslogWriter:
    """Writes lines to syslog, as postgrey does when it runs as a daemon."""

    dropped = 0

    def __init__(self, facility: str) -> None:
        syslog.openlog("policyd", syslog.LOG_PID, FACILITIES[facility])

    def write(self, text: str, level: int = logging.INFO) -> None:
        """Hand lines to syslog, each by itself."""
        for line in text.split("\n"):
            syslog.syslog(priority(level), line)

    def write_all(self, lines: Sequence[str], fields: Sequence[str] = ()) -> None:
        """Hand over lines that inform."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Nothing is held back."""


class LineHandler(logging.Handler):
    """Sends the records of Python's logging the way of the decisions."""

    def __init__(self, write: Callable[[str, int], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record: its message in one line, a traceback in the lines after."""
        try:
            lines = map(escape_controls, self.format(record).splitlines())
            self._write("\n".join(lines), record.levelno)
        except Exception:
            self.handleError(record)


def route_logging(writer: Writer, level: str) -> None:
    """Send the records of Python's logging to `writer`, from `level` (debug, info, warning) up."""
    handler = LineHandler(writer.write)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
