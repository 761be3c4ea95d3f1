"""A tiny SMTP client that can pretend to be anybody (XCLIENT), say anything (bytes), and retry as an MTA does.

Law: it never quotes, cleans or guesses: what the test says goes over the wire.
"""

import smtplib
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Door = int | Callable[[], socket.socket]
"""How a Postfix is reached: its port on 127.0.0.1, or what connects to it."""


class Reply(NamedTuple):
    """An SMTP reply; the lines of its text joined."""

    code: int
    text: str


class Client(NamedTuple):
    """Who Postfix shall believe is connected. Values as XCLIENT takes them (xtext): ``[UNAVAILABLE]``, ``IPV6:::1``."""

    address: str
    name: str = "[UNAVAILABLE]"
    helo: str = "mail.example.org"
    login: str = ""

    def xclient(self) -> str:
        """The XCLIENT command that says so."""
        return f"XCLIENT ADDR={self.address} NAME={self.name}" + (f" LOGIN={self.login}" if self.login else "")


class Attempt(NamedTuple):
    """What Postfix said to one try of one message: to each recipient, and to its end (None: no DATA was sent)."""

    recipients: Mapping[str, Reply]
    end: Reply | None = None

    @property
    def accepted(self) -> bool:
        """Whether every recipient was accepted and the message is Postfix's now."""
        return self.end is not None and all(reply.code == 250 for reply in self.recipients.values())


class Smtp(smtplib.SMTP):
    """One SMTP session with a Postfix on 127.0.0.1."""

    def __init__(self, door: Door, client: Client | None = None, timeout: float = 30) -> None:
        self._door = door
        super().__init__("127.0.0.1", door if isinstance(door, int) else 25, "client.example.org", timeout)
        if client is not None:
            self.become(client)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return socket.create_connection((host, port), timeout) if isinstance(self._door, int) else self._door()

    def say(self, command: bytes | str) -> Reply:
        """Send one command line as it is; return the reply."""
        self.send((command.encode() if isinstance(command, str) else command) + b"\r\n")
        code, text = self.getreply()
        return Reply(code, text.decode("utf-8", "backslashreplace"))

    def become(self, client: Client) -> None:
        """Be `client` from now on: XCLIENT, a new greeting, EHLO again."""
        self.must(220, self.say(client.xclient()))
        self.must(250, self.say(f"EHLO {client.helo}"))

    def must(self, code: int, reply: Reply) -> Reply:
        """`reply`, whose code must be `code`."""
        assert reply.code == code, reply
        return reply

    def attempt(self, sender: str, recipients: Sequence[str], subject: str = "test") -> Attempt:
        """Try one message. DATA is sent when at least one recipient was accepted, as MTAs do."""
        self.must(250, self.say(f"MAIL FROM:<{sender}>"))
        replies = {recipient: self.say(f"RCPT TO:<{recipient}>") for recipient in recipients}
        if not any(reply.code == 250 for reply in replies.values()):
            self.must(250, self.say("RSET"))
            return Attempt(replies)
        self.must(354, self.say("DATA"))
        end = self.say(f"From: <{sender}>\r\nSubject: {subject}\r\n\r\nHello\r\n.")
        return Attempt(replies, self.must(250, end))


def attempt(door: Door, client: Client, sender: str, recipients: Sequence[str], subject: str = "test") -> Attempt:
    """One try of one message in a session of its own."""
    with Smtp(door, client) as session:
        return session.attempt(sender, recipients, subject)


def rcpt(door: Door, client: Client, sender: str, recipient: str) -> Reply:
    """What Postfix says to one recipient; no message is sent."""
    with Smtp(door, client) as session:
        session.must(250, session.say(f"MAIL FROM:<{sender}>"))
        return session.say(f"RCPT TO:<{recipient}>")


def sleep_until(moment: float) -> None:
    """Sleep until the monotonic clock shows `moment`."""
    time.sleep(max(0.0, moment - time.monotonic()))
