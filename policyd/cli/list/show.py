"""`policyd list show`: the entries of the lists, and how often each decided.

Law: an entry is printed as it stands in the file, with the place where it stands. Hits are a help: without them the
entries are shown all the same.
"""

import json
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from policyd.cli import GOOD, complain, shown
from policyd.cli.list import files, say
from policyd.cli.list.places import KINDS, Place, add_config, as_json, places
from policyd.config import load
from policyd.hits import Counts, hits_file, read_hits
from policyd.model.units import number_of
from policyd.tables.lint import Finding
from policyd.tables.lists import Line, Match, Source, lines_of

_EXAMPLES = """\
examples:
  policyd list show
  policyd list show sender --list blacklist --active
  policyd list show --json
"""


class Row(NamedTuple):
    """One entry."""

    place: Place
    file: Source
    line: Line
    text: str
    """The line of the file."""
    hits: tuple[int, int]
    """How often it decided, and when last (seconds since the epoch)."""


def main(arguments: list[str]) -> int:
    """Print the entries; the exit status is 0."""
    options = _parser().parse_args(arguments)
    settings = load(options.config)
    chosen = [
        place
        for place in places(settings)
        if options.kind in (None, place.kind) and options.list in (None, place.check)
    ]
    now = int(time.time())
    unreadable: list[Finding] = []
    all_rows = _rows(chosen, _hits(settings.store.url), unreadable)
    rows = [row for row in all_rows if _is_chosen(row, now, options.only)]
    for mistake in unreadable:
        complain(shown(f"{mistake}"))
    if options.json:
        print(json.dumps([_row_json(row, now) for row in rows]))
        return GOOD
    for row in rows:
        say(f"{row.file.path}:{row.line.number}: {row.text}{_hits_text(*row.hits)}")
    return GOOD


def _rows(chosen: list[Place], hits: Counts, unreadable: list[Finding]) -> Iterator[Row]:
    for place in chosen:
        for file, text in files.readable(place.files, unreadable):
            rows = text.removeprefix("\ufeff").split("\n")
            for line in lines_of(place.kind, file, text):
                yield Row(place, file, line, rows[line.number - 1].strip(), hits.get((file.path, line.key), (0, 0)))


def _hits(store_url: str) -> Counts:
    path = hits_file(store_url)
    try:
        return read_hits(path) if path else {}
    except FileNotFoundError:
        return {}
    except OSError as error:
        complain(f"policyd list show: no hits: {path}: {error.strerror}")
    except ValueError as error:
        complain(f"policyd list show: no hits: {error}")
    return {}


def _is_chosen(row: Row, now: int, only: str | None) -> bool:
    window = row.line.window
    if only == "expired":
        return window is not None and window.is_expired(now)
    return only is None or window is None or window.is_active(now)


def _hits_text(count: int, last: int) -> str:
    if not count:
        return ""
    return f"   ({number_of(count, 'hit', 'hits')}, the last {datetime.fromtimestamp(last):%Y-%m-%d %H:%M})"


def _row_json(row: Row, now: int) -> dict[str, Any]:
    line = row.line
    match = Match(row.file.path, line.number, line.key, line.action, line.window)
    return {
        "check": row.place.check,
        "list": row.place.label,
        "kind": row.place.kind,
        **as_json(match),
        "is_active": line.window is None or line.window.is_active(now),
        "is_expired": line.window is not None and line.window.is_expired(now),
        "hits": row.hits[0],
        "last_hit": row.hits[1] or None,
    }


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd list show",
        usage="policyd list show [KIND] [OPTIONS]",
        description="Print the entries of the lists with file, line and hits.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kind", choices=KINDS, metavar="KIND", nargs="?", help=f"{', '.join(KINDS)}; default: all")
    add("--list", choices=("whitelist", "blacklist"), help="only this list")
    add("--active", dest="only", action="store_const", const="active", help="only entries that count now")
    add("--expired", dest="only", action="store_const", const="expired", help="only entries whose time is over")
    add("--json", action="store_true", help="print one JSON array")
    add_config(parser)
    return parser
