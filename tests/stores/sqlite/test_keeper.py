"""Whatever happens to the files of a running store, it says so in one line and comes back by itself."""

import asyncio
import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.model.errors import Unavailable
from policyd.stores.sqlite.limits import Limits
from tests.stores.contract import RULES, START, TRIPLET, ask, triplet
from tests.stores.sqlite.places import DB, errors, filled, opened, run, scribble, until, works


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
        await until(lambda: any(place.glob(f"{DB}.corrupt-*")) and store.stats().state == "ok")
        assert errors(caplog)
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await store.close()
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 20) == ("early", 280)
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
        before = inodes(place)
        for file in place.glob(what):
            file.unlink()
        await until(lambda: (place / DB).exists() and bool(inodes(place) - before))
        await until(lambda: store.stats().state == "ok" and store.stats().pending == 0)
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await works(store)
        await store.close()
        store = await opened(place)
        assert await ask(store, TRIPLET, START + 20) == ("early", 280)
        await store.close()

    run(scenario)


def test_two_daemons_do_not_serve_from_one_database_because_the_lock_was_removed(
    place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        first = await opened(place)
        assert await ask(first, TRIPLET, START) == ("new", 300)
        (place / f"{DB}.lock").unlink()
        second = await opened(place)
        await until(lambda: {first.stats().state, second.stats().state} == {"ok", "degraded"})
        winner, other = (first, second) if first.stats().state == "ok" else (second, first)
        await winner.close()
        await until(lambda: other.stats().state == "ok")
        assert await ask(other, TRIPLET, START + 10) == ("early", 290)
        await other.close()

    run(scenario)
    assert any("policyd.db.lock was removed" in line for line in errors(caplog))


def test_a_lock_that_was_removed_is_made_again(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        assert await ask(store, TRIPLET, START) == ("new", 300)
        (place / f"{DB}.lock").unlink()
        await until(lambda: (place / f"{DB}.lock").exists())
        await until(lambda: store.stats().state == "ok")
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)
        await store.close()

    run(scenario)


def inodes(place: Path) -> set[int]:
    found = set()
    for file in place.glob(f"{DB}*"):
        with contextlib.suppress(FileNotFoundError):  # files come and go
            found.add(file.stat().st_ino)
    return found


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
