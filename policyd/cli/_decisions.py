"""Decisions for verbs that look back: from the running daemon, or from files of its log. No verb: see the underscore.

Law: what a client sent is escaped again before a terminal sees it. Files are read line by line and never held.
"""

import gzip
import io
import re
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final, NamedTuple

from policyd.logs.lines import escape
from policyd.logs.reading import Fields, read_line
from policyd.model.errors import Refused

GZIP: Final = b"\x1f\x8b"
_STAMP: Final = re.compile(
    r"(?:[A-Z][a-z]{2} [ 0-3][0-9]|[0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII
)
"""The time in front of a line, as syslog, the journal or our own writer put it there."""


class Seen(NamedTuple):
    """One decision."""

    at: int
    """Seconds since the epoch; 0 when only the line knows."""
    fields: Fields
    line: str

    @property
    def logged(self) -> str:
        """When, as the line says it; empty if it does not."""
        stamp = _STAMP.match(self.line)
        return stamp[0].replace("T", " ") if stamp else ""

    def row(self) -> str:
        """It in one line for people."""
        fields, when = self.fields, f"{datetime.fromtimestamp(self.at):%Y-%m-%d %H:%M:%S}" if self.at else self.logged
        why = fields.get("reason", "") + (f", {fields['delay']} s" if fields.get("delay", "0") != "0" else "")
        who = f"{_shown(fields, 'client_address')} [{_shown(fields, 'client_name')}]"
        mail = f"{_shown(fields, 'sender', '<>')} -> {_shown(fields, 'recipient')}"
        more = "".join(f"\n    {name}: {_shown(fields, name)}" for name in ("match", "would") if name in fields)
        head = f"{when}  {fields.get('action', ''):9} {why:22} {who}  {mail}  id {_shown(fields, 'id')}"
        return head.strip() + more

    def as_json(self) -> dict[str, Any]:
        """It for programs."""
        return {"at": self.at or None, "logged": self.logged, **self.fields}


def _shown(fields: Mapping[str, str], name: str, missing: str = "-") -> str:
    value = fields.get(name)
    return escape(value) if value else missing


def from_daemon(answer: Mapping[str, Any]) -> list[Seen]:
    """What the verbs `find` and `recent` of the control socket answered, the newest first."""
    read = ((at, read_line(line), line) for at, line in answer["decisions"])
    return [Seen(at, fields, line) for at, fields, line in read if fields is not None]


def from_logs(paths: Sequence[str]) -> Iterator[Seen]:
    """The decisions in these files (``-``: standard input), in their order; gzip is noticed. Raises Refused."""
    for path in paths:
        try:
            read = ((read_line(line), line.rstrip("\n")) for line in _lines(path) if "reason" in line)
            yield from (Seen(0, fields, line) for fields, line in read if fields is not None)
        except (OSError, EOFError) as error:
            raise Refused(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _lines(path: str) -> Iterator[str]:
    with io.BufferedReader(io.FileIO(0, closefd=False) if path == "-" else io.FileIO(path)) as raw:
        file: Any = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == GZIP else raw
        with io.TextIOWrapper(file, "utf-8", "backslashreplace") as text:
            yield from text


def decisions(options: Namespace, answer: Mapping[str, Any] | None) -> Iterator[Seen]:
    """Those of the files in `options`, or of the daemon's answer; the oldest first."""
    return from_logs(options.log) if answer is None else reversed(from_daemon(answer))


def network_of(fields: Mapping[str, str]) -> str:
    """The network of the client, as greylisting sees it; what is no address as it is."""
    text = fields.get("client_address", "unknown")
    try:
        address = ip_address(text)
    except ValueError:
        return escape(text)
    return str(ip_network((address, 24 if address.version == 4 else 64), strict=False))


def domain_of(fields: Mapping[str, str], name: str) -> str:
    """The domain of the address in field `name`; ``<>`` for the null sender, the whole where there is none."""
    address = fields.get(name, "")
    return escape(address.rpartition("@")[2].lower()) if address else "<>"
