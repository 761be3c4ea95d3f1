"""The metrics port: answers GET /metrics and nothing else.

Law: read only, bounded (one small request head, five seconds), never on the path of a mail.
"""

import asyncio
from collections.abc import Callable
from typing import Final

MAX_HEAD: Final = 8192
"""Bytes of a request head; Prometheus sends a few hundred."""
TIMEOUT: Final = 5.0
"""Seconds for a whole exchange."""

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Exporter:
    """A tiny HTTP server for one page."""

    def __init__(self, page: Callable[[], bytes]) -> None:
        self._page = page
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError with a sentence for the administrator."""
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD)
        except OSError as error:
            reason = error.strerror or error
            raise OSError(
                f"cannot serve metrics on {host}:{port}: {reason}; choose another [metrics] listen"
            ) from error

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
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _page("405 Method Not Allowed", b"only GET\n")
        if path == b"/metrics":
            return _page("200 OK", self._page(), _TYPE, with_body=method == b"GET")
        return _page("404 Not Found", b"there is only /metrics\n")


def _page(status: str, body: bytes, content_type: str = "text/plain", *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + (body if with_body else b"")
