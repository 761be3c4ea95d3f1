"""The server: the connections of Postfix, their bytes, their order, their end.

Law: exactly one reply per request, in order, and never a stray byte: Postfix sleeps 1 s for one (measured). Idle
connections are never closed by us, which would cost Postfix the same second. A known client is answered without
a task.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final, cast

from policyd.desk import Desk, Service
from policyd.model.errors import ProtocolError
from policyd.model.request import PolicyRequest
from policyd.wire.connection import PolicyConnection

PARTIAL_TIMEOUT: Final = 60.0
"""Seconds in which a begun request must be whole; Postfix sends it in one write."""
MAX_PIPELINED: Final = 64
"""Requests of one connection that may wait for their turn; Postfix never sends a second one (measured)."""
FRESH: Final = 0.2
"""Seconds in which a new connection is not closed at the end: who has just come is about to ask."""

_log = logging.getLogger("policyd.server")


class PolicyServer:
    """All connections of the daemon."""

    def __init__(
        self, service: Service, clock: Callable[[], float], later: Callable[[Callable[[], None]], object]
    ) -> None:
        self.desk = Desk(service, clock, later)
        self.clock = clock
        self.connections: set[Connection] = set()

    def __call__(self) -> "Connection":
        """Make the protocol of one accepted connection (asyncio's protocol factory)."""
        return Connection(self)

    def sweep(self) -> None:
        """Hang up on those who began a request long ago; to be called every few seconds."""
        now = self.clock()
        for connection in list(self.connections):
            if connection.partial_since and now - connection.partial_since > PARTIAL_TIMEOUT:
                connection.hang_up("timeout", f"a request begun {PARTIAL_TIMEOUT:.0f} s ago is still not whole")

    async def drain(self, grace: float) -> None:
        """Answer what was asked, for at most `grace` seconds; then close every connection."""
        end = self.clock() + grace
        while self.connections and self.clock() < end:
            await asyncio.sleep(0.01)  # first of all what has arrived already is read
            for connection in list(self.connections):
                connection.close_if_idle()
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One connection of Postfix."""

    __slots__ = (
        "_is_last", "_made", "_queue", "_server", "_transport", "_unread", "_waiting", "_wire", "partial_since",
    )  # fmt: skip

    def __init__(self, server: PolicyServer) -> None:
        self._server = server
        self._wire = PolicyConnection()
        self._queue: deque[PolicyRequest] = deque()
        self._unread = False
        self._waiting = False
        self._is_last = False
        self._transport: asyncio.Transport | None = None
        self._made = server.clock()
        self.partial_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or refuse it when there are too many (bounded, promise 5)."""
        server = self._server
        # A cast: uvloop's transports are no subclasses of asyncio's.
        connected = cast(asyncio.Transport, transport)
        if len(server.connections) >= server.desk.service.max_connections:
            server.desk.service.on_rejected()
            connected.abort()
            return
        self._transport = connected
        server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; a decision still under way is finished and logged, not sent."""
        self._server.connections.discard(self)
        self._transport = None
        self._queue.clear()

    def eof_received(self) -> bool:
        """The client will ask no more; what it asked is answered before the connection is closed."""
        self._is_last = True
        return self._waiting or self._unread

    def pause_writing(self) -> None:
        """The peer does not read its replies: take no more questions from it."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        if self._transport is not None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Have it read with what the others send."""
        self._unread = True
        self._server.desk.receive(self, data)

    def read(self, data: bytes) -> None:
        """Ask every request that is whole now, one after the other."""
        self._unread = False
        if self._transport is None:
            return
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
                self._waiting = True
                self._server.desk.ask(self, request)

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

    def reply(self, reply: bytes) -> None:
        """Send the reply to the request under way, and take up the next."""
        if self._transport is None:
            return
        self._transport.write(reply)
        if self._queue:
            self._server.desk.ask(self, self._queue.popleft())
            if len(self._queue) == MAX_PIPELINED - 1:
                self._transport.resume_reading()
        else:
            self._waiting = False
        if self._server.desk.service.close_after_reply or (self._is_last and not self._waiting):
            self._transport.close()

    def hang_up(self, kind: str, reason: str) -> None:
        """Close without a reply: Postfix asks once more, then answers 451 by itself (SMTPD_POLICY_README)."""
        self._server.desk.service.on_protocol_error(kind)
        _log.warning("closing a connection without a reply: %s", reason)
        self.abort()

    def close_if_idle(self) -> None:
        """Close unless a request is under way, or to be expected. Called until the connection is gone."""
        if self._transport is None or self._waiting or self._unread or self._wire.buffer:
            return
        if self._server.clock() - self._made >= FRESH:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, reading and sending nothing more."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
