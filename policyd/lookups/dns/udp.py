"""The wire to one nameserver: many questions share few sockets, and none stays long.

Law: an answer counts only from the server's address (the sockets are connected, the kernel drops the rest), under an id
that waits in that very socket. Ids are random, so are ports, which the kernel chooses and which change every few
hundred questions (RFC 5452 9.2): who cannot see a question has to guess both.
"""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from secrets import token_bytes
from typing import Final

from policyd.lookups.dns import tcp
from policyd.lookups.dns.codec import query
from policyd.lookups.dns.settings import Place

SOCKETS: Final = 4
"""Sockets in use; more cost nothing but descriptors, fewer would overflow their buffers."""
RENEWED: Final = 512
"""Questions after which a socket gives way to a new one, on another port."""
BUFFER: Final = 1 << 20
"""Bytes asked for what the kernel holds for a socket: its usual 208 KiB overflow at some hundred answers at once."""
MAX_DATAGRAM: Final = 4096
BATCH: Final = 64
"""Datagrams taken in one turn of the loop."""

Ear = Callable[[bytes | None], None]
"""Hears every datagram with the question's id, true or false; None: nobody listens at the server's port."""
Release = Callable[[], None]
"""Ends the listening; to be called once."""


class SocketLink:
    """The sockets to one server. To be made in the running loop."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._loop = asyncio.get_running_loop()
        self._sockets: list[_Socket | None] = [None] * SOCKETS
        self._retired: set[_Socket] = set()
        self.strays = 0
        """Datagrams that answered nothing that was asked."""

    def send(self, asked: bytes, *, edns: bool, ear: Ear) -> Release:
        """Send a question once; `ear` hears what comes back until it is released. Raises OSError."""
        index = next(_IDS) % SOCKETS
        chosen = self._sockets[index]
        if chosen is None or chosen.sent >= RENEWED:
            chosen = self._renew(index, chosen)
        return chosen.send(asked, edns=edns, ear=ear)

    async def stream(self, asked: bytes, *, edns: bool) -> bytes:
        """The answer to a question over TCP. Raises OSError, EOFError, ValueError."""
        return await tcp.ask(self._place, asked, edns=edns)

    def close(self) -> None:
        """Hear nothing more."""
        for each in [*self._sockets, *self._retired]:
            if each is not None:
                each.close()
        self._sockets = [None] * SOCKETS
        self._retired.clear()

    def _renew(self, index: int, old: "_Socket | None") -> "_Socket":
        new = _Socket(self._place, self._loop, self._on_stray)
        self._sockets[index] = new
        if old is not None:
            self._retired.add(old)
            old.retire(self._retired.discard)
        return new

    def _on_stray(self) -> None:
        self.strays += 1


class _Socket:
    """One connected socket and who listens at it."""

    def __init__(self, place: Place, loop: asyncio.AbstractEventLoop, on_stray: Callable[[], None]) -> None:
        self.sent = 0
        self._loop = loop
        self._on_stray = on_stray
        self._ears: dict[int, Ear] = {}
        self._when_idle: Callable[[_Socket], None] | None = None
        self._socket = _connected(place)
        loop.add_reader(self._socket, self._readable)

    def send(self, asked: bytes, *, edns: bool, ear: Ear) -> Release:
        number = next(_IDS)
        while number in self._ears:
            number = next(_IDS)
        message = query(number, asked, edns=edns)
        try:
            self._socket.send(message)
        except ConnectionRefusedError:  # said of an earlier question, not of this one (udp(7))
            self.sent = RENEWED  # as below: a poll may have seen it before
            self._tell_all()
            with suppress(BlockingIOError):
                self._socket.send(message)
        except BlockingIOError:  # the kernel's queue is full: as good as lost on the way, and sent again later
            pass
        self.sent += 1
        self._ears[number] = ear
        return partial(self._release, number)

    def retire(self, when_idle: Callable[["_Socket"], None]) -> None:
        """Close as soon as nobody waits any more."""
        self._when_idle = when_idle
        self._close_if_idle()

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        self._ears.clear()

    def _release(self, number: int) -> None:
        self._ears.pop(number, None)
        if self._when_idle is not None:
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._when_idle is not None and not self._ears:
            self.close()
            self._when_idle(self)

    def _readable(self) -> None:
        for _ in range(BATCH):
            try:
                wire = self._socket.recv(MAX_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error; or closed meanwhile, then nobody is left
                self.sent = RENEWED  # uvloop hears nothing more of a socket after an error: libuv stops its poll
                self._tell_all()
                return
            if hears := self._ears.get(int.from_bytes(wire[:2], "big")):
                hears(wire)
            else:
                self._on_stray()
            if not self._ears:  # nothing more is to come, and to look for it would be a call of the kernel
                return

    def _tell_all(self) -> None:
        """Nobody listens at the server's port, so no question will be answered."""
        for ear in list(self._ears.values()):
            ear(None)


def _ids() -> Iterator[int]:
    """Random ids. The kernel is asked for many at a time: one call for each would be a tenth of a question's time."""
    while True:
        yield from memoryview(token_bytes(512)).cast("H")


_IDS: Final = _ids()


def _connected(place: Place) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        place.host, place.port, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.settimeout(0)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
