"""The files of the sqlite store, as files: private, locked, recognised, set aside.

Law: nothing here opens a database. For a database at PATH there are PATH.lock, PATH.journal-NNNNNN (segments of the
journal), SQLite's own -wal and -shm of each, and at most two PATH.corrupt-TIME.
"""

import contextlib
import fcntl
import os
import re
from pathlib import Path
from typing import Final

KEPT_ASIDE: Final = 2
_OWN: Final = ("-wal", "-shm", "-journal")  # SQLite's suffixes
_SEGMENT = re.compile(r"\.journal-([0-9]{6,})", re.ASCII)


class Locked(OSError):
    """Another daemon serves from this database."""


def take_lock(path: Path) -> int:
    """The descriptor that holds the lock of the database at `path`, until it is closed.

    Raises Locked, or OSError if the lock file cannot be made.
    """
    try:
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise OSError(f"there is no directory {path.parent}; make it, owned by policyd's user") from None
    except PermissionError:
        raise OSError(f"{path.parent} cannot be written to; make it, and all in it, policyd's user's") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Locked(f"another process serves from {path}; stop it, or give this one a database of its own") from None
    return lock


def is_held(lock: int, path: Path) -> bool:
    """Whether `lock` is still what another daemon would find for the database at `path`."""
    held = os.fstat(lock)
    return identity(Path(f"{path}.lock")) == (held.st_dev, held.st_ino)


def release_lock(lock: int) -> None:
    """Let the lock go. Its file stays: removing it would let two daemons lock two files of one name."""
    os.close(lock)


def make_private(path: Path) -> None:
    """Make sure that `path` is a file, only ours if it is new. SQLite gives -wal and -shm the same mode.

    Never through a symbolic link: the state directory may have been writable for others once (CVE-2008-1569).
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def identity(path: Path) -> tuple[int, int] | None:
    """What tells the file at `path` from another that takes its place; None if there is none.

    Writes into an unlinked SQLite file keep succeeding (measured), so somebody has to look.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def segment_path(path: Path, number: int) -> Path:
    """The file of the journal's segment `number`."""
    return path.with_name(f"{path.name}.journal-{number:06}")


def segments(path: Path) -> list[tuple[int, Path]]:
    """The segments there are, oldest first."""
    found = []
    for file in path.parent.iterdir():
        match = _SEGMENT.fullmatch(file.name.removeprefix(path.name)) if file.name.startswith(path.name) else None
        if match is not None:
            found.append((int(match[1]), file))
    return sorted(found)


def remove(path: Path) -> None:
    """Remove a database. Its log goes first: a log without its database might be taken for that of a later one."""
    for suffix in (*_OWN, ""):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").unlink()


def set_aside(path: Path, now: int) -> Path:
    """Rename whatever is at `path` to ``PATH.corrupt-TIME`` and keep the newest two such. Raises OSError."""
    aside = path.with_name(f"{path.name}.corrupt-{now}")
    while aside.exists():
        now += 1
        aside = path.with_name(f"{path.name}.corrupt-{now}")
    path.rename(aside)
    for suffix in _OWN:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    _forget_old(path)
    return aside


def bytes_on_disk(path: Path) -> int:
    """The size of the database and its journal, without what was set aside."""
    total = 0
    for file in path.parent.glob(f"{path.name}*"):
        with contextlib.suppress(FileNotFoundError):
            total += 0 if ".corrupt-" in file.name else file.stat().st_size
    return total


def _forget_old(path: Path) -> None:
    database = re.sub(r"\.journal-[0-9]+$", "", path.name)
    aside = re.compile(re.escape(database) + r"(?:\.journal-[0-9]+)?\.corrupt-([0-9]+)", re.ASCII)
    found = ((aside.fullmatch(file.name), file) for file in path.parent.iterdir() if file.is_file())
    dated = sorted((int(match[1]), file) for match, file in found if match is not None)
    for _, file in dated[:-KEPT_ASIDE]:
        remove(file)
