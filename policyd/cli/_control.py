"""The client of the control socket, for all verbs that ask a running daemon. No verb: their files have no underscore.

Law: nothing is opened but the socket; what comes back is checked to be what a daemon says. A wait of more than a moment
shows its seconds, on a terminal only.
"""

import json
import re
import socket
import sys
import time
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Any, Final

from policyd.cli import NotRunning
from policyd.cli._numbers import seconds
from policyd.config import DEFAULT_PATH, ControlSettings, read
from policyd.model.errors import ConfigError, Refused

MAX_ANSWER: Final = 16 << 20
"""Bytes; a daemon answers with half of that at most."""
_SOCKET: Final = re.compile(
    r'^[ \t]*\[control\](?:[^\n]*\n(?![ \t]*\[))*?[ \t]*socket[ \t]*=[ \t]*"([^"\n]*)"', re.MULTILINE
)
"""How it is written in a file that is no TOML any more."""
MOMENT: Final = 1.0
"""Seconds of waiting before the terminal shows them."""


def add_options(parser: ArgumentParser, *, timeout: float = 10.0) -> None:
    """The options of every verb that asks a daemon."""
    add = parser.add_argument
    add("--config", "-c", metavar="FILE", default=DEFAULT_PATH,
        help="whose [control] socket is asked; default: %(default)s")  # fmt: skip
    add("--socket", metavar="PATH", help="the control socket itself")
    add("--timeout", metavar="SECONDS", type=seconds, default=timeout, help="how long to wait; default: %(default)g")
    add("--json", action="store_true", help="print one JSON object")


def ask(options: Namespace, verb: str, **arguments: object) -> Any:
    """What the daemon says to `verb`. Raises NotRunning, or Refused with what it says to a wrong question."""
    path = options.socket or find_socket(options.config)
    with Connection(path, options.timeout) as connection:
        return connection.ask(verb, arguments)


def find_socket(config: str) -> str:
    """The socket that the file at `config` names. A file with mistakes must not hide the daemon that runs without them.

    Raises NotRunning if it is switched off there, ConfigError if the file was named and cannot be read.
    """
    try:
        text = read(config).decode("utf-8-sig", "replace")
    except ConfigError:
        if config != DEFAULT_PATH:  # else another daemon would be asked, and taken for the one that was meant
            raise
        text = ""
    try:
        section = tomllib.loads(text).get("control", {})
        path = section.get("socket") if isinstance(section, dict) else None
    except (ValueError, RecursionError):
        line = _SOCKET.search(text)
        path = line and line[1]
    if path == "":
        raise NotRunning(f'{config}: [control] socket is "": a daemon with these settings cannot be asked')
    return path if isinstance(path, str) else ControlSettings().socket


class Connection:
    """An open control socket. Raises NotRunning if there is no daemon."""

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout)
            self._socket.connect(path)
        except (OSError, ValueError) as error:
            self._socket.close()
            raise NotRunning(_sentence(path, error)) from None

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, verb: str, arguments: Mapping[str, object]) -> Any:
        """The daemon's answer. Raises NotRunning when it ends meanwhile, Refused."""
        try:
            self._socket.sendall(json.dumps({"verb": verb, "arguments": dict(arguments)}).encode("ascii") + b"\n")
            return _result(json.loads(self._line(verb)))
        except TimeoutError:
            raise Refused(f"the daemon did not answer within {self._timeout:g} s") from None
        except ConnectionError:
            raise NotRunning(f"the daemon behind {self._path} ended before it answered") from None
        except (ValueError, TypeError, LookupError):
            raise Refused(f"what listens on {self._path} is no policyd") from None

    def _line(self, verb: str) -> bytes:
        received, begun, shown = bytearray(), time.monotonic(), False
        while not received.endswith(b"\n"):
            waited = time.monotonic() - begun
            if waited >= self._timeout:
                raise TimeoutError
            if len(received) > MAX_ANSWER:
                raise ValueError("no daemon says so much")
            self._socket.settimeout(min(MOMENT, self._timeout - waited))
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                shown |= _show(f"{verb}: {waited + MOMENT:.0f} s")
                continue
            if not data:
                raise ConnectionError
            received += data
        if shown:
            _show("")
        return bytes(received)


def _result(answer: Any) -> Any:
    if "error" in answer:
        raise Refused(str(answer["error"]), [str(mistake) for mistake in answer.get("mistakes", ())])
    return answer["result"]


def _sentence(path: str, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{path}: only root and the user of the daemon may ask it"
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return f"no daemon runs behind {path}; start it, or name its socket with --socket or --config"
    return f"{path}: {getattr(error, 'strerror', None) or error}"


def _show(text: str) -> bool:
    """Put `text` in place of what was shown before; whether there is somebody to see it."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    return sys.stderr.isatty()
