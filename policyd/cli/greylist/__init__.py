"""`policyd greylist`: what greylisting remembers, asked of the running daemon and changed in it.

Law: nothing of a mail reaches a terminal unescaped; the database is never opened here.
"""

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from policyd.cli import DEGRADED, GOOD, complain
from policyd.cli._control import add_options, ask
from policyd.cli._numbers import count
from policyd.cli._verbs import choose
from policyd.logs.lines import escape


class Verb(NamedTuple):
    """What it does; whether it needs to be told of what; and the lines of its answer."""

    help: str
    needs_what: bool
    lines: Callable[[Mapping[str, Any]], Iterator[str]]


MOST: Final = 1000
"""Entries of one answer of the daemon."""
_ARGUMENTS: Final = {"what": "what", "limit": "most"}
_CHANGED: Final = {"release": "released", "forget": "forgotten"}

HELP: Final = """\
usage: policyd greylist VERB [WHAT] [OPTIONS]

What greylisting remembers: who waits, who is known. WHAT is the address of a sender or a recipient, a domain, the
address of a client, or its network.

verbs:
{verbs}

policyd greylist VERB --help tells the options of a verb.

examples:
  policyd greylist list
  policyd greylist show 192.0.2.0/24
  policyd greylist release alice@example.org
  policyd greylist forget example.org

exit status: 0 good, 1 there is nothing of WHAT, 2 usage, 3 not running
"""


def main(arguments: list[str]) -> int:
    """Do what the verb in front of `arguments` says; return the exit status."""
    return choose("greylist", arguments, {verb: told.help for verb, told in VERBS.items()}, HELP, _run)


def _run(verb: str, arguments: list[str]) -> int:
    told = VERBS[verb]
    parser = ArgumentParser(f"policyd greylist {verb}", description=told.help[0].upper() + told.help[1:] + ".")
    if verb != "stats":
        parser.add_argument(
            "what",
            metavar="WHAT",
            nargs=None if told.needs_what else "?",
            help="an address, a domain, or a network",
            default="",
        )
    if verb in ("list", "show"):
        parser.add_argument(
            "--limit", metavar="N", type=count(MOST), default=MOST, help="entries; default: %(default)s"
        )
    add_options(parser, timeout=60)
    options = parser.parse_args(arguments)
    if told.needs_what and not options.what:
        parser.error("WHAT is empty; name an address, a domain or a network")
    answer = _ask(verb, options)
    if options.json:
        print(json.dumps(answer))
    else:
        print("".join(f"{line}\n" for line in told.lines(answer)), end="")
    found = any(answer.get(name) for name in ("waiting", "entries", "released", "forgotten", "kinds"))
    if not found and told.needs_what:
        complain(f"policyd greylist {verb}: nothing of {options.what!r}")
        return DEGRADED
    return GOOD


def _ask(verb: str, options: Namespace) -> dict[str, Any]:
    """The daemon's answer. It changes a bounded number of entries at a time, so it is asked until nothing is left."""
    arguments = {name: vars(options)[option] for option, name in _ARGUMENTS.items() if option in options}
    answer: dict[str, Any] = ask(options, f"greylist {verb}", **arguments)
    changed = _CHANGED.get(verb)
    while changed and answer.get("left_out"):
        more = ask(options, f"greylist {verb}", **arguments)
        answer = more | {changed: answer[changed] + more[changed]}
    return answer


def _mails(name: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    def lines(answer: Mapping[str, Any]) -> Iterator[str]:
        for mail in answer[name]:
            who = ", ".join(escape(identity) for identity in mail["identities"])
            passes = "at its next try" if name == "released" else f"from {_time(mail['until'])}"
            times = f"since {_time(mail['since'])}, passes {passes}"
            yield f"{escape(mail['sender']) or '<>'} to {escape(mail['recipient'])}: {times}, known as {who}"
        yield from _left_out(answer)

    return lines


def _entries(name: str) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    def lines(answer: Mapping[str, Any]) -> Iterator[str]:
        for row in answer[name]:
            parts = [f"{label}={escape(row[label])}" for label in ("client", "sender", "recipient") if row[label]]
            counted = f", {row['passes']} passed" if row["passes"] > 0 else ""
            until = f", until {_time(row['counted'])}" if row["kind"] == "spam trap" else ""
            dates = f"first {_time(row['first_seen'])}, last {_time(row['last_seen'])}"
            yield f"{row['kind']:13} {' '.join(parts)} ({dates}{counted}{until})"
        yield from _left_out(answer)

    return lines


def _stats(answer: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{count:9} {kind}" for kind, count in sorted(answer["kinds"].items()))
    if not answer["kinds"]:
        yield "nothing is remembered"


def _left_out(answer: Mapping[str, Any]) -> Iterator[str]:
    if answer.get("left_out"):
        yield "... and more: name WHAT, or raise --limit"


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"


VERBS: Final[Mapping[str, Verb]] = {
    "list": Verb("list the mails that wait, the newest first", needs_what=False, lines=_mails("waiting")),
    "show": Verb("show everything that is remembered of WHAT", needs_what=True, lines=_entries("entries")),
    "release": Verb("let the waiting mails of WHAT pass at their next try", needs_what=True, lines=_mails("released")),
    "forget": Verb("forget everything that is remembered of WHAT", needs_what=True, lines=_entries("forgotten")),
    "stats": Verb("count what is remembered, by kind", needs_what=False, lines=_stats),
}
