"""`policyd rbl`: how the DNS lists are, and what they say of an address or a domain; one verb per file.

Law: lists are asked by the daemon's own code; a key is never printed, and nothing of an answer reaches a terminal
unescaped.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from policyd.cli._verbs import choose

VERBS: Final[Mapping[str, str]] = {
    "status": "say how each list is: asked or parked, answers, listings, latency",
    "test": "ask every list about an address or a domain: answers, points, verdict",
}

HELP: Final = """\
usage: policyd rbl VERB [OPTIONS]

DNS lists: how they are, and what they say.

verbs:
{verbs}

policyd rbl VERB --help tells the options of a verb.

examples:
  policyd rbl status
  policyd rbl test 127.0.0.2
  policyd rbl test example.org

exit status: 0 good, 1 a list is parked or does not answer, 2 usage, 3 not running, 78 configuration
"""


def main(arguments: list[str]) -> int:
    """Do what the verb in front of `arguments` says; return the exit status."""
    return choose("rbl", arguments, VERBS, HELP, _run)


def _run(verb: str, arguments: list[str]) -> int:
    status: int = import_module(f"policyd.cli.rbl.{verb}").main(arguments)
    return status
