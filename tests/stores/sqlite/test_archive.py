import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from policyd.stores.sqlite import archive as module
from policyd.stores.sqlite.archive import Archive, open_archive
from policyd.stores.sqlite.journal import Row, create_segment
from policyd.stores.sqlite.state import freeze

NEW: list[Row] = [
    (1, 10, 10, 0, 0, b"net\n\xff@a\nb@c"),
    (2, 20, 20, 0, 0, b"net\n\nb@c"),
    (1, 10, 30, 1, 0, b"net\n\xff@a\nb@c"),
]


def run(place: Path, scenario: Callable[[Archive], Awaitable[None]]) -> None:
    async def whole() -> None:
        archive = await open_archive(place / "policyd.db", b"secret", 0)
        try:
            await scenario(archive)
        finally:
            await archive.close()

    asyncio.run(whole())


def segment(place: Path, number: int, rows: list[Row]) -> Path:
    path = place / f"segment{number}"
    with closing(create_segment(number, path, b"secret", "normal")) as written:
        written.append(rows)
    return path


def names(place: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(place / "policyd.db")) as connection:
        connection.text_factory = bytes
        return connection.execute("SELECT key, client, sender, recipient FROM names ORDER BY id").fetchall()


def test_a_merge_takes_the_last_state_and_names_each_new_key_once(tmp_path: Path) -> None:
    async def scenario(archive: Archive) -> None:
        await archive.merge(1, segment(tmp_path, 1, NEW))
        assert (archive.entries, archive.merged) == (2, 1)
        assert archive.find(1) == freeze(10, 30, 1, 0)
        assert archive.find(3) is None
        await archive.merge(2, segment(tmp_path, 2, [(2, 20, 25, 1, 0, b"net\n\nb@c"), (3, 9, 9, 0, 0, b"net\n\n")]))
        assert archive.entries == 3
        assert (archive.find(2), archive.find(3)) == (freeze(20, 25, 1, 0), freeze(9, 9, 0, 0))

    run(tmp_path, scenario)
    assert names(tmp_path) == [(1, b"net", b"\xff@a", b"b@c"), (2, b"net", b"", b"b@c"), (3, b"net", b"", b"")]


def test_what_was_noted_is_there_at_the_next_start(tmp_path: Path) -> None:
    async def first(archive: Archive) -> None:
        await archive.merge(5, segment(tmp_path, 5, NEW))
        await archive.set_meta("checked", 1000)
        await archive.set_meta("clean", 1)

    async def reopened() -> None:
        for now, needs_check in ((2000, False), (2000, True), (10**9, True)):
            archive = await open_archive(tmp_path / "policyd.db", b"another", now)
            assert (archive.secret, archive.entries, archive.merged) == (b"secret", 2, 5)
            assert archive.needs_check is needs_check  # the second time because nobody noted a clean end
            await archive.close()

    run(tmp_path, first)
    asyncio.run(reopened())


def test_memory_is_kept_exactly_and_counted_exactly(tmp_path: Path) -> None:
    async def scenario(archive: Archive) -> None:
        await archive.keep([(9, freeze(1, 2, 3, 4)), (8, freeze(5, 6, 7, 8))])
        await archive.keep([(9, freeze(0, 0, 0, 0)), (7, freeze(1, 1, 1, 1))])
        assert archive.entries == 3
        assert (archive.find(9), archive.find(8)) == (freeze(0, 0, 0, 0), freeze(5, 6, 7, 8))
        assert await archive.keys(-1, 2) == [7, 8]
        assert await archive.keys(8, 2) == [9]

    run(tmp_path, scenario)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
def test_what_fails_or_is_cancelled_changes_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    async def spoil(archive: Archive) -> None:
        async with archive.transaction() as writer:
            await writer.execute("INSERT INTO entries VALUES (1, 1, 1, 1, 1)")
            await archive.count(1)
            raise error

    async def scenario(archive: Archive) -> None:
        with pytest.raises(error):
            await spoil(archive)
        assert (archive.entries, archive.find(1)) == (0, None)
        await archive.keep([(1, freeze(2, 2, 2, 2))])
        assert archive.entries == 1

    run(tmp_path, scenario)


def test_a_merge_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    async def scenario(archive: Archive) -> None:
        (tmp_path / "broken").write_text("no segment at all, not even a database, but long enough to be looked at")
        with pytest.raises(sqlite3.DatabaseError):
            await archive.merge(1, tmp_path / "broken")
        await archive.merge(1, segment(tmp_path, 1, NEW))
        assert archive.entries == 2
        await archive.checkpoint()
        await archive.ping()

    run(tmp_path, scenario)


def test_looking_up_sees_every_write_and_lets_the_log_begin_again(tmp_path: Path) -> None:
    async def scenario(archive: Archive) -> None:
        for number in range(1, 4):
            rows: list[Row] = [(key, number, 0, 0, 0, b"c\ns\nr") for key in range(999)]
            await archive.merge(number, segment(tmp_path, number, rows))
            assert archive.find(7) == freeze(number, 0, 0, 0)
            await archive.checkpoint()
            assert archive.find(8) == freeze(number, 0, 0, 0)
            sizes.append((tmp_path / "policyd.db-wal").stat().st_size)

    sizes: list[int] = []
    run(tmp_path, scenario)
    assert sizes[2] <= sizes[1] <= sizes[0] + 3 * 4096


def test_a_log_that_a_reader_made_long_is_cut_when_he_has_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_LIMIT", 32 << 10)

    async def merge(archive: Archive, number: int) -> int:
        rows: list[Row] = [(key, number, 0, 0, 0, b"c\ns\nr") for key in range(999)]
        await archive.merge(number, segment(tmp_path, number, rows))
        await archive.checkpoint()
        return (tmp_path / "policyd.db-wal").stat().st_size

    async def scenario(archive: Archive) -> None:
        await merge(archive, 1)
        with closing(sqlite3.connect(tmp_path / "policyd.db", isolation_level=None)) as curious:
            curious.execute("BEGIN")
            curious.execute("SELECT count(*) FROM entries").fetchone()
            held = [await merge(archive, number) for number in range(2, 8)]
        assert held[-1] > 3 * held[0] // 2
        await merge(archive, 8)  # only after it all of the log is in the table, and the next write begins it again
        assert await merge(archive, 9) <= 32 << 10

    run(tmp_path, scenario)
