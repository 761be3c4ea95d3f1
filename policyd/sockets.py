"""Listening sockets: opened by us, or inherited.

Law: a socket file is replaced only if it is a socket and nobody answers behind it. Errors are OSError with a
sentence that says which socket and what to do.
"""

import asyncio
import contextlib
import grp
import os
import pwd
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from policyd.model.endpoint import Endpoint

Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class SocketOptions:
    """How unix sockets are given away, and how many connections may wait."""

    mode: int = 0o660
    user: str = ""
    group: str = ""
    backlog: int = 512
    option: str = "[server] listen"
    """The option of the configuration that names the place."""


def open_socket(endpoint: Endpoint, options: SocketOptions) -> socket.socket:
    """Listen on `endpoint`. Raises OSError with a sentence for the administrator."""
    try:
        return _listening(endpoint, options)
    except (OSError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).strip("'\"")
        raise OSError(f"cannot listen on {endpoint}: {reason}{_advice(error, endpoint, options.option)}") from error


def _advice(error: OSError | KeyError, endpoint: Endpoint, option: str) -> str:
    if isinstance(error, OSError) and "in use" in str(error.strerror):
        return f"; another policyd or another policy service runs there: stop it or choose another {option}"
    if isinstance(error, PermissionError):
        return f"; this user may not create it: choose another place than {endpoint.path or endpoint.port}"
    if isinstance(error, FileNotFoundError):
        return f"; create the directory {Path(endpoint.path).parent} first"
    return ""


def _listening(endpoint: Endpoint, options: SocketOptions) -> socket.socket:
    listener, bind = _unix(endpoint.path, options) if endpoint.kind == "unix" else _inet(endpoint)
    try:
        bind()
        listener.listen(options.backlog)
        listener.setblocking(False)  # noqa: FBT003
    except OSError:
        listener.close()
        raise
    return listener


def _inet(endpoint: Endpoint) -> tuple[socket.socket, Callable[[], None]]:
    family, kind, protocol, _, address = socket.getaddrinfo(
        endpoint.host, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return listener, partial(listener.bind, address)


def _unix(path: str, options: SocketOptions) -> tuple[socket.socket, Callable[[], None]]:
    owner = pwd.getpwnam(options.user).pw_uid if options.user else -1
    group = grp.getgrnam(options.group).gr_gid if options.group else -1
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def bind() -> None:
        # Nobody may connect before mode and owner are right, so the file is born without any permission.
        before = os.umask(0o777)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        if options.user or options.group:
            os.chown(path, owner, group)
        Path(path).chmod(options.mode)

    return listener, bind


def _remove_stale(path: str) -> None:
    """Remove the socket file that a killed daemon left. CVE-2008-1569: never anything that is no socket of ours."""
    try:
        status = Path(path).lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise FileExistsError(17, "there is a file that is no socket; remove it or choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
    raise OSError(98, "Address already in use")


def socket_file(listener: socket.socket) -> tuple[str, int] | None:
    """The file of a unix socket: its path and inode; None for the others."""
    path = listener.getsockname() if listener.family == socket.AF_UNIX else ""
    return (path, Path(path).stat().st_ino) if path and path[0] != "\0" else None


def is_there(file: tuple[str, int]) -> bool:
    """Whether a socket's file is still where it was made, and nobody else's stands there."""
    try:
        return Path(file[0]).lstat().st_ino == file[1]
    except OSError:
        return False


def remove_file(file: tuple[str, int]) -> None:
    """Remove a socket's file, unless another process has put its own there since."""
    path, inode = Path(file[0]), file[1]
    with contextlib.suppress(OSError):  # whoever took it away has done our work
        if path.lstat().st_ino == inode:
            path.unlink()


class FileServer:
    """A server of streams on a socket file, which goes when it closes."""

    def __init__(self, server: asyncio.Server, file: tuple[str, int] | None) -> None:
        self._server = server
        self._file = file

    @classmethod
    async def open(cls, endpoint: Endpoint, options: SocketOptions, accept: Accept, limit: int) -> "FileServer":
        """Serve on the unix socket `endpoint`; lines have `limit` bytes. Raises OSError with a sentence."""
        listener = open_socket(endpoint, options)
        # From 3.13 the loop would remove the file by its name, even when a successor has made it anew.
        keep: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
        server = await asyncio.start_unix_server(accept, sock=listener, limit=limit, **keep)
        return cls(server, socket_file(listener))

    @property
    def is_there(self) -> bool:
        """Whether its file is still its own."""
        return self._file is None or is_there(self._file)

    def close(self) -> None:
        """Stop listening, and remove the file."""
        self._server.close()
        if self._file is not None:
            remove_file(self._file)


def close_socket(listener: socket.socket) -> None:
    """Stop listening, and remove the file of a unix socket."""
    file = socket_file(listener)
    listener.close()
    if file is not None:
        remove_file(file)


def describe(listener: socket.socket) -> str:
    """The address of a listening socket as the configuration writes it."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if listener.family == socket.AF_INET6 else name[0]
    return f"inet:{host}:{name[1]}"
