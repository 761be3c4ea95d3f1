"""`policyd list`: look into the lists of the configuration, and change them; one verb per file.

Law: a list is read by the daemon's own engine, never by a second parser. What changes a file writes it whole or not at
all, refuses what the daemon would refuse, and says what it did as FILE:LINE.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from policyd.cli import BAD_CONFIGURATION, DEGRADED, complain, shown
from policyd.cli._verbs import choose
from policyd.model.errors import ConfigError

VERBS: Final[Mapping[str, str]] = {
    "add": "write an entry into the right file",
    "remove": "take the entries with this key out of all files",
    "expire": "take out the entries whose time is over",
    "test": "say which entry would answer, and why",
    "show": "print the entries, with their hits",
    "lint": "find lines that do nothing, or not what they look like",
}

HELP: Final = """\
usage: policyd list VERB [OPTIONS]

Look into the lists of the configuration, and change them. A running daemon takes a change within 2 seconds.

verbs:
{verbs}

policyd list VERB --help tells the options of a verb.

examples:
  policyd list add sender spam@example.com REJECT "no thanks" --for 7d
  policyd list add client mx.example.org --list whitelist --reason "its codes never come"
  policyd list test sender spam@example.com
  policyd list remove sender spam@example.com
  policyd list lint --kind client /etc/postgrey/whitelist_clients

exit status: 0 good, 1 nothing done or mistakes found, 2 usage, 78 configuration
"""

WITHIN: Final = "a running policyd takes it within 2 seconds"
"""What is said when a file was changed."""


class NotDone(Exception):
    """Why nothing was done, as a sentence for a person."""


def say(text: str) -> None:
    """Print a line of somebody's file."""
    print(shown(text))


def main(arguments: list[str]) -> int:
    """Do what the verb in front of `arguments` says; return the exit status."""
    return choose("list", arguments, VERBS, HELP, _run)


def _run(verb: str, arguments: list[str]) -> int:
    try:
        status: int = import_module(f"policyd.cli.list.{verb}").main(arguments)
    except NotDone as error:
        complain(shown(f"policyd list {verb}: {error}"))
        return DEGRADED
    except ConfigError as error:
        for mistake in error.mistakes:
            complain(mistake)
        return BAD_CONFIGURATION
    return status
