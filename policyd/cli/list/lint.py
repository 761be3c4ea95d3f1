"""`policyd list lint`: lines that do nothing, or not what they look like.

Law: what is found is said once, as FILE:LINE: what, and what to do; that nothing is found, too. Nothing is changed.
"""

import json
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from policyd.cli import DEGRADED, GOOD
from policyd.cli.list import NotDone, files, say
from policyd.cli.list.places import KINDS, add_config, find_place, places_of
from policyd.model.units import number_of
from policyd.tables.lint import Finding, lint
from policyd.tables.lists import ListKind, Source
from policyd.tables.sheets import read_sheet

_EXAMPLES = """\
examples:
  policyd list lint
  policyd list lint --kind client /etc/postgrey/whitelist_clients
  policyd list lint --kind sender hash:/etc/postfix/sender_access

exit status: 0 nothing found, 1 something found
"""


def main(arguments: list[str]) -> int:
    """Print what was found, or how much was looked at; the exit status is 1 if anything was found."""
    options = _parser().parse_args(arguments)
    now = int(time.time())
    entries: dict[str, int] = {}
    found = dict.fromkeys(_named(options, now, entries) if options.files else _configured(options, now, entries))
    findings = [finding for finding in found if finding.level == "mistake" or not options.no_notes]
    if options.json:
        print(json.dumps([finding._asdict() for finding in findings]))
    else:
        for line in [*map(str, findings)] or [_nothing(entries)]:
            say(line)
    return DEGRADED if findings else GOOD


def _nothing(entries: Mapping[str, int]) -> str:
    """That nothing was found, and where: a file that is not there has nothing to find, either."""
    read = number_of(sum(entries.values()), "entry", "entries")
    return f"nothing found: {read} in {number_of(len(entries), 'file', 'files')}"


def _configured(options: Namespace, now: int, entries: dict[str, int]) -> Iterator[Finding]:
    for place in places_of(options):
        if options.kind in (None, place.kind):
            yield from _lint(place.kind, place.files, now, entries, from_postgrey=place.check == "whitelist")


def _named(options: Namespace, now: int, entries: dict[str, int]) -> Iterator[Finding]:
    for name in options.files:
        place, file = find_place(options, options.kind, name)
        kind = place.kind if place else options.kind
        if kind is None:
            raise NotDone(f"{name}: no option names this file; say what it is a list of, as in --kind sender")
        if not Path(file.path).exists():
            raise NotDone(f"{file.path}: no such file")
        yield from _lint(kind, [file], now, entries, from_postgrey=place is None or place.check == "whitelist")


def _lint(
    kind: ListKind, sources: Sequence[Source], now: int, entries: dict[str, int], *, from_postgrey: bool
) -> Iterator[Finding]:
    """What is found in the files of one list; how many entries each of them has is put into `entries`."""
    unreadable: list[Finding] = []
    sheets = [read_sheet(kind, source, text) for source, text in files.readable(sources, unreadable)]
    entries.update((sheet.source.path, len(sheet.lines)) for sheet in sheets)
    yield from unreadable
    yield from lint(kind, sheets, now, from_postgrey=from_postgrey)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd list lint",
        usage="policyd list lint [FILE ...] [OPTIONS]",
        description="Find lines that do nothing, or not what they look like, in all lists or in FILEs.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", metavar="FILE", nargs="*", help="a list file; needs no configuration with --kind")
    add("--kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    add("--no-notes", action="store_true", help="leave out lines that only mean something else in another program")
    add("--json", action="store_true", help="print one JSON array")
    add_config(parser)
    return parser
