"""The set of places where the daemon listens, and how a reload changes it.

Law: all or nothing: new sockets are opened before an old one is closed, so a mistake changes nothing. Sockets
that systemd handed us stay as they are: they are its unit's to change.
"""

import asyncio
import sys
from collections.abc import Callable, Iterable
from socket import AF_UNIX, socket
from typing import NamedTuple

from policyd import sockets
from policyd.model.endpoint import Endpoint, parse_endpoint


class _Open(NamedTuple):
    listener: socket
    server: asyncio.Server
    file: tuple[str, int] | None
    """The socket file as it was when we made it, so that a successor's is not taken for ours."""


class Listeners:
    """Open listening sockets, each with its server."""

    def __init__(self, factory: Callable[[], asyncio.Protocol], inherited: Iterable[socket]) -> None:
        self._factory = factory
        self._inherited = list(inherited)
        self._open: dict[str, _Open] = {}

    def __str__(self) -> str:
        """The addresses, as the configuration writes them."""
        return ", ".join(self._open)

    async def listen(self, places: Iterable[str], options: sockets.SocketOptions) -> None:
        """Listen on `places` and nowhere else. Raises OSError with a sentence, having changed nothing."""
        if self._inherited:
            for listener in self._inherited:
                if sockets.describe(listener) not in self._open:
                    await self._accept(sockets.describe(listener), listener, options)
            return
        wanted = {str(endpoint): endpoint for endpoint in map(parse_endpoint, places)}
        for name, listener in self._sockets(wanted, options).items():
            await self._accept(name, listener, options)
        for name in set(self._open) - set(wanted):
            self._close(name)

    def close(self) -> None:
        """Stop accepting everywhere. Open connections are the server's."""
        for name in list(self._open):
            self._close(name)

    def _sockets(self, wanted: dict[str, Endpoint], options: sockets.SocketOptions) -> dict[str, socket]:
        opened: dict[str, socket] = {}
        try:
            for name in wanted.keys() - self._open.keys():
                opened[name] = sockets.open_socket(wanted[name], options)
        except OSError:
            for listener in opened.values():
                sockets.close_socket(listener)
            raise
        return opened

    async def _accept(self, name: str, listener: socket, options: sockets.SocketOptions) -> None:
        loop = asyncio.get_running_loop()
        if listener.family == AF_UNIX:
            # From 3.13 the loop would remove the file, which with socket activation is systemd's.
            keep = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
            server = await loop.create_unix_server(
                self._factory,
                sock=listener,
                backlog=options.backlog,
                **keep,  # type: ignore[arg-type]
            )
        else:
            server = await loop.create_server(self._factory, sock=listener, backlog=options.backlog)
        file = None if listener in self._inherited else sockets.socket_file(listener)
        self._open[name] = _Open(listener, server, file)

    def _close(self, name: str) -> None:
        listener, server, file = self._open.pop(name)
        server.close()
        listener.close()
        if file is not None:
            sockets.remove_file(file)
