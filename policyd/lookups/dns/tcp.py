"""One question over TCP, for answers that no datagram holds (RFC 7766).

Law: never more bytes than a message may have, never longer than the caller waits; the connection ends with its answer.
"""

import asyncio
from secrets import randbits
from typing import Final

from policyd.lookups.dns.codec import MAX_MESSAGE, query
from policyd.lookups.dns.settings import Place

_LENGTH: Final = 2


async def ask(place: Place, asked: bytes, *, edns: bool = True) -> bytes:
    """The server's message with the id of the question. Raises OSError, EOFError, ValueError (no such answer)."""
    number = randbits(16)
    message = query(number, asked, edns=edns)
    reader, writer = await asyncio.open_connection(place.host, place.port, limit=MAX_MESSAGE)
    try:
        writer.write(len(message).to_bytes(_LENGTH, "big") + message)
        length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
        if length > MAX_MESSAGE:
            raise ValueError(f"a message of {length} bytes")
        wire = await reader.readexactly(length)
    finally:
        writer.transport.abort()  # without waiting for a peer that may hang
    if int.from_bytes(wire[:_LENGTH], "big") != number:
        raise ValueError("not the id that was asked")
    return wire
