"""The set of places where the daemon listens, and how a reload changes it.

Law: all or nothing: new sockets are opened before an old one is closed, so a mistake changes nothing. Sockets
that systemd handed us stay as they are: they are its unit's to change. A file that somebody removes comes back.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import AF_UNIX, socket
from typing import NamedTuple

from policyd import sockets
from policyd.model.endpoint import Endpoint, parse_endpoint

_log = logging.getLogger("policyd")


class _Open(NamedTuple):
    listener: socket
    server: asyncio.Server
    file: tuple[str, int] | None
    """The socket file as it was in the beginning, so that a successor's is not taken for it."""
    is_ours: bool
    """Whether we made it, and not systemd."""


class Listeners:
    """Open listening sockets, each with its server."""

    def __init__(self, factory: Callable[[], asyncio.Protocol], inherited: Iterable[socket]) -> None:
        self._factory = factory
        self._inherited = list(inherited)
        self._open: dict[str, _Open] = {}
        self._options = sockets.SocketOptions()
        self._said: dict[str, str] = {}
        """The last complaint about each place."""

    def __str__(self) -> str:
        """The addresses, as the configuration writes them."""
        return ", ".join(self._open)

    async def listen(self, places: Iterable[str], options: sockets.SocketOptions) -> None:
        """Listen on `places` and nowhere else. Raises OSError with a sentence, having changed nothing."""
        self._options = options
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

    async def look_after(self) -> None:
        """Make socket files that were removed anew; to be called every few seconds. Who is connected stays."""
        for name, opened in list(self._open.items()):
            if opened.file is None or sockets.is_there(opened.file):
                self._said.pop(name, None)
            elif opened.is_ours:
                await self._make_anew(name)
            else:
                self._say(
                    name,
                    f"{name}: its file was removed or replaced, and Postfix finds nobody there; it is systemd's: "
                    "systemctl restart policyd.socket",
                )

    async def _make_anew(self, name: str) -> None:
        try:
            listener = sockets.open_socket(parse_endpoint(name), self._options)
        except OSError as error:
            self._say(name, str(error))
            return
        _log.warning("%s: its file was removed or replaced; it is made anew", name)
        old = self._open[name]
        await self._accept(name, listener, self._options)
        old.server.close()
        old.listener.close()

    def _say(self, name: str, sentence: str) -> None:
        if self._said.get(name) != sentence:
            _log.error("%s", sentence)
            self._said[name] = sentence

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
        file, is_ours = None, listener not in self._inherited
        with suppress(OSError):  # systemd's may lie where its unit does not let us look
            file = sockets.socket_file(listener)
        self._open[name] = _Open(listener, server, file, is_ours)

    def _close(self, name: str) -> None:
        listener, server, file, is_ours = self._open.pop(name)
        server.close()
        listener.close()
        if is_ours and file is not None:
            sockets.remove_file(file)
