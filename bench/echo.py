"""A server that says DUNNO to everything: what driver and kernel can do without a policy server between them."""

import asyncio
import contextlib
import sys
from typing import cast


class Echo(asyncio.Protocol):
    """Answers each piece of data at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._write = cast(asyncio.WriteTransport, transport).write  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        """Answer without a look."""
        self._write(b"action=DUNNO\n\n")


async def _serve(where: str) -> None:
    loop = asyncio.get_running_loop()
    host, _, port = where.rpartition(":")
    if host == "unix":
        server = await loop.create_unix_server(Echo, port)
    else:
        server = await loop.create_server(Echo, host, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(_serve(sys.argv[1]))
