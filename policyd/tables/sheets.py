"""One file of a list, read for questions about its lines: what is in it, what counts when.

Law: entries come from the engine (`lines_of`, `compile_table`), never from a parser of its own; line numbers are those
of the file, also of the tables made of a part of it.
"""

import re
from typing import Final, NamedTuple

from policyd.tables.edit import blank
from policyd.tables.lists import Form, Line, ListKind, Source, Table, _form, compile_table, lines_of
from policyd.tables.mistakes import Mistakes
from policyd.tables.windows import Window, split_window

_NETWORK: Final = re.compile(r"[0-9.]+(?:/[0-9]+)?|[0-9a-f.]*:[0-9a-f:.]*(?:/[0-9]+)?", re.IGNORECASE | re.ASCII)
_IF: Final = re.compile(r"^if(?![a-z0-9])", re.IGNORECASE | re.ASCII | re.MULTILINE)


class Sheet(NamedTuple):
    """One file."""

    source: Source
    """In the form that its header says, if it has one."""
    text: str
    mistakes: tuple[str, ...]
    lines: tuple[Line, ...]
    always: Table
    """Its entries without limits of time, under their line numbers."""

    @property
    def is_guarded(self) -> bool:
        """Whether there are entries that only count for some, between ``if`` and ``endif``."""
        return self.source.form in ("cidr", "regexp", "pcre") and _IF.search(self.text) is not None


def read_sheet(kind: ListKind, source: Source, text: str) -> Sheet:
    """The sheet of the file `source` with this text."""
    table = compile_table(kind, source, text)
    lines = tuple(lines_of(kind, source, text))
    timed = {line.number for line in lines if not is_always(line.window)}
    always = compile_table(kind, source, _blank(source, text, timed)) if timed else table
    return Sheet(source._replace(form=form_of(source, text)), text, table.mistakes, lines, always)


def waiting(kind: ListKind, source: Source, text: str, now: int) -> tuple[Table, dict[int, Window]]:
    """The entries that do not count at `now`, as if they always did, and their windows by line number."""
    lines = list(lines_of(kind, source, text))
    windows = {line.number: line.window for line in lines if line.window and not line.window.is_active(now)}
    rows = _blank(source, text, {line.number for line in lines if line.number not in windows}).split("\n")
    for number in windows:
        rows[number - 1] = split_window(rows[number - 1].removeprefix("\ufeff").lstrip())[1]
    return compile_table(kind, source, "\n".join(rows)), windows


def form_of(source: Source, text: str) -> Form:
    """The form that the header of the file says, or its source."""
    return _form(source, text, Mistakes(source.path)) or source.form


def has_such(form: Form, key: str) -> bool:
    """Whether a file of this form has entries that look like `key`: a /regex/, a network, or a name or address."""
    bare = key.lstrip("! ")
    if bare.startswith("/"):
        return form in ("policyd", "regexp", "pcre")
    is_network = _NETWORK.fullmatch(bare) is not None
    return form == "policyd" or (form == "access" and "/" not in bare) or (form == "cidr" and is_network)


def is_continued(form: Form) -> bool:
    """Whether lines that begin with a blank continue the one above, as in Postfix's forms."""
    return form != "policyd"


def spellings(kind: ListKind, key: str) -> set[str]:
    """How `key`, as somebody types it, may stand in a match."""
    forms: tuple[tuple[Form, str], ...] = (("policyd", key), ("access", f"{key} DUNNO"), ("cidr", f"{key} DUNNO"))
    return {key, key.lower()} | {line.key for form, text in forms for line in lines_of(kind, Source(form, ""), text)}


def is_always(window: Window | None) -> bool:
    """Whether an entry with this window always counts: a bracket may hold no more than a reason."""
    return same_time(window, None)


def same_time(one: Window | None, other: Window | None) -> bool:
    """Whether two windows differ in nothing but their notes."""
    return _limits(one) == _limits(other)


def _limits(window: Window | None) -> Window:
    return window._replace(note="", by="") if window else Window()


def _blank(source: Source, text: str, numbers: set[int]) -> str:
    return blank(text, numbers, continued=is_continued(form_of(source, text)))
