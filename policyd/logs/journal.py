"""Lines for systemd's journal in its own protocol: of each decision a datagram, with fields to look for it by.

Law: as in writers.py, writing never waits: while the journal stands still lines are kept, then lost and counted. A
field is a name of ours and text without a line end, so that no request begins a field of its own (promise 8).
Sources: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/, systemd.journal-fields(7); JOURNAL_STREAM: systemd.exec(5).
"""

import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Final, Protocol

from policyd.logs.lines import NAMES, unquoted, values
from policyd.logs.writers import Backlog, Writer, priority
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision

SOCKET: Final = "/run/systemd/journal/socket"
"""Where the journal listens; a unit with LogNamespace= sees its own journal there."""
_NAMES: Final = tuple(f"POLICYD_{name.upper()}=" for name in NAMES)
RETRY: Final = 0.002
"""Seconds until a journal that took no more is tried again. Its queue has 512 places where systemd set it, else 10."""
SEND_BUFFER: Final = 8 << 20
"""Bytes wished for what the journal has not read yet, as libsystemd does; the kernel gives net.core.wmem_max."""


def is_journal(environment: Mapping[str, str], descriptor: int) -> bool:
    """Whether `descriptor` is the stream to the journal that systemd opened.

    The variable alone proves nothing: it is inherited, and what it names may have been redirected (systemd.exec(5)).
    """
    try:
        is_at = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{is_at.st_dev}:{is_at.st_ino}"


def fields_of(request: PolicyRequest, decision: Decision) -> str:
    """`decision` as fields: the names of the JSON form in capitals behind ``POLICYD_``; empty ones are left out."""
    texts = unquoted([str(value) if value else "" for value in values(request, decision)])
    return "".join([f"{name}{text}\n" for name, text in zip(_NAMES, texts, strict=True) if text])


def datagram(line: str, level: int, facility: int, fields: str) -> bytes:
    """One entry as it is sent: `line`, who says it, and what fields_of() made."""
    text = f"PRIORITY={priority(level)}\nSYSLOG_IDENTIFIER=policyd\nSYSLOG_FACILITY={facility >> 3}\n{fields}"
    return _message(line) + text.encode("ascii", "backslashreplace")


def _message(line: str) -> bytes:
    """The field of the text. Before what has a line end stands its length, so that nothing in it begins a field."""
    data = line.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return b"MESSAGE=%s\n" % data
    return b"MESSAGE\n%s%s\n" % (len(data).to_bytes(8, "little"), data)


class Loop(Protocol):
    """What of an event loop is needed."""

    def call_soon(self, callback: Callable[[], None], /) -> object:
        """Call it at the end of this tick."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object:
        """Call it after so many seconds."""


class JournalWriter(Backlog[tuple[str, int, str]]):
    """Sends lines to the journal; those that it cannot be sent go to `other`."""

    def __init__(self, facility: int, loop: Loop, other: Writer, path: str) -> None:
        super().__init__(loop.call_soon)
        self._facility = facility
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._loop = loop
        self._other = other

    @property
    def dropped(self) -> int:
        """Lines lost because the journal stood still."""
        return self._lost + self._other.dropped

    def write(self, text: str, level: int = logging.INFO) -> None:
        """Take lines that are one entry; it is sent at the end of this tick of the event loop."""
        self._take([(text, level, "")])

    def write_all(self, lines: Sequence[str], fields: Sequence[str] = ()) -> None:
        """Take lines that inform, and what fields_of() made of each; the same way."""
        self._take(list(zip(lines, repeat(logging.INFO), fields or repeat(""))))

    def _tick(self) -> None:
        super()._tick()
        if self._kept:
            self._scheduled = True
            self._loop.call_later(RETRY, self._tick)

    def flush(self) -> None:
        """Send what can be sent without waiting."""
        sent = 0
        for line, level, fields in self._kept:
            try:
                # Not connected: a journal that was started anew listens on another socket of the same name.
                self._socket.sendto(datagram(line, level, self._facility, fields), self._path)
            except BlockingIOError:
                break
            except OSError:  # nobody listens there, or the line is too long for one datagram
                self._other.write(line, level)
            sent += 1
        del self._kept[:sent]
        self._other.flush()

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
