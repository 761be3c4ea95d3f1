"""`policyd list remove`: take the entries with one key out of all files of their kind.

Law: what goes is an entry with that very key, never what it merely matches; comments stay where they are.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from typing import NamedTuple

from policyd.cli import DEGRADED, GOOD, complain
from policyd.cli.list import WITHIN, files, say
from policyd.cli.list.places import KINDS, add_config, find_place, places_of
from policyd.tables.edit import remove
from policyd.tables.lists import Line, ListKind, Source, lines_of
from policyd.tables.sheets import form_of, is_continued, spellings

_EXAMPLES = """\
examples:
  policyd list remove sender spam@example.com
  policyd list remove client mx.example.org --list whitelist
"""


class Sheet(NamedTuple):
    """A file, and the kind of list as which it is read."""

    kind: ListKind
    file: Source


def main(arguments: list[str]) -> int:
    """Print what was removed as FILE:LINE; the exit status is 1 if nothing was."""
    options = _parser().parse_args(arguments)
    keys = spellings(options.kind, options.key)
    sheets = sheets_of(options, options.kind)
    removed = sum(take_out(sheet, lambda line: line.key in keys, dry_run=False) for sheet in sheets)
    if not removed:
        complain(f"policyd list remove: no entry has the key {options.key!r}; policyd list test says what matches it")
        return DEGRADED
    print(WITHIN)
    return GOOD


def sheets_of(options: Namespace, kind: ListKind | None) -> list[Sheet]:
    """The files that are meant by ``--file``, or by ``--list`` and `kind` (None: all kinds), each of them once."""
    if options.file and kind is not None:
        return [Sheet(kind, find_place(options, kind, options.file)[1])]
    found = {}
    for place in places_of(options):
        if kind in (None, place.kind) and options.list in (None, place.check):
            found.update({file.path: Sheet(place.kind, file) for file in place.files})
    return list(found.values())


def take_out(sheet: Sheet, chosen: Callable[[Line], bool], *, dry_run: bool) -> int:
    """Remove the chosen entries of one file, and print them; how many they are. Raises NotDone."""
    path = sheet.file.path
    with files.locked(path):
        text = files.read(path) or ""
        lines = [line for line in lines_of(sheet.kind, sheet.file, text) if chosen(line)]
        if lines and not dry_run:
            continued = is_continued(form_of(sheet.file, text))
            files.replace(path, text, remove(text, {line.number for line in lines}, continued=continued), path)
    rows = text.removeprefix("\ufeff").split("\n")
    for line in lines:
        say(f"{path}:{line.number}: {rows[line.number - 1].strip()}")
    return len(lines)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd list remove",
        usage="policyd list remove KIND KEY [OPTIONS]",
        description="Take the entries with this key out of all files of that kind.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    add("key", metavar="KEY", help="the key as it is written in the file")
    add("--list", choices=("whitelist", "blacklist"), help="only in this list")
    add("--file", metavar="FILE", default="", help="only in this file")
    add_config(parser)
    return parser
