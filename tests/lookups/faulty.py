"""A nameserver on loopback that does everything wrong that a test asks for, by UDP and TCP on one port."""

import asyncio
import socket
import struct
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal, NamedTuple, Self

from tests.lookups.wires import name_of

Via = Literal["udp", "tcp"]
Answerer = Callable[[bytes, Via], Sequence[bytes]]
"""A question -> the messages that answer it. Of TCP: none closes the connection at once."""


class Asked(NamedTuple):
    via: Via
    name: str
    kind: str
    number: int
    port: int
    """The asker's."""


class FaultyServer:
    """To be used with ``async with``; `delay` seconds pass before every answer."""

    def __init__(self, answer: Answerer, *, delay: float = 0.0, host: str = "127.0.0.1") -> None:
        self.answer = answer
        self.delay = delay
        self.asked: list[Asked] = []
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> str:
        """As `[dns] nameservers` has it."""
        return f"[{self._host}]:{self.port}" if ":" in self._host else f"{self._host}:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        while True:
            self._tcp = await asyncio.start_server(self._connected, self._host, 0)
            self.port: int = self._tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), (self._host, self.port))
                break
            except OSError:  # somebody else has that port for UDP
                self._tcp.close()
        self._udp.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._udp.close()
        self._tcp.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    def note(self, message: bytes, via: Via, port: int) -> None:
        name, kind = name_of(message)
        self.asked.append(Asked(via, name, kind, int.from_bytes(message[:2], "big"), port))

    def received(self, message: bytes, peer: tuple[str, int]) -> None:
        self.note(message, "udp", peer[1])
        if not self.delay:
            self._send(message, peer)
        else:
            asyncio.get_running_loop().call_later(self.delay, self._send, message, peer)

    def _send(self, message: bytes, peer: tuple[str, int]) -> None:
        for wire in self.answer(message, "udp"):
            self._udp.sendto(wire, peer)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            message = await reader.readexactly(length)
            self.note(message, "tcp", writer.get_extra_info("peername")[1])
            await asyncio.sleep(self.delay)
            for wire in self.answer(message, "tcp"):
                writer.write(struct.pack("!H", len(wire)) + wire)
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
            self._tasks.discard(task)


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: FaultyServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.received(data, (addr[0], addr[1]))
