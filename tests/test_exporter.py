"""The metrics port, spoken to over a real socket."""

import asyncio
import contextlib
import stat
from pathlib import Path

import pytest

from policyd.exporter import HTML, MAX_HEAD, METRICS, Exporter, Page

PAGES = {
    "/": Page(lambda: b"<p>", HTML),
    "/metrics": Page(lambda: b"policyd_up 1\n", METRICS),
    "/bug": Page(lambda: bytes(1 // 0), HTML),
}


async def exchange(raw: bytes) -> bytes:
    exporter = Exporter(PAGES)
    await exporter.start("127.0.0.1:0")
    assert exporter._server is not None
    port = exporter._server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answer = await reader.read()
    writer.close()
    await exporter.close()
    return answer


@pytest.mark.parametrize(
    ("head", "status", "body"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x", b"200 OK", b"policyd_up 1\n"),
        (b"GET /metrics?a=b HTTP/1.0", b"200 OK", b"policyd_up 1\n"),
        (b"HEAD /metrics HTTP/1.1", b"200 OK", b""),
        (b"GET / HTTP/1.1", b"200 OK", b"<p>"),
        (b"GET /x HTTP/1.1", b"404 Not Found", b"there is / and /metrics and /bug\n"),
        (b"GET /\xff HTTP/1.1", b"404 Not Found", b"there is / and /metrics and /bug\n"),
        (b"GET /bug HTTP/1.1", b"500 Internal Server Error", b"a bug of policyd; its log has the traceback\n"),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed", b"only GET\n"),
    ],
)
def test_only_these_pages_are_served(head: bytes, status: bytes, body: bytes) -> None:
    answer = asyncio.run(exchange(head + b"\r\n\r\n"))
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert answer.partition(b"\r\n\r\n")[2] == body


def test_an_endless_head_is_cut_off() -> None:
    answer = b""
    with contextlib.suppress(ConnectionError):  # cut off before all of it was sent
        answer = asyncio.run(exchange(b"GET /" + b"x" * (MAX_HEAD * 4)))
    assert answer == b""


def test_a_port_in_use_is_a_sentence() -> None:
    async def twice() -> None:
        first = Exporter({})
        await first.start("127.0.0.1:0")
        assert first._server is not None
        try:
            await Exporter({}).start(f"127.0.0.1:{first._server.sockets[0].getsockname()[1]}")
        finally:
            await first.close()

    with pytest.raises(OSError, match=r"cannot serve metrics on 127\.0\.0\.1:.*choose another \[metrics\] listen"):
        asyncio.run(twice())


def test_a_unix_socket_is_for_everybody_and_goes_with_the_daemon(tmp_path: Path) -> None:
    async def story() -> None:
        exporter = Exporter(PAGES)
        await exporter.start(f"unix:{tmp_path}/s")
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o666
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(b"policyd_up 1\n")
        writer.close()
        await exporter.close()
        assert not (tmp_path / "s").exists()

    asyncio.run(story())


def test_a_browser_is_told_to_run_nothing_and_keep_nothing() -> None:
    head = asyncio.run(exchange(b"GET / HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")[0]
    assert b"Content-Type: text/html; charset=utf-8\r\n" in head
    assert b"Content-Security-Policy: default-src 'none';" in head
    assert b"Cache-Control: no-store\r\n" in head
