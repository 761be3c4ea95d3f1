"""The metrics port: answers GET of a few pages and nothing else.

Law: read only, bounded (one small request head, five seconds), never on the path of a mail.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from policyd import sockets
from policyd.model.endpoint import parse_endpoint, parse_host_and_port

MAX_HEAD: Final = 8192
"""Bytes of a request head; Prometheus sends a few hundred."""
TIMEOUT: Final = 5.0
"""Seconds for a whole exchange."""

_log = logging.getLogger("policyd")

METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
HTML: Final = "text/html; charset=utf-8"

_HEADERS: Final = (
    "Connection: close\r\nCache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    # Nothing but the page itself and its own style: no script could run, were there one.
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
)


class Page(NamedTuple):
    """What is answered to one path."""

    make: Callable[[], bytes]
    content_type: str


class Exporter:
    """A tiny HTTP server for `pages`, by their paths."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self._server: asyncio.Server | sockets.FileServer | None = None

    async def start(self, place: str) -> None:
        """Listen on ``HOST:PORT`` or ``unix:/PATH``. Raises OSError with a sentence for the administrator."""
        if place.startswith("unix:"):
            # Whoever may connect sees no address of anybody, as on a port; an exporter in front runs as another user.
            options = sockets.SocketOptions(mode=0o666, option="[metrics] listen")
            self._server = await sockets.FileServer.open(parse_endpoint(place), options, self._serve, MAX_HEAD)
            return
        endpoint = parse_host_and_port(place)
        try:
            self._server = await asyncio.start_server(self._serve, endpoint.host, endpoint.port, limit=MAX_HEAD)
        except OSError as error:
            reason = error.strerror or error
            raise OSError(f"cannot serve metrics on {place}: {reason}; choose another [metrics] listen") from error

    @property
    def is_there(self) -> bool:
        """Whether somebody who asks finds it: its socket file was not removed."""
        return not isinstance(self._server, sockets.FileServer) or self._server.is_there

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(TIMEOUT):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was does not speak HTTP
        finally:
            writer.close()

    def _response(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("ascii", "replace")
        if method not in (b"GET", b"HEAD"):
            return _answer("405 Method Not Allowed", b"only GET\n")
        page = self._pages.get(path)
        if page is None:
            return _answer("404 Not Found", f"there is {' and '.join(self._pages)}\n".encode())
        try:
            body = page.make()
        except Exception:
            _log.exception("a bug: %s cannot be shown; please report it with the lines below", path)
            return _answer("500 Internal Server Error", b"a bug of policyd; its log has the traceback\n")
        return _answer("200 OK", body, page.content_type, with_body=method == b"GET")


def _answer(status: str, body: bytes, content_type: str = "text/plain", *, with_body: bool = True) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{_HEADERS}\r\n"
    return head.encode("ascii") + (body if with_body else b"")
