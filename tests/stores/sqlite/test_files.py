from pathlib import Path

import pytest

from policyd.stores.sqlite import files


def test_only_one_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    lock = files.take_lock(path)
    with pytest.raises(files.Locked, match="another process serves"):
        files.take_lock(path)
    files.release_lock(lock)
    files.release_lock(files.take_lock(path))


def test_a_lock_that_was_removed_or_replaced_is_no_longer_held(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    lock = files.take_lock(path)
    assert files.is_held(lock, path)
    (tmp_path / "policyd.db.lock").rename(tmp_path / "elsewhere")
    assert not files.is_held(lock, path)
    (tmp_path / "policyd.db.lock").touch()
    assert not files.is_held(lock, path)
    files.release_lock(lock)


def test_where_no_lock_can_be_made_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=rf"^there is no directory {tmp_path}/none; make it, owned by policyd's user$"):
        files.take_lock(tmp_path / "none" / "policyd.db")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(OSError, match=rf"^{tmp_path} cannot be written to; make it, and all in it, policyd's user's$"):
        files.take_lock(tmp_path / "policyd.db")


def test_files_are_private_and_never_reached_through_a_link(tmp_path: Path) -> None:
    files.make_private(tmp_path / "policyd.db")
    assert (tmp_path / "policyd.db").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "policyd.db")
    with pytest.raises(OSError, match="link"):
        files.make_private(tmp_path / "link")


def test_segments_are_found_in_order_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    for name in ("", ".journal-000002", ".journal-1000000", ".journal-000010", ".journal-000010-wal", "-journal"):
        (tmp_path / f"policyd.db{name}").touch()
    (tmp_path / "other.db.journal-000001").touch()
    assert [number for number, _ in files.segments(path)] == [2, 10, 1000000]


def test_a_removed_database_leaves_no_log_behind(tmp_path: Path) -> None:
    for name in ("db", "db-wal", "db-shm", "db2"):
        (tmp_path / name).touch()
    files.remove(tmp_path / "db")
    assert [file.name for file in tmp_path.iterdir()] == ["db2"]


def test_two_are_kept_aside_with_their_logs(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    for now in (1000, 1000, 999999999, 1700000000):
        path.write_text(str(now))
        Path(f"{path}-wal").touch()
        files.set_aside(path, now)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "policyd.db.corrupt-1700000000",
        "policyd.db.corrupt-1700000000-wal",
        "policyd.db.corrupt-999999999",
        "policyd.db.corrupt-999999999-wal",
    ]


def test_damaged_segments_count_among_the_two(tmp_path: Path) -> None:
    for number in (1, 2, 3, 4):
        segment = tmp_path / f"policyd.db.journal-{number:06d}"
        segment.touch()
        files.set_aside(segment, 1000 + number)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "policyd.db.journal-000003.corrupt-1003",
        "policyd.db.journal-000004.corrupt-1004",
    ]


def test_a_directory_is_set_aside_and_not_emptied(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    path.mkdir()
    (path / "treasure").touch()
    aside = files.set_aside(path, 1)
    for now in range(2, 6):
        path.touch()
        files.set_aside(path, now)
    assert (aside / "treasure").exists()


def test_identity_changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    assert files.identity(path) is None
    path.touch()
    first = files.identity(path)
    path.rename(tmp_path / "away")
    path.touch()
    assert first != files.identity(path)


def test_bytes_on_disk_are_those_in_use(tmp_path: Path) -> None:
    path = tmp_path / "policyd.db"
    for name in ("", "-wal", ".journal-000001", ".corrupt-1"):
        Path(f"{path}{name}").write_bytes(b"1234")
    assert files.bytes_on_disk(path) == 12
