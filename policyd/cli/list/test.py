"""`policyd list test`: which entry of each list would answer, and which ``[[policy]]`` counts.

Law: the lists are asked what the daemon asks them, in its order, at the time that is named; nothing is changed or
counted. An entry that would match but does not count at that time is told as such.
"""

import json
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from policyd.cli import GOOD, complain, shown
from policyd.cli.list import files, say
from policyd.cli.list.places import KINDS, Place, add_config, as_json, places, section_of
from policyd.config import Settings, load
from policyd.model.address import parse_address
from policyd.policies import Policies, stages
from policyd.tables.lint import Finding
from policyd.tables.lists import Client, ListKind, Match, Source, Subject, TableList, compile_table
from policyd.tables.sheets import waiting
from policyd.tables.windows import make_window

_EXAMPLES = """\
examples:
  policyd list test sender spam@example.com
  policyd list test client 192.0.2.1 --client-name mx.example.org --at 2026-12-24T23:00
  policyd list test --client 192.0.2.1 --helo mx.example.org --sender a@example.org --recipient b@example.net

The exit status is 0 whether something matches or not.
"""

_WHY_NOT: Final = {
    "time": "not at that time",
    "sender": "not for that sender",
    "nobody": "only for some senders; name one with --sender",
    "earlier": "one above counts",
}


class Answer(NamedTuple):
    """What one list says."""

    place: Place
    match: Match | None
    inactive: tuple[Match, ...]
    """Entries that would match, but do not count at that time: the first one of each file."""
    mistakes: tuple[str, ...]
    """Of its files: a running daemon keeps the version before the mistake."""


def main(arguments: list[str]) -> int:
    """Print what every list says; the exit status is 0."""
    parser = _parser()
    options = parser.parse_args(arguments)
    subjects = _subjects(options)
    if not subjects:
        parser.error("nobody is named: write KIND VALUE, or --client, --helo, --sender, --recipient")
    settings = load(options.config)
    now = int(time.time()) if options.at is None else options.at
    answers = [
        _ask(place, subjects[place.kind], now) for place in places(settings) if place.sources and place.kind in subjects
    ]
    policies = list(_policies(settings, subjects, now))
    if options.json:
        print(json.dumps({"at": now, "lists": [_answer_json(answer) for answer in answers], "policies": policies}))
        return GOOD
    for answer in answers:
        _print(answer, settings, now)
    for policy in policies:
        say(f"[[policy]] {policy['name']}: {_verdict(policy)}")
    return GOOD


def _subjects(options: Namespace) -> dict[ListKind, Subject]:
    if options.kind:
        setattr(options, options.kind, options.value)
    subjects: dict[ListKind, Subject] = {}
    if options.client is not None or options.client_name is not None:
        address = parse_address(options.client or "")
        name = options.client_name or ("unknown" if address or not options.client else options.client)
        subjects["client"] = Client(address, name)
    for kind in KINDS:
        value = getattr(options, kind)
        if kind != "client" and value is not None:
            subjects[kind] = "" if value == "<>" else value
    return subjects


def _ask(place: Place, subject: Subject, now: int) -> Answer:
    unreadable: list[Finding] = []
    texts = list(files.readable(place.files, unreadable))
    tables = [compile_table(place.kind, file, text) for file, text in texts]
    found = (_inactive(place.kind, file, text, subject, now) for file, text in texts)
    return Answer(
        place,
        TableList(place.kind, tables).match(subject, now),
        tuple(match for match in found if match is not None),
        (*map(str, unreadable), *(mistake for table in tables for mistake in table.mistakes)),
    )


def _inactive(kind: ListKind, file: Source, text: str, subject: Subject, now: int) -> Match | None:
    if "[" not in text:  # no window: a million lines need not be read again
        return None
    table, windows = waiting(kind, file, text, now)
    match = table.find(subject, now)
    return match and match._replace(window=windows[match.line])


