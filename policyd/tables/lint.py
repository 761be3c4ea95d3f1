"""What is in a list and does nothing, or not what it looks like.

Law: whether an entry answers is found out by asking the compiled list about somebody whom the entry names, so lint and
daemon cannot disagree. An entry with a window is not blamed for what answers while it does not count.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from policyd.model.action import DUNNO
from policyd.tables.access import is_window
from policyd.tables.lists import Line, ListKind, Match, Source, Subject
from policyd.tables.networks import parse_network
from policyd.tables.probes import answering, blame, twice
from policyd.tables.sheets import Sheet, is_always
from policyd.tables.windows import split_window

_DEVIATIONS: Final = frozenset("\xdf\u03c2\u200c\u200d")
"""What IDNA 2008 spells otherwise than IDNA 2003, which is Python's (RFC 5894)."""
_SUFFIX: Final = re.compile(r"\.(cidr|regexp|pcre)(?:\.local)?$")


class Finding(NamedTuple):
    """One thing to say about one line. A note is about a line that does what it says, but not what it seems to say."""

    file: str
    line: int
    """0: it is about the file."""
    level: Literal["mistake", "note"]
    message: str

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.message}"


def lint(kind: ListKind, sheets: Sequence[Sheet], now: int, *, from_postgrey: bool) -> Iterator[Finding]:
    """What there is to say about the files of one list, in their order; `now` in seconds since the epoch.

    `from_postgrey`: the lines may have been written for postgrey, and meant what it makes of them.
    """
    for index, sheet in enumerate(sheets):
        found = [*_mistakes(sheet), *_useless(kind, sheets[: index + 1], now), *_notes(kind, sheet, from_postgrey)]
        yield from sorted(found, key=lambda finding: finding.line)


def _mistakes(sheet: Sheet) -> Iterator[Finding]:
    for mistake in sheet.mistakes:
        number, _, message = mistake.removeprefix(f"{sheet.source.path}:").partition(": ")
        yield Finding(sheet.source.path, int(number), "mistake", message)


def _useless(kind: ListKind, sheets: Sequence[Sheet], now: int) -> Iterator[Finding]:
    """Entries of the last of `sheets` that never answer; the others are asked before it."""
    sheet = sheets[-1]
    path, patterns = sheet.source.path, dict[str, int]()
    for line in sheet.lines:
        message = _over(line, now) or _hidden(kind, line, sheets)
        # Nobody can tell whom a pattern names, so only equal ones are found; under another guard they are not equal.
        if line.key.startswith("/") and is_always(line.window) and not sheet.is_guarded:
            first = patterns.setdefault(line.key, line.number)
            message = message or ("" if first == line.number else twice(line.key, f"{path}:{first}"))
        if message:
            yield Finding(path, line.number, "mistake", message)


def _over(line: Line, now: int) -> str:
    if line.window is None or not line.window.is_expired(now):
        return ""
    return f"the time of {line.key} is over, {line.window}: policyd list expire removes it"


def _hidden(kind: ListKind, line: Line, sheets: Sequence[Sheet]) -> str:
    """What hides `line` of the last of `sheets` from all whom it names."""
    path = sheets[-1].source.path

    def ask(subject: Subject) -> Match | None:
        return next((match for sheet in sheets if (match := sheet.always.find(subject, 0))), None)

    answers = answering(kind, line.key, ask)
    if sheets[-1].is_guarded and None in answers:
        return ""
    if not is_always(line.window) and not all(answer and _precedes(answer, line, path) for answer in answers):
        return ""
    return blame(kind, line.key, answers, f"{path}:{line.number}: ")


def _precedes(answer: Match, line: Line, path: str) -> bool:
    """Whether `answer` is asked before `line` of the file `path`, also while that counts."""
    return answer.file != path or (answer.entry == line.key and answer.line < line.number)


def _notes(kind: ListKind, sheet: Sheet, from_postgrey: bool) -> Iterator[Finding]:  # noqa: FBT001 - handed on
    path, rows = sheet.source.path, sheet.text.removeprefix("\ufeff").split("\n")
    if message := _form_note(sheet.source, rows[0]):
        yield Finding(path, 0, "note", message)
    above: Line | None = None
    for line in sheet.lines:
        row = rows[line.number - 1]
        key, *words = (split_window(row.strip())[1] if is_window(row.strip()) else row).split()
        message = ""
        if line.action is None and row[0] in " \t" and above is not None and above.action is not None:
            message = f"{line.key} is an entry of its own; only in Postfix's tables, such as hash:, it continues a line"
        elif from_postgrey and sheet.source.form == "policyd":
            message = _postgrey_note(kind, key)
        elif sheet.source.form in ("regexp", "pcre"):
            message = _flag_note(line.key)
        message = message or _idn_note(line.key)
        if line.action == DUNNO and not any(word.upper() == "DUNNO" for word in words):
            word = next((word for word in words if word.upper() in ("OK", "RELAY") or word.isdecimal()), "its action")
            message = f"{word} becomes DUNNO: no opinion, Postfix's next restriction is asked; write DUNNO"
        if message:
            yield Finding(path, line.number, "note", message)
        above = line


def _form_note(source: Source, first_row: str) -> str:
    """What a file looks like by its name that is read in another form, and says nothing of it itself."""
    named = _SUFFIX.search(source.path)
    if source.form != "policyd" or named is None or first_row.startswith("# policyd:"):
        return ""
    return (
        f"is read in the form policyd, though its name ends in .{named[1]}: write {named[1]}:FILE in the option, "
        f"or '# policyd: form={named[1]}' (or form=policyd) into its first line"
    )


def _idn_note(key: str) -> str:
    """A domain in letters beyond ASCII: only mail with SMTPUTF8 (RFC 6531 3.3) says it so."""
    local, at, domain = key.rpartition("@")
    if key.startswith(("/", "!")) or domain.isascii() or set(domain) & _DEVIATIONS:
        return ""
    try:
        plain = ".".join(label.encode("idna").decode("ascii") for label in domain.split("."))
    except UnicodeError:
        return ""
    return (
        f"{key} is so called by mail with SMTPUTF8 only; all other mail says {local}{at}{plain}: write that line, too"
    )


def _flag_note(key: str) -> str:
    """What Postfix's flag i does, in contrast to every other program's."""
    regex = key.lstrip("!")
    if regex.rpartition(regex[0])[2].count("i") % 2 == 0:
        return ""
    return f"{key} tells capital letters from small ones: in Postfix's tables i switches that on; leave it out for both"


def _postgrey_note(kind: ListKind, key: str) -> str:
    """What postgrey 1.37 was seen to do with keys that mean more here."""
    if key.startswith(("*.", ".")) and kind in ("client", "recipient"):
        name = key.lstrip("*.")
        return (
            f"{key} never matches in postgrey; here it names what is below {name}; write {name} if you mean that, too"
        )
    if key.startswith("@") and kind == "recipient":
        return (
            f"{key} never matches in postgrey; here it names everybody in exactly {key[1:]}; write {key[1:]} for both"
        )
    octets = key.split(".")
    if kind == "client" and len(octets) < 3 and key.replace(".", "").isdecimal():
        theirs, ours = ".".join([*octets, "0", "0", "0"][:4]) + "/24", parse_network(key).text
        return f"{key} is {theirs} in postgrey; here it is {ours}; write the one you mean"
    return ""
