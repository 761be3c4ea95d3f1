"""One question on its way: sent, sent again, to this server and that, until an answer or the end of its time.

Law: it ends exactly once, always, and then nothing of it is left behind. A new try does not end the listening to those
before: who is slow is heard as well. What answers something else changes nothing (that is how garbage sent by a
stranger ended look-ups once, CVE-2023-29483). Callbacks, no task: a task per question would cost as much as its codec.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

from policyd.alarms import SLACK, Alarm, Alarms
from policyd.lookups.dns.codec import Signal, read
from policyd.lookups.dns.nameserver import Nameserver
from policyd.lookups.dns.udp import Release
from policyd.model.dns import Answer, RecordType, UnavailableReason

Outcome = Answer | UnavailableReason

_LASTING: Final = ("refused", "servfail", "malformed", "unreachable")


class Exchange:
    """A question to `servers`, ended by a call of `done`, from `start` already if none can be asked."""

    __slots__ = (
        "_alarms", "_asked", "_done", "_edns", "_ends", "_failed", "_kind", "_loop", "_pause", "_releases", "_sent",
        "_servers", "_stream", "_timer", "_tries",
    )  # fmt: skip

    def __init__(
        self,
        asked: bytes,
        kind: RecordType,
        servers: Sequence[Nameserver],
        done: Callable[[Outcome], None],
        loop: asyncio.AbstractEventLoop,
        alarms: Alarms,
    ) -> None:
        self._asked = asked
        self._kind = kind
        self._servers = servers
        self._done: Callable[[Outcome], None] | None = done
        self._loop = loop
        self._alarms = alarms
        self._edns = True
        self._sent: list[Nameserver] = []
        self._releases: list[Release] = []
        self._failed: dict[Nameserver, UnavailableReason] = {}
        self._timer: Alarm | asyncio.TimerHandle | None = None
        self._stream: asyncio.Task[None] | None = None

    def start(self, timeout: float, tries: int) -> None:
        """Send the question, up to `tries` times within `timeout` seconds."""
        self._tries = tries
        self._pause = timeout / tries
        now = self._loop.time()
        self._ends = now + timeout
        self._try(now)

    def end(self, outcome: Outcome) -> None:
        """Tell the outcome and listen no more. A second end is none."""
        done, self._done = self._done, None
        if done is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for release in self._releases:
            release()
        self._releases.clear()
        if self._stream is not None:
            self._stream.cancel()
        done(outcome)

    def _try(self, now: float) -> None:
        """Send once more, to the server that was asked least; the end, if nobody is left to be asked or waited for."""
        while len(self._sent) < self._tries:
            server = self._next()
            if server is None:
                break
            self._sent.append(server)
            if self._send(server):
                self._look_again(self._alarms.at(now + self._pause, self._on_timer))
                return
        if not self._sent:
            self.end("resolver down")
        elif self._failed.keys() >= set(self._sent):
            self.end(next(reason for reason in _LASTING if reason in self._failed.values()))
        else:
            self._wait_to_the_end()

    def _next(self) -> Nameserver | None:
        """Who was asked least of those that may answer."""
        if not self._sent and self._servers and self._servers[0].is_up:
            return self._servers[0]
        candidates = [server for server in self._servers if server.is_up and server not in self._failed]
        return min(candidates, key=self._sent.count) if candidates else None

    def _send(self, server: Nameserver) -> bool:
        try:
            self._releases.append(server.link.send(self._asked, edns=self._edns, ear=partial(self._hear, server)))
        except OSError:
            self._failed[server] = "unreachable"
            server.missed()
            return False
        return True

    def _hear(self, server: Nameserver, wire: bytes | None) -> None:
        if self._done is None:  # others on the same socket, told of the same error
            return
        if wire is None:
            server.missed()
            self._fail(server, "unreachable")
            return
        reply = read(wire, self._asked, self._kind)
        if reply == "stray":
            return
        server.heard()
        if isinstance(reply, Answer):
            self.end(reply)
        elif reply == "truncated":
            self._ask_by_stream(server)
        elif reply == "no edns":
            self._ask_without_edns(server)
        else:
            self._fail(server, reply)

    def _fail(self, server: Nameserver, reason: UnavailableReason) -> None:
        """Count `server` out, and go on with another at once."""
        if server not in self._failed:
            self._failed[server] = reason
            self._try(self._loop.time())

    def _ask_without_edns(self, server: Nameserver) -> None:
        if not self._edns:
            self._fail(server, "refused")
            return
        self._edns = False  # RFC 6891 7: an old server; its answer is small, or comes by TCP
        self._tries += 1
        self._sent.append(server)
        if not self._send(server):
            self._try(self._loop.time())

    def _ask_by_stream(self, server: Nameserver) -> None:
        if self._stream is None:
            self._wait_to_the_end()
            self._stream = self._loop.create_task(self._by_stream(server))

    async def _by_stream(self, server: Nameserver) -> None:
        reply: Answer | Signal | Literal["unreachable"]
        try:
            reply = read(await server.link.stream(self._asked, edns=self._edns), self._asked, self._kind)
        except (OSError, EOFError):
            reply = "unreachable"
        except ValueError:
            reply = "malformed"
        self._stream = None
        if isinstance(reply, Answer):
            self.end(reply)
        elif reply in ("unreachable", "servfail", "refused"):
            self._fail(server, reply)
        else:  # nothing else can come over a connection of our own
            self._fail(server, "malformed")

    def _wait_to_the_end(self) -> None:
        self._look_again(self._loop.call_at(self._ends, self._on_timer))

    def _look_again(self, timer: Alarm | asyncio.TimerHandle) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def _on_timer(self) -> None:
        silent = self._sent[-1]
        if silent not in self._failed and self._stream is None:
            silent.missed()
        now = self._loop.time()
        if now >= self._ends - SLACK:
            self.end("timeout")
        else:
            self._try(now)
