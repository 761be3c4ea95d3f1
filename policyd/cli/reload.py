"""`policyd reload`: have the running daemon read its settings and lists again, and wait until it has.

Law: it is what SIGHUP does, and comes back with the words that the log gets.
"""

import json
from argparse import ArgumentParser

from policyd.cli import DEGRADED, GOOD, complain
from policyd.cli._control import add_options, ask
from policyd.model.errors import Refused
from policyd.model.units import number_of


def main(arguments: list[str]) -> int:
    """Print what was taken, or every mistake as FILE:LINE; the exit status is 0, 1 (mistakes) or 3 (not running)."""
    parser = ArgumentParser(
        "policyd reload",
        description="Have the running daemon read its settings and lists again, and wait for it. With a mistake in the "
        "settings the old ones stay; of a list with a mistake the version before. The exit status is then 1.",
    )
    add_options(parser, timeout=600.0)
    options = parser.parse_args(arguments)
    try:
        taken = ask(options, "reload")
    except Refused as error:
        if not options.json:
            raise
        print(json.dumps({"taken": False, "error": str(error), "mistakes": error.mistakes}))
        return DEGRADED
    mistakes = taken["mistakes"]
    if options.json:
        print(json.dumps({"taken": True, **taken}))
    else:
        for mistake in mistakes:
            complain(mistake)
        but = f", but its lists have {number_of(len(mistakes), 'mistake', 'mistakes')}" if mistakes else ""
        print(f"new settings are in force (generation {taken['generation']}){but}")
    return DEGRADED if mistakes else GOOD
