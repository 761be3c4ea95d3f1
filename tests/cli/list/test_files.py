"""List files on the disk: whole or not at all, with everything they had but the text."""

import os
import threading
from pathlib import Path

import pytest

from policyd.cli.list import files


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "senders"
    path.write_bytes(b"a\r\n\xff\r\nb")
    return path


def replace(path: Path, after: str, like: Path | None = None) -> None:
    with files.locked(str(path)):
        files.replace(str(path), files.read(str(path)), after, str(like or path))


def test_any_bytes_come_back_as_they_were(file: Path) -> None:
    before = file.read_bytes()
    replace(file, files.read(str(file)) or "")
    assert file.read_bytes() == before


def test_no_file_is_none(tmp_path: Path) -> None:
    assert files.read(str(tmp_path / "none")) is None


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(files.NotDone, match=f"{tmp_path}: cannot be read: Is a directory"):
        files.read(str(tmp_path))


def test_mode_and_owner_stay(file: Path) -> None:
    file.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(file, 12345, 54321)
    before = file.stat()
    replace(file, "new\n")
    after = file.stat()
    assert file.read_text() == "new\n"
    assert after.st_ino != before.st_ino
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_mtime_ns > before.st_mtime_ns


def test_extended_attributes_stay(file: Path) -> None:
    try:
        os.setxattr(file, "user.policyd", b"mine")
    except OSError as error:
        pytest.skip(f"this file system has none: {error}")
    replace(file, "new\n")
    assert os.getxattr(file, "user.policyd") == b"mine"


def test_a_new_file_is_like_its_companion_whatever_the_umask(file: Path, tmp_path: Path) -> None:
    file.chmod(0o604)
    umask = os.umask(0o077)
    try:
        replace(tmp_path / "senders.local", "a\n", like=file)
        replace(tmp_path / "alone.local", "a\n", like=tmp_path / "alone")
    finally:
        os.umask(umask)
    assert (tmp_path / "senders.local").stat().st_mode & 0o777 == 0o604
    assert (tmp_path / "alone.local").stat().st_mode & 0o777 == 0o644


def test_a_symbolic_link_leads_to_the_new_text(file: Path, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc" / "senders"
    link.symlink_to("../senders")
    replace(link, "new\n")
    assert link.is_symlink()
    assert file.read_text() == "new\n"
    assert [entry.name for entry in (tmp_path / "etc").iterdir()] == ["senders"]


def test_what_somebody_else_wrote_meanwhile_is_kept(file: Path) -> None:
    with files.locked(str(file)):
        before = files.read(str(file))
        file.write_text("an editor's\n")
        with pytest.raises(files.NotDone, match=f"{file}: somebody else has changed it"):
            files.replace(str(file), before, "mine\n", str(file))
    assert file.read_text() == "an editor's\n"


def test_a_failure_leaves_the_file_and_nothing_else(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = file.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(files.NotDone, match="senders: cannot be written: No space left on device; nothing was changed"):
        replace(file, "new\n")
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == ["senders"]


def test_no_directory_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "none" / "senders"
    with (
        pytest.raises(files.NotDone, match="No such file or directory; create the directory first"),
        files.locked(str(path)),
    ):
        pass


def test_the_second_waits_for_the_first(file: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with files.locked(str(file)):
            order.append("second")

    thread = threading.Thread(target=second)
    with files.locked(str(file)):
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert [entry.name for entry in file.parent.iterdir()] == ["senders"]
