import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec

import pytest

from policyd.lookups.dns import udp
from policyd.lookups.dns.codec import encode, read
from policyd.lookups.dns.settings import Place
from policyd.lookups.dns.udp import SOCKETS, Ear, SocketLink
from policyd.model.dns import Answer
from tests.lookups.faulty import FaultyServer, Via
from tests.lookups.wires import said

ASKED = encode("a.example", "A")


def honest(message: bytes, via: Via) -> Sequence[bytes]:
    return [said(message, "a.example 60 A 192.0.2.1")]


@asynccontextmanager
async def linked(server: FaultyServer) -> AsyncIterator[SocketLink]:
    async with server:
        link = SocketLink(Place(server._host, server.port))
        try:
            yield link
        finally:
            link.close()


async def heard(link: SocketLink) -> bytes | None:
    future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
    release = link.send(ASKED, edns=True, ear=first_into(future))
    try:
        async with asyncio.timeout(2):
            return await future
    finally:
        release()


def first_into(future: "asyncio.Future[bytes | None]") -> Ear:
    def ear(wire: bytes | None) -> None:
        if not future.done():
            future.set_result(wire)

    return ear


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_who_asked_hears_the_answer(host: str) -> None:
    async def asking() -> bytes | None:
        async with linked(FaultyServer(honest, host=host)) as link:
            return await heard(link)

    wire = asyncio.run(asking())
    assert wire is not None
    assert read(wire, ASKED, "A") == Answer(("192.0.2.1",), 60, "found")


def test_ids_and_ports_cannot_be_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "RENEWED", 64)
    server = FaultyServer(honest)

    async def run() -> None:
        async with linked(server) as link:
            for _ in range(SOCKETS * 64 // 2 * 3):
                await heard(link)
            assert not link._retired  # nobody waits in them

    asyncio.run(run())
    numbers = Counter(asked.number for asked in server.asked)
    ports = Counter(asked.port for asked in server.asked)
    assert len(numbers) > 0.9 * len(server.asked)  # 384 of 65536: 99.7 % are expected to be different
    assert SOCKETS < len(ports) <= 3 * SOCKETS
    assert max(ports.values()) <= 64


def test_a_socket_that_gave_way_is_heard_until_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "RENEWED", 16)
    held: list[tuple[bytes, tuple[str, int]]] = []

    class Slow(FaultyServer):
        def received(self, message: bytes, peer: tuple[str, int]) -> None:
            if len(held) < SOCKETS:
                held.append((message, peer))
            else:
                super().received(message, peer)

    async def asking() -> bytes | None:
        async with linked(server := Slow(honest)) as link:
            waiting = [asyncio.ensure_future(heard(link)) for _ in range(SOCKETS)]
            await asyncio.sleep(0)
            for _ in range(SOCKETS * 16 * 2):
                link.send(ASKED, edns=True, ear=lambda _: None)()
            assert link._retired
            while len(held) < SOCKETS:
                await asyncio.sleep(0)
            for message, peer in held:
                server._send(message, peer)
            answers = await asyncio.gather(*waiting)
            assert not link._retired
            return answers[0]

    assert asyncio.run(asking()) is not None


def test_wrong_ids_are_not_heard_but_counted() -> None:
    def liar(message: bytes, via: Via) -> Sequence[bytes]:
        wrong = bytes([message[0] ^ 1]) + message[1:]
        return [said(wrong, "a.example 60 A 192.0.2.66"), b"", b"x", *honest(message, via)]

    async def asking() -> None:
        async with linked(FaultyServer(liar)) as link:
            wire = await heard(link)
            assert wire is not None
            assert read(wire, ASKED, "A") == Answer(("192.0.2.1",), 60, "found")
            assert link.strays >= 1

    asyncio.run(asking())


def test_who_is_not_the_server_is_not_heard() -> None:
    server = FaultyServer(lambda message, via: [])

    async def run() -> None:
        async with linked(server) as link:
            future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
            release = link.send(ASKED, edns=True, ear=first_into(future))
            while not server.asked:
                await asyncio.sleep(0)
            asked = server.asked[0]
            message = asked.number.to_bytes(2, "big") + bytes([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + ASKED
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(("127.0.0.1", 0))
                stranger.sendto(said(message, "a.example 60 A 192.0.2.66"), ("127.0.0.1", asked.port))
            await asyncio.sleep(0.05)
            assert not future.done()
            release()

    asyncio.run(run())


def test_a_closed_port_is_told_at_once_and_every_time() -> None:
    async def asking() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        link = SocketLink(Place("127.0.0.1", port))
        for _ in range(3 * SOCKETS):
            assert await heard(link) is None
        link.close()

    asyncio.run(asking())


def test_what_the_kernel_says_of_an_earlier_question_does_not_hurt_the_next() -> None:
    async def asking() -> None:
        async with FaultyServer(honest) as server:
            link = SocketLink(Place("127.0.0.1", server.port))
            for _ in range(SOCKETS * 8):
                await heard(link)
            server._udp.close()
            await asyncio.sleep(0)
            refused: list[bytes | None] = []
            for _ in range(SOCKETS * 8):  # in one turn: every send finds the error of the one before
                link.send(ASKED, edns=True, ear=refused.append)
            await asyncio.sleep(0.05)
            assert set(refused) == {None}
            assert len(refused) >= SOCKETS * 8
            link.close()

    asyncio.run(asking())


def test_a_place_that_cannot_be_reached_is_an_error() -> None:
    async def asking() -> None:
        link = SocketLink(Place("255.255.255.255"))
        with pytest.raises(PermissionError):
            link.send(ASKED, edns=True, ear=lambda _: None)
        link.close()

    asyncio.run(asking())


def test_a_closed_link_leaves_nothing() -> None:
    async def asking() -> None:
        async with FaultyServer(honest) as server:
            link = SocketLink(Place("127.0.0.1", server.port))
            release = link.send(ASKED, edns=True, ear=lambda wire: pytest.fail("heard after the end"))
            link.close()
            await asyncio.sleep(0.02)
            release()

    asyncio.run(asking())  # an open socket would be a ResourceWarning, which is an error here


def loops() -> list[Callable[[], asyncio.AbstractEventLoop]]:
    """asyncio's own loop, and uvloop's where it is installed."""
    if find_spec("uvloop") is None:
        return [asyncio.new_event_loop]
    import uvloop

    return [asyncio.new_event_loop, uvloop.new_event_loop]


@pytest.mark.parametrize("loop_factory", loops())
def test_a_server_that_was_away_is_heard_again(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def asking() -> bytes | None:
        # Not 127.0.0.1: the link's own sockets take ports there, and this one may be the next.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.2", 0))
            port = held.getsockname()[1]
        link = SocketLink(Place("127.0.0.2", port))
        try:
            for _ in range(SOCKETS * 8):  # all sockets hear that nobody listens
                link.send(ASKED, edns=True, ear=lambda _: None)
                await asyncio.sleep(0.001)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
                server.bind(("127.0.0.2", port))
                server.settimeout(0)
                return await _answered(link, server)
        finally:
            link.close()

    async def _answered(link: SocketLink, server: socket.socket) -> bytes | None:
        future: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        for _ in range(SOCKETS):  # what was said of questions before may still be told
            link.send(ASKED, edns=True, ear=lambda wire: None if wire is None else first_into(future)(wire))
        await asyncio.sleep(0.01)
        for _ in range(SOCKETS):
            wire, peer = server.recvfrom(4096)
            server.sendto(said(wire, "a.example 60 A 192.0.2.1"), peer)
        async with asyncio.timeout(2):
            return await future

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        assert runner.run(asking()) is not None
