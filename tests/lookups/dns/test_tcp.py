import asyncio
import socket
import struct
from collections.abc import Sequence

import pytest

from policyd.lookups.dns import tcp
from policyd.lookups.dns.codec import MAX_MESSAGE, encode, read
from policyd.lookups.dns.settings import Place
from policyd.model.dns import Answer
from tests.lookups.faulty import FaultyServer, Via
from tests.lookups.wires import said

ASKED = encode("a.example", "TXT")


def ask(server: FaultyServer, seconds: float = 2.0) -> bytes:
    async def asking() -> bytes:
        async with server, asyncio.timeout(seconds):
            return await tcp.ask(Place(server._host, server.port), ASKED)

    return asyncio.run(asking())


def test_a_long_answer_is_read_whole() -> None:
    def honest(message: bytes, via: Via) -> Sequence[bytes]:
        return [said(message, "a.example 60 TXT " + " ".join(['"' + "x" * 250 + '"'] * 50))]

    assert read(ask(FaultyServer(honest)), ASKED, "TXT") == Answer((b"x" * 12500,), 60, "found")


def test_who_closes_is_an_error() -> None:
    with pytest.raises(EOFError):
        ask(FaultyServer(lambda message, via: []))


def test_an_answer_cut_in_the_middle_is_an_error() -> None:
    async def asking() -> None:
        async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(struct.pack("!H", 500) + bytes(100))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(half, "127.0.0.1", 0)
        with pytest.raises((EOFError, OSError)):
            await tcp.ask(Place("127.0.0.1", server.sockets[0].getsockname()[1]), ASKED)
        server.close()
        await asyncio.sleep(0.01)

    asyncio.run(asking())


def test_sixty_four_kilobytes_are_not_read() -> None:
    with pytest.raises(ValueError, match="65535 bytes"):
        ask(FaultyServer(lambda message, via: [message[:2] + bytes(65533)]))


def test_the_most_that_is_read() -> None:
    assert len(ask(FaultyServer(lambda message, via: [message[:2] + bytes(MAX_MESSAGE - 2)]))) == MAX_MESSAGE


@pytest.mark.parametrize("wire", [b"", b"x", b"\xff\xff\x80\x00"])
def test_another_id_is_an_error(wire: bytes) -> None:
    def liar(message: bytes, via: Via) -> Sequence[bytes]:
        return [wire if len(wire) < 2 else bytes([message[0] ^ 1]) + message[1:]]

    with pytest.raises(ValueError, match="id"):
        ask(FaultyServer(liar))


def test_a_closed_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = Place(*taken.getsockname())
    with pytest.raises(OSError, match="Connect call failed"):
        asyncio.run(tcp.ask(place, ASKED))


def test_a_server_that_hangs_is_left_when_the_caller_leaves() -> None:
    with pytest.raises(TimeoutError):
        ask(FaultyServer(lambda message, via: [message], delay=60), seconds=0.05)
