"""Everything that can happen to the files: the store comes up, says so in one line, and comes back by itself."""

import asyncio
import contextlib
import logging
import resource
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from policyd.model.errors import Unavailable
from policyd.stores import StoreOptions
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.store import SqliteStore
from tests.stores.contract import RULES, START, TRIPLET, ask, triplet

QUICK = Limits(generation=1000, retry=0.01, file_check=0.0, chores=0.01)
DB = "policyd.db"


async def opened(place: Path, limits: Limits = QUICK) -> SqliteStore:
    store = SqliteStore(place / DB, StoreOptions(), limits)
    await store.start()
    return store


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(20):
            await scenario()

    asyncio.run(whole())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


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


DAMAGES: dict[str, Callable[[Path], object]] = {
    "header": lambda path: scribble(path, 0, 100),
    "all of it": lambda path: path.write_bytes(b"\xa5" * 20000),
    "text": lambda path: path.write_text("this is no database, but somebody's notes\n" * 100),
    "schema page": lambda path: scribble(path, 100, 3996),
    "directory": lambda path: (path.unlink(), path.mkdir(), (path / "file").touch()),
    "newer schema": lambda path: execute(path, "PRAGMA user_version = 999"),
    "no secret": lambda path: execute(path, "DELETE FROM meta WHERE name = 'secret'"),
    "strange numbers": lambda path: execute(path, "UPDATE meta SET value = 'many' WHERE name = 'entries'"),
    "no tables": lambda path: execute(path, "DROP TABLE entries"),
}


def execute(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_archive_is_set_aside_at_the_start(
    place: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], object]
) -> None:
    async def scenario() -> None:
        await filled(place)
        damage(place / DB)
        store = await opened(place)
        await works(store)
        await store.close()

    run(scenario)
    aside = [file for file in place.iterdir() if ".corrupt-" in file.name and not file.name.endswith(("wal", "shm"))]
    assert len(aside) == 1
    assert len(errors(caplog)) == 1
    assert "is kept as" in errors(caplog)[0]


def test_an_empty_or_truncated_file_is_begun_anew(place: Path) -> None:
    async def scenario() -> None:
        (place / DB).touch()
        store = await opened(place)
        await works(store)
        await store.close()
        with (place / DB).open("r+b") as file:
            file.truncate(5000)
        store = await opened(place)
        await works(store)
        await store.close()

    run(scenario)


def test_a_damaged_page_is_found_after_the_start_and_what_memory_holds_is_kept(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        await filled(place, 2000)
        scribble(place / DB, 12 * 4096, 20 * 4096)
        store = await opened(place)
        await ask(store, TRIPLET, START)
        with contextlib.suppress(Unavailable):
            for number in range(2000):
                store.observe(triplet(number), RULES, START + 1)
        await until(lambda: bool(errors(caplog)) and store.stats().state == "ok")
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await store.close()
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 20) == ("early", 280)
        await store.close()

    run(scenario)


def test_what_a_killed_run_left_is_taken_over_even_without_its_archive(place: Path) -> None:
    async def scenario() -> None:
        await killed(place)
        (place / DB).write_text("gone")
        for suffix in ("-wal", "-shm"):
            (place / (DB + suffix)).unlink(missing_ok=True)
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await store.close()
        assert not list(place.glob("*.journal-*"))
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 20) == ("early", 280)
        await store.close()

    run(scenario)


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_a_damaged_segment_costs_its_own_rows_at_most(place: Path, suffix: str) -> None:
    async def scenario() -> None:
        await filled(place)
        await killed(place)
        (segment,) = place.glob(f"{DB}.journal-??????")
        Path(f"{segment}{suffix}").write_bytes(b"\xa5" * 9000)
        store = await opened(place)
        assert await ask(store, triplet(1), START + 10) == ("early", 290)
        await works(store)
        await store.close()
        assert not list(place.glob(f"{DB}.journal-??????"))

    run(scenario)


def test_a_segment_that_was_merged_but_not_removed_is_not_merged_again(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        await ask(store, TRIPLET, START)
        (segment,) = place.glob(f"{DB}.journal-??????")
        (place / "copy").mkdir()
        for file in place.glob(f"{segment.name}*"):
            shutil.copy(file, place / "copy")
        assert await ask(store, TRIPLET, START + 300) == ("passed", 300)
        await store.close()
        for file in (place / "copy").iterdir():
            shutil.copy(file, place)
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 301) == ("known", 0)
        await store.close()

    run(scenario)


