"""The list files of a configuration: read once when a check is built, looked at again and again ever after.

Law: nothing here knows the event loop. All of this runs in threads, and only `Lists.renew` touches what a running check
asks, by one assignment for each list.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from policyd.listfile import AT_ONCE, ListFile, Pause
from policyd.tables.lists import ListKind, Source, Table, TableList, parse_source

START_BYTES: Final = 64 << 20
"""Bytes of list files that are read before the daemon serves, some two million entries; more follow (promise 6)."""

# What editors, package managers and `policyd list` leave beside a file.
_LEFTOVER: Final = re.compile(r"[.#].*|.*(?:~|\.bak|\.swp|\.tmp|\.dpkg-\w+|\.ucf-\w+|\.rpm\w+)")


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
