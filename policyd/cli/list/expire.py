"""`policyd list expire`: take out the entries whose time is over.

Law: only what can never count again goes; comments stay where they are.
"""

import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter

from policyd.cli import GOOD
from policyd.cli.list import WITHIN
from policyd.cli.list.places import KINDS, add_config
from policyd.cli.list.remove import sheets_of, take_out
from policyd.tables.lists import Line

_EXAMPLES = """\
examples:
  policyd list expire --dry-run
  policyd list expire --list blacklist
"""


def main(arguments: list[str]) -> int:
    """Print what was removed as FILE:LINE; nothing to do is good, too."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.file and not options.kind:
        parser.error("argument --file: say what it is a list of, as in --kind sender")
    now = int(time.time())

    def is_over(line: Line) -> bool:
        return line.window is not None and line.window.is_expired(now)

    sheets = sheets_of(options, options.kind)
    count = sum(take_out(sheet, is_over, dry_run=options.dry_run) for sheet in sheets)
    if not count:
        print("nothing has expired")
    elif not options.dry_run:
        print(WITHIN)
    return GOOD


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd list expire",
        description="Take out the entries whose time is over, of all lists.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--dry-run", action="store_true", help="only name them")
    add("--kind", choices=KINDS, metavar="KIND", help=f"only lists of this kind: {', '.join(KINDS)}")
    add("--list", choices=("whitelist", "blacklist"), help="only this list")
    add("--file", metavar="FILE", default="", help="only this file (with --kind)")
    add_config(parser)
    return parser
