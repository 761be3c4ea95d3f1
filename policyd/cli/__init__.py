"""The command line: one verb per file, each with ``main(arguments) -> exit status``.

Law: a verb is imported only when it is asked for, so that help and `query` cost no daemon. What a person did wrong is a
sentence on stderr and an exit status, never a traceback.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from policyd import __version__
from policyd.model.errors import ConfigError, PolicydError, Refused

GOOD: Final = 0
DEGRADED: Final = 1
"""It runs, or it answered, but something is wrong."""
USAGE: Final = 2
NOT_RUNNING: Final = 3
BAD_CONFIGURATION: Final = 78
"""EX_CONFIG of sysexits.h."""

VERBS: Final[Mapping[str, str]] = {
    "run": "serve Postfix until told to stop",
    "check": "say what is wrong with the configuration and the lists it names",
    "status": "say how the running daemon is, and what is wrong with it",
    "reload": "have the running daemon read its settings and lists again, and wait for it",
    "explain": "say what would be done to a mail now, and what every check says of it",
    "why": "say what was done to a mail, and for what reason",
    "top": "show who sends now, and what becomes of it",
    "report": "count what was done, or what shadow mode did not do",
    "query": "ask a running daemon one question, as Postfix would",
    "list": "look into whitelists and blacklists, and change them",
    "greylist": "say who waits and who is known, release and forget",
    "rbl": "say how the DNS lists are, and what they say of an address or a domain",
    "spf": "say what SPF says of a client, and what is wrong with a domain's record",
    "postgrey": "serve in postgrey's place, with postgrey's own options",
}

HELP: Final = """\
usage: policyd VERB [OPTIONS]

A Postfix policy daemon: greylisting and lists that never break mail.

verbs:
{verbs}

policyd VERB --help tells the options of a verb, policyd --version the version.

examples:
  policyd check
  policyd run --config /etc/policyd/policyd.toml
  policyd status
  policyd query --client 192.0.2.1 --sender alice@example.org --recipient bob@example.net
  policyd list add sender spam@example.com REJECT "no thanks" --for 7d
  policyd postgrey --inet=10023 --delay=300

exit status: 0 good, 1 degraded or mistakes found, 2 usage, 3 not running, 78 configuration
"""


class NotRunning(PolicydError):
    """There is no daemon to ask; the sentence says where it was looked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line `argv` (by default this process's) asks for; return the exit status."""
    # Not list(): once the verb of that name is imported, it is a name of this module.
    verb, *arguments = [*(sys.argv[1:] if argv is None else argv)] or [""]
    if verb in VERBS:
        return _run(verb, arguments)
    if verb in ("--help", "-h", "help"):
        print(_help(), end="")
        return GOOD
    if verb in ("--version", "-V", "version"):
        print(f"policyd {__version__}")
        return GOOD
    complain(_help().rstrip() if not verb else f"policyd: {_no_verb(verb)}")
    return USAGE


def complain(sentence: str) -> None:
    """Tell the person at the terminal, or the journal."""
    print(sentence, file=sys.stderr)


def shown(text: str) -> str:
    """`text` without what a terminal would obey; that stands there as escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _run(verb: str, arguments: list[str]) -> int:
    try:
        status: int = import_module(f"policyd.cli.{verb}").main(arguments)
        sys.stdout.flush()
    except ConfigError as error:
        for mistake in error.mistakes:
            complain(mistake)
        if verb in ("run", "postgrey"):
            complain("policyd: not started")
        return BAD_CONFIGURATION
    except NotRunning as error:
        complain(f"policyd {verb}: {error}")
        return NOT_RUNNING
    except Refused as error:
        for mistake in error.mistakes:
            complain(mistake)
        complain(f"policyd {verb}: {error}")
        return DEGRADED
    except SystemExit as end:  # argparse has said why
        return end.code if isinstance(end.code, int) else USAGE
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells have it
    except BrokenPipeError:  # `policyd why ... | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains at its end
        return 141  # 128 + SIGPIPE
    return status


def _help() -> str:
    return HELP.format(verbs="\n".join(f"  {verb:10}{sentence}" for verb, sentence in VERBS.items()))


def _no_verb(verb: str) -> str:
    from policyd.config.suggest import did_you_mean

    return f"no verb {verb!r}{did_you_mean(verb, VERBS) or '; policyd --help lists them'}"