def _policies(settings: Settings, subjects: Mapping[ListKind, Subject], now: int) -> Iterator[dict[str, Any]]:
    """The policies that name the recipient, in the order of precedence; the first one in time and sender counts."""
    recipient, sender = subjects.get("recipient"), subjects.get("sender", "")
    if not isinstance(recipient, str) or not isinstance(sender, str):
        return
    order = stages(settings.chain.checks, settings.policies)
    is_decided, is_sender_named = False, "sender" in subjects
    for number, key, obstacle in Policies(settings.policies).candidates(sender, recipient, now):
        policy = settings.policies[number]
        why_not = "earlier" if is_decided else "nobody" if obstacle == "sender" and not is_sender_named else obstacle
        yield {"name": policy.name, "key": key or "everybody", "counts": not why_not, "why_not": why_not,
               "checks": [check for check in order if check in policy.checks]}  # fmt: skip
        is_decided |= not obstacle


def _verdict(policy: Mapping[str, Any]) -> str:
    if not policy["counts"]:
        return f"names {policy['key']}, but {_WHY_NOT[policy['why_not']]}"
    return f"counts, it names {policy['key']}; asked are {', '.join(policy['checks']) or 'no checks'}"


def _print(answer: Answer, settings: Settings, now: int) -> None:
    place, match, inactive, mistakes = answer
    for mistake in mistakes:
        complain(shown(f"{mistake}; a running policyd keeps the version before that"))
    window = settings.windows.get(place.check)
    note = "" if place.is_asked else " (nobody asks: [chain] checks does not name it)"
    if window is not None and not window.is_active(now):
        note = f" (not asked at that time, only {window})"
    say(f"{place.label}{note}: {_described(place, match)}" if match else f"{place.label}{note}: no entry")
    for each in inactive:
        say(f"{place.label}: not at that time: {_described(place, each)}")


def _described(place: Place, match: Match) -> str:
    window = f" {match.window}" if match.window else ""
    return f"{match}: {_effect(place, match)}{window}"


def _effect(place: Place, match: Match) -> str:
    if match.action is not None and match.action.verb != "DUNNO":
        return str(match.action)
    if place.exempt:
        return f"exempt from {', '.join(place.exempt)}"
    if place.check == "whitelist":
        return "welcome, no other check is asked"
    if match.action is not None:
        return "DUNNO, the other entries of this list do not count"
    return f"listed, {section_of(place)} says with which text"


def _answer_json(answer: Answer) -> dict[str, Any]:
    place = answer.place
    return {
        "check": place.check,
        "list": place.label,
        "kind": place.kind,
        "is_asked": place.is_asked,
        "exempt": list(place.exempt),
        "match": answer.match and as_json(answer.match),
        "inactive": [as_json(match) for match in answer.inactive],
        "mistakes": list(answer.mistakes),
    }


def _moment(text: str) -> int:
    try:
        return make_window(since=text).since or 0
    except ValueError as error:
        raise ArgumentTypeError(str(error).removeprefix("from: ")) from None


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "policyd list test",
        usage="policyd list test [KIND VALUE] [OPTIONS]",
        description="Say which entry of each list would answer, in the order in which the daemon asks, and why.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("kind", choices=KINDS, metavar="KIND", nargs="?", help=", ".join(KINDS))
    add("value", metavar="VALUE", nargs="?", help="an address, or a name; <> is the null sender")
    add("--client", metavar="ADDR", help="the client's IP address, or its name")
    add("--client-name", metavar="NAME", help="its verified name")
    add("--helo", metavar="NAME", help="what it says in HELO")
    add("--sender", metavar="ADDR", help='the envelope sender; "" is the null sender')
    add("--recipient", metavar="ADDR", help="the envelope recipient")
    add("--at", metavar="TIME", type=_moment, help="as in 2026-12-24T23:00, in the system's zone; default: now")
    add("--json", action="store_true", help="print one JSON object")
    add_config(parser)
    return parser
