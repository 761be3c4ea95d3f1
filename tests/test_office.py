"""The office over real sockets: it opens, moves and closes, and a port that cannot be had costs no mail later."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from policyd.assembly import Assembler
from policyd.config import Settings, parse
from policyd.logbook import Logbook
from policyd.metrics import Metrics
from policyd.office import Office
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.watch import Watch


def settings(home: Path, metrics: str) -> Settings:
    text = f'[metrics]\nlisten = "{metrics}"\n[control]\nsocket = "{home}/control.sock"\n[chain]\nchecks = []'
    return parse(text, str(home / "policyd.toml"))


async def exchange(path: Path, question: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 20)
    writer.write(question)
    answer = await reader.readline() if question.startswith(b"{") else await reader.read()
    writer.close()
    return answer


def run(home: Path, story: Callable[[Office], Awaitable[None]]) -> None:
    async def reload() -> tuple[str, ...]:
        return ()

    async def play() -> None:
        first = settings(home, f"unix:{home}/metrics.sock")
        metrics, watch, store = Metrics("1", lambda: 0.0), Watch(), MemoryStore(StoreOptions())
        assembler = Assembler(store)
        assembly, lists = await watch.open(lambda lists: assembler.build(first, lists))
        watch.follow(lists)
        assembler.take(assembly)
        book = Logbook(first, metrics, asyncio.get_running_loop(), str)
        office = Office(first, metrics, store, assembler, watch, book, lambda: "here", reload)
        try:
            await story(office)
        finally:
            await office.close()
            assembler.close()
            watch.close()

    asyncio.run(play())


def test_it_answers_on_both_sockets_and_removes_them(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        await office.open()
        assert office.status_line() == "serving on here"
        status = json.loads(await exchange(tmp_path / "control.sock", b'{"verb": "status"}\n'))["result"]
        assert status["state"] == "serving"
        assert json.loads(await exchange(tmp_path / "control.sock", b'{"verb": "rbl"}\n'))["result"] == []
        page = await exchange(tmp_path / "metrics.sock", b"GET /metrics HTTP/1.0\r\n\r\n")
        assert b"\npolicyd_store_up 1.0\n" in page
        office.tick()
        page = await exchange(tmp_path / "metrics.sock", b"GET / HTTP/1.0\r\n\r\n")
        assert b'policyd is <span class="serving">serving</span>' in page

    run(tmp_path, story)
    assert not (tmp_path / "control.sock").exists()
    assert not (tmp_path / "metrics.sock").exists()


def test_sockets_that_were_removed_are_made_anew(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        await office.open()
        before = {name: (tmp_path / name).stat().st_ino for name in ("metrics.sock", "control.sock")}
        await office.look_after()
        assert {name: (tmp_path / name).stat().st_ino for name in before} == before
        for name in before:
            (tmp_path / name).unlink()
        await office.look_after()
        assert (await exchange(tmp_path / "metrics.sock", b"GET /metrics HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert b'"state"' in await exchange(tmp_path / "control.sock", b'{"verb": "status"}\n')

    run(tmp_path, story)


def test_mistakes_of_a_reload_are_told_until_the_next(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        await office.open()
        office.mistakes = ("policyd.toml:1: wrong",)
        assert office.status_line() == "degraded: config: not taken at the last reload: policyd.toml:1: wrong"
        await office.take(settings(tmp_path, f"unix:{tmp_path}/moved.sock"))
        assert office.status_line() == "serving on here"
        assert not (tmp_path / "metrics.sock").exists()
        assert b"200 OK" in await exchange(tmp_path / "moved.sock", b"GET /metrics HTTP/1.0\r\n\r\n")

    run(tmp_path, story)


def test_a_port_in_use_stops_the_start_and_nothing_afterwards(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def story(office: Office) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            place = f"127.0.0.1:{other.getsockname()[1]}"
            await office.open()
            await office.take(settings(tmp_path, place))
            office._logbook.flush()
            assert f"cannot serve metrics on {place}" in capfd.readouterr().err
            with pytest.raises(OSError, match="cannot serve metrics"):
                await office.open()

    run(tmp_path, story)
