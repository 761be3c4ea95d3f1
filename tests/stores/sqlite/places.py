"""Stores on files that something happened to."""

import asyncio
import contextlib
import logging
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from policyd.stores import StoreOptions
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.store import SqliteStore
from tests.stores.contract import ENTRIES, RULES, START, TRIPLET, ask, triplet

QUICK = Limits(generation=1000, retry=0.01, file_check=0.0, chores=0.01)
DB = "policyd.db"


_OPENED: list[SqliteStore] = []


async def opened(place: Path, limits: Limits = QUICK, options: StoreOptions | None = None) -> SqliteStore:
    """A store; `run` closes it in the end if the scenario does not."""
    store = SqliteStore(place / DB, options or StoreOptions(max_entries=ENTRIES, clock=lambda: START), limits)
    _OPENED.append(store)
    await store.start()
    return store


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        try:
            async with asyncio.timeout(20):
                await scenario()
        finally:  # a store that is left open keeps its thread, and the thread the whole program
            while _OPENED:
                await _OPENED.pop().close()

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def filled(place: Path, count: int = 400) -> None:
    """A database with `count` triplets first seen at START, closed well."""
    store = await opened(place)
    for number in range(count):
        store.observe(triplet(number), RULES, START)
    await store.close()


async def killed(place: Path) -> None:
    """Leave the files of a run that remembered TRIPLET and was killed: copies, made while it was open."""
    store = await opened(place)
    await ask(store, TRIPLET, START)
    shutil.copytree(place, place.parent / "copies")
    await store.close()
    shutil.rmtree(place)
    (place.parent / "copies").rename(place)


async def works(store: SqliteStore) -> None:
    assert store.stats().state == "ok"
    assert await ask(store, triplet(7777), START + 10) == ("new", 300)
    assert await ask(store, triplet(7777), START + 310) == ("passed", 300)


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.ERROR]


def scribble(path: Path, offset: int, length: int = 4096) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * length)


def execute(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)
