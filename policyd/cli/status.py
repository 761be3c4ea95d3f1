"""`policyd status`: how the running daemon is, and what is wrong with it.

Law: the daemon says what it knows; nothing is looked up or guessed here. The exit status is for monitoring systems: 0
serving, 1 degraded, 3 not running.
"""

import json
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from policyd.cli import DEGRADED, GOOD, NOT_RUNNING, NotRunning, complain
from policyd.cli._control import add_options, ask
from policyd.model.units import number_of


def main(arguments: list[str]) -> int:
    """Print the state of the daemon and of its parts; the exit status is 0, 1 (degraded) or 3 (not running)."""
    parser = ArgumentParser(
        "policyd status", description="Say how the running daemon is: serving (exit status 0), degraded (1), down (3)."
    )
    add_options(parser)
    options = parser.parse_args(arguments)
    try:
        status = ask(options, "status")
    except NotRunning as error:
        if options.json:
            print(json.dumps({"state": "down", "why": str(error)}))
        complain(f"policyd status: {error}")
        return NOT_RUNNING
    print(json.dumps(status) if options.json else "\n".join(_lines(status)))
    return GOOD if status["state"] == "serving" else DEGRADED


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    up = timedelta(seconds=status["uptime"])
    yield f"{status['state']}: policyd {status['version']} on {status['places']}, process {status['pid']}, up {up}"
    requests = number_of(status["requests"], "request", "requests")
    yield f"  {requests} answered, {number_of(status['connections'], 'connection', 'connections')} open"
    for part in status["parts"]:
        yield f"  {part['part']:11}{'TROUBLE' if part['troubles'] else 'good':9}{part['detail']}".rstrip()
        yield from (f"             {trouble}" for trouble in part["troubles"])
