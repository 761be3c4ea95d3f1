"""The server: feeds bytes to the wire, requests to the chain, replies to the socket.

Law: exactly one reply per request, in order, and never a stray byte: Postfix sleeps 1 s for one (measured). Idle
connections are never closed by us, which would cost Postfix the same second. A known client is answered without
a task. This is the only room that catches every exception: a bug is logged with its traceback and answered DUNNO.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Final, cast

from policyd.model.action import DUNNO
from policyd.model.errors import ProtocolError
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision
from policyd.wire.connection import PolicyConnection

PARTIAL_TIMEOUT: Final = 60.0
"""Seconds in which a begun request must be whole; Postfix sends it in one write."""
MAX_PIPELINED: Final = 64
"""Requests of one connection that may wait for their turn; Postfix never sends a second one (measured)."""

TOGETHER: Final = 16
"""Replies sent at once: more would let every smtpd wait while we work, fewer would wake them one by one."""

Decide = Callable[[PolicyRequest, int], Decision | Awaitable[Decision]]
Record = Callable[[PolicyRequest, Decision, float], None]

_log = logging.getLogger("policyd.server")


@dataclass
class Service:
    """What all connections share. Reload replaces the fields; open connections follow at their next request."""

    decide: Decide
    record: Record
    """Is told of every answer and the seconds it took, after it was sent."""
    on_protocol_error: Callable[[str], None]
    on_rejected: Callable[[], None]
    request_deadline: float = 8.0
    max_connections: int = 4096
    close_after_reply: bool = False


class PolicyServer:
    """All connections of the daemon."""

    def __init__(
        self, service: Service, clock: Callable[[], float], later: Callable[[Callable[[], None]], object]
    ) -> None:
        self.service = service
        self.clock = clock
        self._later = later
        self._unsent: list[Connection] = []
        self.connections: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()

    def __call__(self) -> "Connection":
        """Make the protocol of one accepted connection (asyncio's protocol factory)."""
        return Connection(self)

    def send_soon(self, connection: "Connection") -> None:
        """Send the replies of `connection` together with others, at the latest at the end of this tick of the loop.

        Between the reads of a tick, each write would wake a sleeping smtpd by itself: half of all CPU (measured).
        """
        self._unsent.append(connection)
        if len(self._unsent) == 1:
            self._later(self._send)
        elif len(self._unsent) >= TOGETHER:
            self._send()

    def _send(self) -> None:
        connections, self._unsent = self._unsent, []
        for connection in connections:
            connection.send()

    def sweep(self) -> None:
        """Hang up on those who began a request long ago; to be called every few seconds."""
        now = self.clock()
        for connection in list(self.connections):
            if connection.partial_since and now - connection.partial_since > PARTIAL_TIMEOUT:
                connection.hang_up("timeout", f"a request begun {PARTIAL_TIMEOUT:.0f} s ago is still not whole")

    async def drain(self, grace: float) -> None:
        """Answer what was asked, for at most `grace` seconds; then close every connection."""
        end = self.clock() + grace
        while self.clock() < end:
            for connection in list(self.connections):
                connection.close_if_idle()
            if not self.connections:
                return
            await asyncio.sleep(0.01)
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection of Postfix."""

    __slots__ = ("_is_last", "_queue", "_server", "_transport", "_unsent", "_waiting", "_wire", "partial_since")

    def __init__(self, server: PolicyServer) -> None:
        self._server = server
        self._wire = PolicyConnection()
        self._queue: deque[PolicyRequest] = deque()
        self._waiting = False
        self._is_last = False
        self._unsent = b""
        self._transport: asyncio.Transport | None = None
        self.partial_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many (bounded, promise 5)."""
        # A cast: uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        server = self._server
        if len(server.connections) >= server.service.max_connections:
            server.service.on_rejected()
            self._transport.abort()
            return
        server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a decision still under way is finished and logged, not sent."""
        self._server.connections.discard(self)
        self._transport = None
        self._queue.clear()

    def eof_received(self) -> bool:
        """The client will ask no more; what it asked is answered before the connection is closed."""
        self._is_last = True
        return self._waiting or bool(self._unsent)

    def pause_writing(self) -> None:
        """The peer does not read its replies: take no more questions from it."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole now."""
        try:
            requests = self._wire.receive_data(data)
        except ProtocolError as error:
            self.hang_up("too long", str(error))
            return
        except Exception:
            _log.exception("a bug: what a client sent could not be read; please report it with the lines below")
            self.hang_up("fault", "nothing can be answered to what was not understood")
            return
        if self._wire.buffer or self.partial_since:
            self._watch(whole=bool(requests))
        for request in requests:
            if self._waiting:
                self._enqueue(request)
            else:
                self._ask(request)

    def _watch(self, *, whole: bool) -> None:
        """Keep the time at which a request that is not whole began."""
        if not self._wire.buffer:
            self.partial_since = 0.0
        elif whole or not self.partial_since:
            self.partial_since = self._server.clock()

    def _enqueue(self, request: PolicyRequest) -> None:
        self._queue.append(request)
        if len(self._queue) >= MAX_PIPELINED and self._transport is not None:
            self._transport.pause_reading()

    def _ask(self, request: PolicyRequest) -> None:
        started = self._server.clock()
        try:
            decision = self._server.service.decide(request, int(time()))
        except Exception:
            decision = _fault()
        if not isinstance(decision, Decision):
            self._waiting = True
            task = asyncio.ensure_future(self._await(request, decision, started))
            self._server.tasks.add(task)
            task.add_done_callback(self._server.tasks.discard)
        elif decision.commit is not None:
            self._waiting = True
            decision.commit.then(partial(self._committed, request, decision, started))
        else:
            self._answer(request, decision, started)

    async def _await(self, request: PolicyRequest, pending: Awaitable[Decision], started: float) -> None:
        try:
            async with asyncio.timeout(self._server.service.request_deadline):
                decision = await pending
        except TimeoutError:
            decision = Decision(DUNNO, "chain", "deadline", 0, "0" * 8)
        except Exception:
            decision = _fault()
        if decision.commit is not None:
            decision.commit.then(partial(self._committed, request, decision, started))
        else:
            self._committed(request, decision, started, done=True)

    def _committed(self, request: PolicyRequest, decision: Decision, started: float, done: bool) -> None:  # noqa: FBT001
        # Deferring what was not stored would defer that mail for ever (promise 2).
        self._waiting = False
        self._answer(request, decision if done else decision.failed("unavailable"), started)
        if self._queue:
            self._go_on()

    def _go_on(self) -> None:
        """Take up the requests that came in while one was waiting."""
        while self._queue and not self._waiting:
            self._ask(self._queue.popleft())
            if len(self._queue) == MAX_PIPELINED - 1 and self._transport is not None:
                self._transport.resume_reading()

    def _answer(self, request: PolicyRequest, decision: Decision, started: float) -> None:
        first = not self._unsent
        self._unsent += decision.action.reply
        if first:
            self._server.send_soon(self)
        service = self._server.service
        try:
            service.record(request, decision, self._server.clock() - started)
        except Exception:
            _log.exception("a decision could not be recorded")

    def send(self) -> None:
        """Write the replies of this tick."""
        unsent, self._unsent = self._unsent, b""
        if self._transport is not None:
            self._transport.write(unsent)
            if self._server.service.close_after_reply or (self._is_last and not self._waiting):
                self._transport.close()

    def hang_up(self, kind: str, reason: str) -> None:
        """Close without a reply: Postfix asks once more, then answers 451 by itself (SMTPD_POLICY_README)."""
        self._server.service.on_protocol_error(kind)
        _log.warning("closing a connection without a reply: %s", reason)
        self.abort()

    def close_if_idle(self) -> None:
        """Close unless a request is under way. Called until the connection is gone."""
        if self._transport is not None and not (self._waiting or self._unsent or self._wire.buffer):
            self._transport.close()

    def abort(self) -> None:
        """Close at once, sending nothing more."""
        if self._transport is not None:
            self._transport.abort()


def _fault() -> Decision:
    """The answer to a bug of ours, whose traceback goes to the log."""
    _log.exception("a bug: this request is answered DUNNO; please report it with the lines below")
    return Decision(DUNNO, "chain", "fault", 0, "0" * 8)
