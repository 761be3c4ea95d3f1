"""`policyd list add`: write an entry into the right file.

Law: nothing is written that the daemon would refuse, that could never answer, or that names half the world by a slip
of the pen; and what was written stands on the terminal as FILE:LINE.
"""

import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from datetime import UTC, datetime

from policyd.cli import GOOD, complain
from policyd.cli.list import WITHIN, NotDone, files, say
from policyd.cli.list.examine import Proposal, examine
from policyd.cli.list.places import KINDS, OPTIONS, Place, add_config, find_place, places_of
from policyd.model.units import parse_duration
from policyd.tables.edit import append
from policyd.tables.lists import Source
from policyd.tables.sheets import form_of, has_such
from policyd.tables.windows import Window, make_window, parse_window

_ALWAYS = Window()

_EXAMPLES = """\
examples:
  policyd list add sender spam@example.com REJECT "no thanks" --for 7d
  policyd list add client 192.0.2.0/24 DEFER "try our other host" --hours 22:00-06:00 --tz Europe/Berlin
  policyd list add client mx.example.org --list whitelist --reason "its codes never come" --by anna

KEY and ACTION are written as in the file: docs/lists.md. The entry goes to the end of FILE.local, the companion of the
first file that the option of the list names.
"""


def main(arguments: list[str]) -> int:
    """Write the entry and print FILE:LINE; the exit status is 0, or 1 if nothing was written."""
    parser = _parser()
    options = parser.parse_intermixed_args(arguments)
    try:
        entry = entry_of(options, now := int(time.time()))
    except ValueError as error:
        parser.error(str(error))
    place, file, model = target(options)
    with files.locked(file.path):
        before = files.read(file.path)
        text, number = append(before or "", entry)
        examine(Proposal(options.kind, place, file, text, number, " ".join(options.action)), now, force=options.force)
        files.replace(file.path, before, text, model)
    say(f"{file.path}:{number}: {entry}")
    if place is None:
        complain(f"policyd list add: but {options.config} names this file in no option, so nobody asks it")
        return GOOD
    print(WITHIN)
    if not place.is_asked:
        complain(f"policyd list add: but [chain] checks does not name {place.check!r}, so nobody asks this list")
    return GOOD


def entry_of(options: Namespace, now: int) -> str:
    """The line as it is written into the file. Raises ValueError: ``argument --NAME: what is wrong``."""
    words = [options.key, *options.action]
    if not all(word.isprintable() and word.strip() for word in words):
        raise ValueError("KEY and ACTION cannot be empty, nor hold line ends or other characters that cannot be seen")
    window = _window(options, now)
    bracket = "" if window == _ALWAYS else f"{window} "
    action = " ".join(word.strip() for word in options.action)
    return f"{bracket}{options.key.strip()}{f'  {action}' if action else ''}"


def _window(options: Namespace, now: int) -> Window:
    try:
        until = options.until
        if options.duration:
            minute = -(-(now + parse_duration(options.duration)) // 60) * 60
            until = f"{datetime.fromtimestamp(minute, UTC):%Y-%m-%dT%H:%MZ}"
        window = make_window(since=options.since, until=until, hours=options.hours, days=options.days, tz=options.tz)
        window = window._replace(note=options.reason, by=options.by)
        return window if window == _ALWAYS else parse_window(str(window))  # which judges the notes
    except (ValueError, OverflowError, OSError) as error:
        name, colon, _ = str(error).partition(": ")
        raise ValueError(f"argument --{error}" if colon and name.isalpha() else f"argument --for: {error}") from None


def target(options: Namespace) -> tuple[Place | None, Source, str]:
    """The list (None: a file that no option names), the file to write, and the file that a new one shall be like.

    It is the companion of the first file whose form has such an entry.
    """
    if options.file:
        place, file = find_place(options, options.kind, options.file)
        return place, file, file.path
    check = options.list or ("blacklist" if options.action else "")
    if not check:
        raise NotDone("without an ACTION, say which list is meant: --list whitelist or --list blacklist")
    place = _first_place(options, check)
    for source in place.sources:
        companion = source._replace(path=f"{source.path}.local")
        if has_such(form_of(companion, files.read(companion.path) or ""), options.key):
            return place, companion, source.path
    forms = " or ".join(dict.fromkeys(source.form for source in place.sources))
    raise NotDone(
        f"{options.key} cannot be written into a file of the form {forms}, and {place.label} names no other: name one "
        f"there in {options.config}, reload policyd (SIGHUP), and add the entry then"
    )


def _first_place(options: Namespace, check: str) -> Place:
    places = places_of(options)
    for place in places:
        if place.check == check and place.kind == options.kind and not place.exempt:
            if place.sources:
                return place
            file = f"/etc/policyd/{check}_{OPTIONS[place.kind]}"
            raise NotDone(
                f'{place.label} names no file: write {OPTIONS[place.kind]} = ["{file}"] '
                f"below [{check}] in {options.config}, reload policyd (SIGHUP), and add the entry then"
            )
    kinds = " or ".join(place.kind for place in places if place.check == check and not place.exempt)
    raise NotDone(
        f"[{check}] has no list of kind {options.kind!r}; write {kinds or 'another --list'}, or name a --file"
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd list add",
        usage="policyd list add KIND KEY [ACTION ...] [OPTIONS]",
        description="Write an entry at the end of the right list file.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    add("key", metavar="KEY", help="who, as it is written in the file")
    add("action", metavar="ACTION", nargs="*", help='what happens, such as REJECT "no thanks"')
    add("--list", choices=("whitelist", "blacklist"), help="default with an ACTION: blacklist")
    add(
        "--file",
        metavar="FILE",
        default="",
        help="the file to write, in place of the companion of the option's first one",
    )
    add("--for", dest="duration", metavar="TIME", default="", help="how long, as in 12h or 7d")
    add("--until", metavar="DATE", default="", help="as in 2026-12-31 (the end of that day) or 2026-12-31T18:00")
    add("--from", dest="since", metavar="DATE", default="", help="not before then")
    add("--hours", metavar="HOURS", default="", help="as in 22:00-06:00")
    add("--days", metavar="DAYS", default="", help="as in Mon-Fri or Sat,Sun")
    add("--tz", metavar="ZONE", default="", help="the zone of these times, as in Europe/Berlin; default: the system's")
    add("--reason", metavar="TEXT", default="", help="why, for those who read the file later")
    add("--by", metavar="NAME", default="", help="who added it")
    add("--force", action="store_true", help="also an entry that names absurdly many")
    add_config(parser)
    return parser
