"""The list engine: the text of one file -> a `Table`; the tables of one list -> a `TableList` that is asked.

Law: one way from text to entries for every list of the house; a file's form is named by its source or its header and
never guessed. A table is not changed once it is built: who has a newer one replaces it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final, Literal, NamedTuple, Protocol, get_args

from policyd.model.action import Action
from policyd.tables.access import compile_access, parse_row
from policyd.tables.builder import Builder
from policyd.tables.gates import Find, Gate, gated, make_gate
from policyd.tables.match import Client, ListKind, Match, Subject
from policyd.tables.mistakes import Mistakes
from policyd.tables.orders import ORDERS
from policyd.tables.plain import compile_plain, parse_line
from policyd.tables.rights import parse_right
from policyd.tables.rows import logical_rows, rows
from policyd.tables.ruleset import compile_rules, parse_rules
from policyd.tables.windows import Window

__all__ = [
    "Client", "Form", "Line", "ListKind", "Match", "Source", "Subject", "Table", "TableList",
    "compile_table", "lines_of", "parse_source",
]  # fmt: skip

Form = Literal["policyd", "access", "cidr", "regexp", "pcre"]

_PREFIXES: Final[dict[str, Form]] = {
    "access": "access", "hash": "access", "texthash": "access", "lmdb": "access", "btree": "access",
    "cidr": "cidr", "regexp": "regexp", "pcre": "pcre",
}  # fmt: skip
_HEADER: Final = re.compile(r"#[ \t]*policyd:[ \t]*form=(\S*)\s*", re.ASCII)


class Source(NamedTuple):
    """A list file, and how it is written."""

    form: Form
    path: str


def parse_source(text: str) -> Source:
    """The file in an element of a list option: ``/PATH``, or ``TYPE:/PATH`` with Postfix's name of the form.

    Of ``hash:`` and its like the text is read that postmap(1) was given. Raises ValueError for people.
    """
    prefix, colon, path = text.partition(":")
    form = _PREFIXES.get(prefix) if colon and "/" not in prefix else "policyd"
    path = text if form == "policyd" else path
    if form is None:
        raise ValueError(
            f"{text!r}: {prefix}: is no form of a list file: write /PATH, or one of {', '.join(_PREFIXES)}"
        )
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ValueError(f"{text!r}: a list needs the whole path of a file, as in /etc/policyd/whitelist_clients")
    if path.endswith((".db", ".lmdb", ".cdb", ".dir", ".pag")):
        raise ValueError(
            f"{text!r}: is what postmap made; write the text that it was made of: {path.rpartition('.')[0]!r}"
        )
    return Source(form, path)


class Content(Protocol):
    """What a table is made of: `Entries`, or a `Ruleset`."""

    def __len__(self) -> int:
        """How many entries there are."""

    def dissolve(self, pause: Callable[[], None]) -> None:
        """Give the memory back piece by piece."""


class Table:
    """One file, compiled. `mistakes` has a ``FILE:LINE: ...`` sentence for each line left out."""

    __slots__ = ("_content", "file", "find", "gate", "mistakes")

    def __init__(
        self, file: str, content: Content, find: Find, mistakes: tuple[str, ...], gate: Gate | None = None
    ) -> None:
        self.file = file
        self.find = find
        """(subject, now) -> the first entry that is active, in the order of the form."""
        self.mistakes = mistakes
        self.gate = gate
        """Closed for those whom `find` never names; None where nothing can tell. `find` looks at it itself."""
        self._content = content

    def __len__(self) -> int:
        return len(self._content)

    def dissolve(self, pause: Callable[[], None]) -> None:
        """Give the memory back piece by piece; nobody may ask any more. Freed at once, a million entries take 0.1 s."""
        self._content.dissolve(pause)


def compile_table(kind: ListKind, source: Source, text: str, pause: Callable[[], None] = lambda: None) -> Table:
    """The table of a file with this text. It may take seconds: `pause` is called every few hundred lines."""
    mistakes, builder = Mistakes(source.path), Builder(source.path)
    form = _form(source, text, mistakes)
    if form in ("cidr", "regexp", "pcre"):
        ruleset = compile_rules(kind, form, builder, text, mistakes, pause)
        return Table(source.path, ruleset, ruleset.order(kind), mistakes.told())
    if form is not None:
        compile_keys = compile_plain if form == "policyd" else compile_access
        compile_keys(kind, builder, text, mistakes, pause)
    entries = builder.built()
    if form != "access" and (gate := make_gate(kind, entries)):
        find = gated(kind, gate, entries, ORDERS["policyd"][kind])
        return Table(source.path, entries, find, mistakes.told(), gate)
    find = partial(ORDERS["access" if form == "access" else "policyd"][kind], entries)
    return Table(source.path, entries, find, mistakes.told())


class Line(NamedTuple):
    """A good line of a list file, for those who show and change lists."""

    number: int
    key: str
    """In its plainest spelling, as in `Match.entry`."""
    action: Action | None
    window: Window | None


def lines_of(kind: ListKind, source: Source, text: str) -> Iterator[Line]:
    """The good lines of a file, in their order."""
    for number, key, right in _keys_of(kind, source, text):
        try:
            yield Line(number, key, *parse_right(right))
        except ValueError:
            continue


def _keys_of(kind: ListKind, source: Source, text: str) -> Iterator[tuple[int, str, str]]:
    form = _form(source, text, Mistakes(source.path))
    if form in ("cidr", "regexp", "pcre"):
        for rule in parse_rules(kind, form, text, Mistakes(source.path), _no_pause):
            yield rule.line, rule.condition.text, rule.right
    elif form is not None:
        for number, row in rows(text, _no_pause) if form == "policyd" else logical_rows(text, _no_pause):
            try:
                parsed = _key(kind, row) if form == "policyd" else parse_row(kind, row)
            except ValueError:
                continue
            if parsed is not None:
                yield number, *parsed


def _key(kind: ListKind, line: str) -> tuple[str, str] | None:
    parsed = parse_line(kind, line)
    return None if parsed is None else (parsed[0].plain, parsed[1])


def _no_pause() -> None:
    pass


def _form(source: Source, text: str, mistakes: Mistakes) -> Form | None:
    """The form of the file; None if its header contradicts its source, or names none."""
    header = _HEADER.fullmatch(text[:200].removeprefix("\ufeff").split("\n", 1)[0])
    if header is None or header[1] == source.form:
        return source.form
    for form in get_args(Form):
        if form == header[1] and source.form == "policyd":
            return form  # type: ignore[no-any-return]  # what get_args holds has lost its type
    if source.form == "policyd":
        mistakes.add(1, f"there is no form {header[1]!r}: write one of {', '.join(get_args(Form))}")
    else:
        mistakes.add(1, f"the header says {header[1]!r}, the settings say {source.form!r}: correct one of them")
    return None


class TableList:
    """The tables of one list, asked in their order: the first one with a match answers."""

    __slots__ = ("_tables", "kind", "on_change")

    def __init__(self, kind: ListKind, tables: Sequence[Table] = ()) -> None:
        self.kind: ListKind = kind
        self._tables = tuple(tables)
        self.on_change: list[Callable[[], object]] = []
        """Called when other tables are in force."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """May be replaced at any time, as a whole."""
        return self._tables

    @tables.setter
    def tables(self, tables: tuple[Table, ...]) -> None:
        self._tables = tables
        for tell in self.on_change:
            tell()

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    def match(self, subject: Subject, now: int) -> Match | None:
        """What answers for `subject` at `now` (seconds since the epoch); None if nothing does."""
        for table in self.tables:
            if match := table.find(subject, now):
                return match
        return None
