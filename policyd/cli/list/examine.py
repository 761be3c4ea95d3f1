"""Whether an entry should be written: asked of the list as it would be with it.

Law: a refusal is a NotDone whose sentence says what to do; the sentences about a line are the daemon's own.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from policyd import lists
from policyd.cli.list import NotDone, files
from policyd.cli.list.places import Place
from policyd.model.action import Action
from policyd.tables.lists import Line, ListKind, Source, TableList, compile_table, lines_of
from policyd.tables.probes import answering, blame, too_much
from policyd.tables.rights import parse_action
from policyd.tables.sheets import form_of, is_always, same_time
from policyd.tables.windows import Window, split_window

_MINUTES: Final = 8 * 24 * 60
"""In which the hours of a window come at least once, also where summer time begins."""


class Proposal(NamedTuple):
    """The text of a file with a new line, and what that line is meant to be."""

    kind: ListKind
    place: Place | None
    """The list that reads the file, if the configuration has one."""
    file: Source
    text: str
    number: int
    action: str


def examine(new: Proposal, now: int, *, force: bool) -> None:
    """Refuse what the daemon would refuse, what could never answer, and (without `force`) what names half the world."""
    if new.action.strip().isdecimal():
        raise NotDone(f"{new.action} alone lets pass, as in Postfix: write {new.action} TEXT to refuse, or DUNNO")
    _refuse_mistakes(new)
    parsed = list(lines_of(new.kind, new.file, new.text))
    line = next((line for line in parsed if line.number == new.number), None)
    if line is None or (form_of(new.file, new.text) == "policyd" and line.action != _meant(new.action)):
        raise NotDone("what stands behind '#' is a comment, and would be lost: write the entry without it")
    if (
        line.action is not None
        and line.action.verb != "DUNNO"
        and new.place is not None
        and new.place.check == "whitelist"
    ):
        raise NotDone(f"a whitelist lets pass, it cannot {line.action.verb}: write no ACTION, or --list blacklist")
    if line.window is not None and line.window.is_expired(now):
        raise NotDone(f"that time is over already, the entry would do nothing: {line.window}")
    if not force:
        _refuse_much(new, line)
    for other in parsed:
        if other.number != line.number and other.key == line.key and same_time(other.window, line.window):
            raise NotDone(
                f"{line.key} stands there already: {new.file.path}:{other.number}; "
                f"change that line, or take it out: policyd list remove {new.kind} '{line.key}'"
            )
    _refuse_hidden(new, line, now)


def _meant(action: str) -> Action | None:
    return parse_action(action) if action else None


def _refuse_mistakes(new: Proposal) -> None:
    fresh = f"{new.file.path}:{new.number}: "
    mistakes = compile_table(new.kind, new.file, new.text).mistakes
    for mistake in mistakes:
        if mistake.startswith(fresh):
            raise NotDone(mistake.removeprefix(fresh))
    if mistakes:
        raise NotDone(
            f"the daemon keeps its older version of a file that has a mistake; correct it first: {mistakes[0]}"
        )


def _refuse_much(new: Proposal, line: Line) -> None:
    entry = split_window(new.text.split("\n")[new.number - 1].strip().removeprefix("\ufeff"))[1]
    if complaint := too_much(new.kind, line.key, compile_table(new.kind, new.file, entry)):
        raise NotDone(f"{complaint}; write --force if you mean it")


def _refuse_hidden(new: Proposal, line: Line, now: int) -> None:
    tables = TableList(new.kind, [compile_table(new.kind, source, text) for source, text in _files(new)])
    moment = _begin(line.window, now)
    answers = answering(new.kind, line.key, lambda subject: tables.match(subject, moment))
    # An answer that has a time of its own leaves the new entry the rest of the time.
    if all(answer is None or is_always(answer.window) for answer in answers) and (
        complaint := blame(new.kind, line.key, answers, f"{new.file.path}:{new.number}: ")
    ):
        raise NotDone(complaint)


def _files(new: Proposal) -> Iterator[tuple[Source, str]]:
    """The files of the list in the order in which they are asked, the new text in its place."""
    if new.place is None:
        yield new.file, new.text
        return
    for source in new.place.sources:
        for path in lists.files_of(source.path):
            text = new.text if path == new.file.path else files.read(path)
            if text is not None:
                yield source._replace(path=path), text


def _begin(window: Window | None, now: int) -> int:
    """A second at which `window` is active, from `now` on; `now` if there is none soon."""
    if window is None:
        return now
    first = max(now, window.since or 0)
    moments = (first + 60 * minute for minute in range(_MINUTES))
    return next((moment for moment in moments if window.is_active(moment)), now)
