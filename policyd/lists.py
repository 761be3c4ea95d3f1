"""The list files: read once when a check is built, looked at twice a second ever after.

Law: what counts of a file is always one whole version of it. A version that still changes is waited for; one with a
mistake does not replace the version before it. Nothing here knows the event loop: all of this runs in threads, and only
`Lists.renew` touches what a running check asks, by one assignment for each list.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from policyd.tables.lists import ListKind, Source, Table, TableList, compile_table, parse_source

STEADY: Final = 1
"""Looks through which a file must stand still before it is read: half a second is behind most editors' writing."""
OPEN_END: Final = 2
"""The same of a file that is empty or ends within a line, as one does that is only half written."""
AT_ONCE: Final = 0
START_BYTES: Final = 64 << 20
"""Bytes of list files that are read before the daemon serves, some two million entries; more follow (promise 6)."""

# What editors, package managers and `policyd list` leave beside a file.
_LEFTOVER: Final = re.compile(r"[.#].*|.*(?:~|\.bak|\.swp|\.tmp|\.dpkg-\w+|\.ucf-\w+|\.rpm\w+)")

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


def files_of(path: str) -> list[str]:
    """The files that an element of a list option names, in the order in which they are asked; they need not exist.

    ``FILE.local`` (the administrator's own word), then ``FILE.d/*`` by name, then ``FILE``.
    """
    try:
        names = sorted(file.name for file in Path(f"{path}.d").iterdir())
    except PermissionError:
        return [f"{path}.local", f"{path}.d", path]  # whoever tries to read that is told why it cannot be
    except OSError:
        names = []
    return [f"{path}.local", *(f"{path}.d/{name}" for name in names if not _LEFTOVER.fullmatch(name)), path]


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
        """Judge the version last seen; None if it is not whole yet."""
        stamp, old = self._seen, self.table
        try:
            text = _text(self.path, stamp) if stamp else ""
        except OSError as error:
            self._judged, self.mistakes = stamp, (f"{self.path}: cannot be read: {error.strerror or error}",)
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
    except (OSError, ValueError):  # a ValueError for a NUL in the name
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


@dataclass
class Element:
    """One element of a list option, and the files it names at present."""

    option: str
    kind: ListKind
    source: Source
    files: Sequence[ListFile] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """A mistake if none of the files exists."""
        if any(file.exists for file in self.files):
            return ()
        section, _, option = self.option.partition(".")
        return (f"{self.source.path}: no such file, create it or take it out of [{section}] {option}; read as empty",)


class Figures(NamedTuple):
    """The figures of all lists of one option."""

    option: str
    """Such as ``blacklist.senders``."""
    entries: int
    bad_lines: int
    changed_at: float


@dataclass
class _List:
    option: str
    elements: list[Element]
    table_list: TableList

    @property
    def tables(self) -> tuple[Table, ...]:
        return tuple(file.table for element in self.elements for file in element.files if file.table)


@dataclass
class Lists:
    """The lists of one configuration. An heir has the files of the configuration before, so only new ones are read."""

    pause: Pause = lambda: None
    """Called every few hundred lines, so that others have their turn."""
    budget: int = START_BYTES
    """Bytes that `open` still reads itself."""
    postponed: list[str] = field(default_factory=list)
    """Files that were larger; they are due at the next look."""
    _files: dict[tuple[ListKind, Source], ListFile] = field(default_factory=dict)
    _lists: list[_List] = field(default_factory=list)

    def heir(self) -> "Lists":
        """Lists for another configuration, which share the files of this one."""
        return Lists(self.pause, _files=self._files)

    def open(self, check: str, kind: ListKind, sources: Sequence[str]) -> TableList:
        """The list in these files, loaded. Raises ValueError for an element that names no list."""
        option = f"{check}.{kind}" if kind == "helo" else f"{check}.{kind}s"
        opened = _List(option, [Element(option, kind, parse_source(text)) for text in sources], TableList(kind))
        for element in opened.elements:
            element.files = self._expand(element)
            for file in element.files:
                self._load(file)
        opened.table_list.tables = opened.tables
        self._lists.append(opened)
        return opened.table_list

    def _load(self, file: ListFile) -> None:
        if file.changed_at or not file.is_due(AT_ONCE):  # what is known already is looked at by the watch
            return
        if file.size > self.budget:
            self.postponed.append(file.path)
            return
        self.budget -= file.size
        file.read(AT_ONCE, self.pause)

    def due(self, patience: int) -> list[ListFile]:
        """Look at all files, also at those that came or went since: the ones to be read now."""
        for element in self._elements():
            element.files = self._expand(element)
        files = {id(file): file for element in self._elements() for file in element.files}
        return [file for file in files.values() if file.is_due(patience)]

    def renew(self) -> None:
        """Put what was read in force. In the thread of the checks, so that none of them is asking meanwhile."""
        for each in self._lists:
            tables = each.tables
            if tables != each.table_list.tables:
                each.table_list.tables = tables

    def mistakes(self) -> list[tuple[str, ...]]:
        """Those of each file that has any: ``FILE:LINE: ...``, or ``FILE: ...``."""
        found = [text for element in self._elements() for text in (element.missing, *_mistakes(element)) if text]
        return list(dict.fromkeys(found))

    def figures(self) -> list[Figures]:
        """Of each option, in the order of the configuration."""
        sums: dict[str, list[float]] = {}
        for each in self._lists:
            figures = sums.setdefault(each.option, [0, 0, 0.0])
            figures[0] += len(each.table_list)
            for element in each.elements:
                figures[1] += sum(map(len, (element.missing, *_mistakes(element))))
                figures[2] = max([figures[2], *(file.changed_at for file in element.files)])
        return [Figures(option, int(entries), int(bad), at) for option, (entries, bad, at) in sums.items()]

    def bequeath(self, heir: "Lists") -> list[Table]:
        """Forget the files that `heir` does not use; their tables, to be freed."""
        used = {id(file) for element in heir._elements() for file in element.files}
        unused = [self._files.pop(key) for key, file in list(self._files.items()) if id(file) not in used]
        return [file.table for file in unused if file.table is not None]

    def _elements(self) -> Iterator[Element]:
        return (element for each in self._lists for element in each.elements)

    def _expand(self, element: Element) -> list[ListFile]:
        """The files of an element, those that are gone included until that was noticed."""
        local, *others, main = files_of(element.source.path)
        lost = [file.path for file in element.files[1:-1] if file.table is not None or file.mistakes]
        paths = [local, *sorted({*others, *lost}), main]
        return [self._file(element.kind, element.source._replace(path=path)) for path in paths]

    def _file(self, kind: ListKind, source: Source) -> ListFile:
        if (kind, source) not in self._files:
            self._files[kind, source] = ListFile(kind, source)
        return self._files[kind, source]


def _mistakes(element: Element) -> list[tuple[str, ...]]:
    return [file.mistakes for file in element.files]