def test_a_second_daemon_waits_until_the_first_has_gone(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        first, second = await opened(place), await opened(place)
        assert await ask(first, TRIPLET, START) == ("new", 300)
        assert second.stats().state == "degraded"
        with pytest.raises(Unavailable, match="another process"):
            second.observe(TRIPLET, RULES, START + 10)
        await second.ping()
        await first.close()
        await until(lambda: second.stats().state == "ok")
        assert await ask(second, TRIPLET, START + 10) == ("early", 290)
        await second.close()

    run(scenario)
    assert len(errors(caplog)) == 1


def test_without_its_directory_the_store_waits_for_it(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place / "later")
        with pytest.raises(Unavailable):
            store.observe(TRIPLET, RULES, START)
        (place / "later").mkdir()
        await until(lambda: store.stats().state == "ok")
        await works(store)
        await store.close()

    run(scenario)


def test_a_store_that_never_came_up_can_be_closed(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place / "never")
        await store.purge()
        await store.close()
        await store.close()

    run(scenario)


@contextlib.contextmanager
def no_file_longer_than(limit: int) -> Iterator[None]:
    """A full disk: writing beyond `limit` fails, whoever we are (EFBIG in place of ENOSPC)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_nothing_new_is_taken_and_the_known_are_still_answered(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        await ask(store, triplet(1), START)
        await ask(store, triplet(1), START + 300)
        with no_file_longer_than(4096):
            told: list[bool] = []
            commit = store.observe(TRIPLET, RULES, START).commit
            assert commit is not None
            commit.then(told.append)
            await until(lambda: bool(told))
            assert told == [False]
            for _ in range(5):
                await asyncio.sleep(0.02)
                assert store.stats().state == "degraded"
                with pytest.raises(Unavailable):
                    store.observe(TRIPLET, RULES, START)
            assert await ask(store, triplet(1), START + 310) == ("known", 0)
            assert await ask(store, triplet(1), START + 9999) == ("known", 0)
        await until(lambda: store.stats().state == "ok")
        assert await ask(store, TRIPLET, START + 20) == ("new", 300)
        await store.close()
        store = await opened(place)
        assert await ask(store, triplet(1), START + 400) == ("known", 0)
        await store.close()

    run(scenario)


def test_on_a_full_disk_it_starts_all_the_same(place: Path) -> None:
    async def scenario() -> None:
        with no_file_longer_than(0):
            store = await opened(place)
            assert store.stats().state == "degraded"
        await until(lambda: store.stats().state == "ok")
        await works(store)
        await store.close()

    run(scenario)


@pytest.mark.parametrize("what", [DB, "*.journal-??????", "*"])
def test_removed_files_are_noticed_and_what_memory_holds_is_written_again(place: Path, what: str) -> None:
    async def scenario() -> None:
        store = await opened(place)
        await ask(store, TRIPLET, START)
        inodes = {file.stat().st_ino for file in place.glob(f"{DB}*")}
        for file in place.glob(what):
            file.unlink()
        await until(lambda: (place / DB).exists() and any(new_files(place, inodes)))
        await until(lambda: store.stats().state == "ok" and store.stats().pending == 0)
        for file in place.glob(f"{DB}*"):
            assert file.stat().st_nlink == 1
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await works(store)
        await store.close()
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 20) == ("early", 280)
        await store.close()

    run(scenario)


def new_files(place: Path, known: set[int]) -> Iterator[Path]:
    return (file for file in place.glob(f"{DB}*") if file.stat().st_ino not in known)


def test_another_installations_archive_put_in_its_place_is_used(place: Path) -> None:
    async def scenario() -> None:
        (place / "other").mkdir()
        other = await opened(place / "other")
        await ask(other, triplet(5), START)
        await other.close()
        store = await opened(place)
        await ask(store, TRIPLET, START)
        (place / "other" / DB).rename(place / DB)
        for suffix in ("-wal", "-shm"):
            (place / (DB + suffix)).unlink(missing_ok=True)
        await until(lambda: store.keys.secret == other.keys.secret and store.stats().state == "ok")
        assert await ask(store, triplet(5), START + 10) == ("early", 290)
        assert await ask(store, TRIPLET, START + 10) == ("new", 300)
        await store.close()

    run(scenario)


def test_a_locked_archive_delays_merging_only(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place, Limits(generation=2, retry=0.01))
        tool = sqlite3.connect(place / DB, isolation_level=None)
        tool.execute("BEGIN IMMEDIATE")
        for number in range(10):
            assert await ask(store, triplet(number), START) == ("new", 300)
        await asyncio.sleep(0.05)
        assert (store.stats().state, store.stats().pending) == ("ok", 10)
        tool.execute("ROLLBACK")
        tool.close()
        await until(lambda: store.stats().pending == 0)
        await store.close()

    run(scenario)


def test_few_rows_are_merged_once_they_are_old(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place, Limits(age=0.05, retry=0.01))
        await ask(store, TRIPLET, START)
        assert store.stats().pending == 1
        await until(lambda: store.stats().pending == 0)
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await store.close()

    run(scenario)
