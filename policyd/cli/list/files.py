"""List files on the disk: read as bytes say, replaced whole or not at all.

Law: nobody ever sees half a file, and a replaced file keeps owner, group, mode, ACL and the symbolic link that leads to
it. One change at a time: a lock on the directory, which leaves nothing behind. A change that somebody else made
meanwhile (an editor knows no lock) is never overwritten.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from policyd.cli.list import NotDone
from policyd.tables.lint import Finding
from policyd.tables.lists import Source

NEW_MODE: Final = 0o644
"""Of a file that has no older companion: the daemon runs as another user than the one who edits its lists."""


def read(path: str) -> str | None:
    """The text of the file, with its own line ends and what is not UTF-8 escaped; None without a file.

    Raises NotDone.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a ValueError for NUL in the path
        raise NotDone(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def readable(sources: Iterable[Source], unreadable: list[Finding]) -> Iterator[tuple[Source, str]]:
    """The files that are there, with their texts; those that cannot be read are added to `unreadable`."""
    for source in sources:
        try:
            text = read(source.path)
        except NotDone as error:
            unreadable.append(Finding(source.path, 0, "mistake", str(error).removeprefix(f"{source.path}: ")))
            continue
        if text is not None:
            yield source, text


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Nobody else who asks for this lock changes files in the directory of `path`. Raises NotDone."""
    directory = _target(path).parent
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise NotDone(f"{path}: {directory}: {error.strerror}; create the directory first") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace(path: str, before: str | None, after: str, like: str) -> None:
    """Make `after` the text of `path`, which had `before` when it was read; call it only while it is `locked`.

    A new file gets owner and mode of the file `like`, if there is one. Raises NotDone; then nothing was changed.
    """
    target = _target(path)
    if read(str(target)) != before:
        raise NotDone(f"{path}: somebody else has changed it in this moment; nothing was written, try again")
    try:
        _replace(target, after, target if before is not None else _target(like))
    except OSError as error:
        raise NotDone(f"{path}: cannot be written: {error.strerror}; nothing was changed") from None


def _replace(target: Path, text: str, model: Path) -> None:
    # A name that begins with a dot, so that no list directory takes it for a list.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            _dress(temporary, model)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_directory(target.parent)


def _dress(file: Path, model: Path) -> None:
    """Give `file` the owner, the mode and the ACL of `model`."""
    if not model.exists():
        file.chmod(NEW_MODE)
        return
    status = model.stat()
    if (status.st_uid, status.st_gid) != (file.stat().st_uid, file.stat().st_gid):
        os.chown(file, status.st_uid, status.st_gid)
    shutil.copystat(model, file)  # the mode, and the ACL among the extended attributes
    os.utime(file)


def _sync_directory(directory: Path) -> None:
    """The new name outlives a power failure."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _target(path: str) -> Path:
    """The file itself, where `path` leads through symbolic links."""
    return Path(os.path.realpath(path))
