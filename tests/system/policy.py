"""The policy protocol as a client speaks it: requests as bytes, replies as text.

Law: independent of policyd's own parser, so that it cannot share its mistakes.
"""

import socket
from types import TracebackType
from typing import Final

END: Final = b"\n\n"

DEFAULTS: Final = {
    "request": "smtpd_access_policy",
    "protocol_state": "RCPT",
    "protocol_name": "ESMTP",
    "client_address": "203.0.113.9",
    "client_name": "mx.example.org",
    "reverse_client_name": "mx.example.org",
    "helo_name": "mx.example.org",
    "sender": "alice@example.org",
    "recipient": "bob@box.test",
    "instance": "1.2.3.0",
    "sasl_username": "",
    "etrn_domain": "",
    "size": "0",
    "policy_context": "",
}


def request(**attributes: str) -> bytes:
    """The bytes of a request: DEFAULTS with `attributes` in their place."""
    lines = [f"{name}={value}\n" for name, value in (DEFAULTS | attributes).items()]
    return ("".join(lines) + "\n").encode("utf-8", "surrogateescape")


class PolicyClient:
    """A connection to a policy service, ``inet:HOST:PORT`` or ``unix:/PATH``."""

    def __init__(self, service: str, timeout: float = 10) -> None:
        self.socket = connect(service, timeout)
        self._received = b""

    def __enter__(self) -> "PolicyClient":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.socket.close()

    def ask(self, **attributes: str) -> str:
        """The action that `attributes` get."""
        self.socket.sendall(request(**attributes))
        return self.reply()

    def reply(self) -> str:
        """The next reply's action. It must be exactly one line ``action=...`` and an empty line."""
        while END not in self._received:
            data = self.socket.recv(65536)
            assert data, f"hung up after {self._received!r}"
            self._received += data
        line, _, self._received = self._received.partition(END)
        assert line.startswith(b"action="), line
        assert b"\n" not in line, line
        return line.removeprefix(b"action=").decode("ascii")

    def is_closed(self) -> bool:
        """Wait for the peer: whether it hung up without another byte. TimeoutError if it does neither."""
        try:
            return self._received + self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def is_closed_within(self, seconds: float) -> bool:
        """Whether the peer hangs up in that time; it sends nothing."""
        self.socket.settimeout(seconds)
        try:
            return self.is_closed()
        except TimeoutError:
            return False

    def is_silent(self, seconds: float) -> bool:
        """Whether the peer neither sends a byte nor hangs up for so long."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return not self._received
        return False


def connect(service: str, timeout: float = 10) -> socket.socket:
    """A socket connected to a service as Postfix writes it."""
    kind, _, where = service.partition(":")
    if kind == "unix":
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(timeout)
        client.connect(where)
        return client
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), timeout)
