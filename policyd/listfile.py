"""One list file: which version of it counts.

Law: what counts is always one whole version. A version that still changes is waited for; one with a mistake does not
replace the version before it. No attacker writes these files, but whoever does may be in the middle of it.
"""

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from policyd.tables.lists import ListKind, Source, Table, compile_table

STEADY: Final = 1
"""Looks through which a file must stand still before it is read: half a second is behind most editors' writing."""
OPEN_END: Final = 2
"""The same of a file that is empty or ends within a line, as one does that is only half written."""
AT_ONCE: Final = 0

Pause = Callable[[], None]


class Stamp(NamedTuple):
    """What tells two versions of a file apart; ctime also changes where a copy keeps the mtime."""

    device: int
    inode: int
    size: int
    mtime: int
    ctime: int


UNREADABLE: Final = Stamp(0, 0, 0, 0, 0)
UNJUDGED: Final = Stamp(0, 0, -1, 0, 0)


class Change(NamedTuple):
    """What came of reading a file that had changed."""

    path: str
    entries: int
    mistakes: tuple[str, ...]
    is_kept: bool
    """Whether the version before stays in force because of the mistakes."""
    is_gone: bool
    old: Table | None
    """What was in force until now, to be freed."""


class ListFile:
    """One file as one kind of list."""

    def __init__(self, kind: ListKind, source: Source) -> None:
        self.path = source.path
        self.table: Table | None = None
        """The version in force; None without a file."""
        self.mistakes: tuple[str, ...] = ()
        """Of the newest version, whether it is in force or not."""
        self.changed_at = 0.0
        """When that was read, seconds since the epoch; 0: never."""
        self._kind, self._source = kind, source
        self._judged: Stamp | None = None
        self._seen: Stamp | None = UNJUDGED
        self._looks = 0

    @property
    def exists(self) -> bool:
        """Whether it did at the last look."""
        return self._seen is not None

    @property
    def size(self) -> int:
        """Bytes at the last look."""
        return self._seen.size if self._seen else 0

    def is_due(self, patience: int) -> bool:
        """Look: whether there is another version than the one judged last, and it stood still for `patience` looks."""
        stamp = _stamp(self.path)
        self._looks = self._looks + 1 if stamp == self._seen else 0
        self._seen = stamp
        if patience == AT_ONCE and self.mistakes:  # whoever asks for it shall be told again
            self._judged = UNJUDGED
        return stamp != self._judged and self._looks >= patience

    def read(self, patience: int, pause: Pause) -> Change | None:
        """Judge the version last seen; None if it is not whole yet, or was judged since."""
        stamp, old = self._seen, self.table
        if stamp == self._judged:
            return None
        try:
            text = _text(self.path, stamp) if stamp else ""
        except (OSError, ValueError) as error:  # a ValueError for a NUL in the name
            why = getattr(error, "strerror", None) or error
            self._judged, self.mistakes = stamp, (f"{self.path}: cannot be read: {why}",)
            return self._change(old)
        is_open = patience != AT_ONCE and self._looks < OPEN_END and not (text or "").endswith("\n")
        if text is None or (stamp and is_open):
            return None
        self._judged = stamp
        if stamp:
            self._compile(text, pause)
        else:
            self.table, self.mistakes = None, ()
        return self._change(old)

    def _compile(self, text: str, pause: Pause) -> None:
        table = compile_table(self._kind, self._source, text, pause)
        self.mistakes = table.mistakes
        if self.table is None or not table.mistakes:
            self.table = table

    def _change(self, old: Table | None) -> Change:
        self.changed_at = time.time()
        freed = old if old is not self.table else None
        is_kept = bool(self.mistakes) and old is not None and freed is None
        return Change(self.path, len(self.table or ()), self.mistakes, is_kept, self._judged is None, freed)


def _stamp(path: str) -> Stamp | None:
    """None where there is no such file."""
    try:
        found = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return UNREADABLE
    return _stamp_of(found)


def _stamp_of(found: os.stat_result) -> Stamp:
    return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _text(path: str, stamp: Stamp) -> str | None:
    """The text of the version `stamp`; None if it is another one by now. Raises OSError."""
    if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would hold us for ever
        raise OSError(0, "it is no file, or a directory that policyd may not look into")
    with Path(path).open("rb") as file:
        if _stamp_of(os.fstat(file.fileno())) != stamp:
            return None
        raw = file.read()
        if _stamp_of(os.fstat(file.fileno())) != stamp:
            return None
    return raw.decode("utf-8", "surrogateescape")
