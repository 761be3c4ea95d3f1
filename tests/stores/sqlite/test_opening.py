"""Whatever is found at the start, the store comes up, and says so in one line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stores.contract import START, TRIPLET, ask, triplet
from tests.stores.sqlite.places import DB, errors, execute, filled, killed, opened, run, scribble, works

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
