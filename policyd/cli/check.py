"""`policyd check`: what is wrong with the configuration and the lists it names.

Law: it reads what the daemon would read, through the daemon's own code, and changes nothing.
"""

import json
import re
import sys
from argparse import ArgumentParser
from itertools import chain
from typing import Literal, NamedTuple

from policyd.cli import BAD_CONFIGURATION, DEGRADED, GOOD
from policyd.config import DEFAULT_PATH, load
from policyd.model.errors import ConfigError
from policyd.model.units import number_of

Status = Literal["good", "degraded", "refused"]

_EXIT = {"good": GOOD, "degraded": DEGRADED, "refused": BAD_CONFIGURATION}
_MISTAKE = re.compile(r"(?P<file>.+?):(?:(?P<line>[0-9]+):)? (?P<message>.*)", re.DOTALL)


class Report(NamedTuple):
    """What was found. `degraded`: the daemon runs, without the lines named; `refused`: it does not start."""

    path: str
    status: Status
    mistakes: tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Print every mistake and a summary; the exit status is 0, 1 (lists) or 78 (configuration)."""
    parser = ArgumentParser(
        "policyd check",
        description="Say what is wrong with the configuration (exit status 78) and with the lists it names (1).",
    )
    parser.add_argument("--config", "-c", metavar="FILE", default=DEFAULT_PATH, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    report = examine(options.config)
    print(_as_json(report) if options.json else _as_text(report))
    return _EXIT[report.status]


def examine(path: str) -> Report:
    """Read the configuration at `path` and its lists."""
    try:
        settings = load(path)
    except ConfigError as error:
        return Report(path, "refused", error.mistakes)
    from policyd.assembly import build_checks
    from policyd.lists import Lists
    from policyd.stores.memory import MemoryStore
    from policyd.stores.store import StoreOptions

    lists = Lists(budget=sys.maxsize)
    build_checks(settings, MemoryStore(StoreOptions()), lists)
    mistakes = tuple(chain.from_iterable(lists.mistakes()))
    return Report(path, "degraded" if mistakes else "good", mistakes)


def _as_text(report: Report) -> str:
    return "\n".join([*report.mistakes, f"{report.path}: {_summary(report)}"])


def _summary(report: Report) -> str:
    if report.status == "good":
        return "good"
    mistakes = number_of(len(report.mistakes), "mistake", "mistakes")
    if report.status == "refused":
        return f"{mistakes}: policyd does not start with it"
    return f"good, but {mistakes} in its lists: policyd runs without what is named above"


def _as_json(report: Report) -> str:
    return json.dumps(
        {"config": report.path, "status": report.status, "mistakes": [_parts(text) for text in report.mistakes]}
    )


def _parts(mistake: str) -> dict[str, str | int | None]:
    match = _MISTAKE.fullmatch(mistake)
    if match is None:
        return {"file": None, "line": None, "message": mistake}
    return {"file": match["file"], "line": int(match["line"]) if match["line"] else None, "message": match["message"]}
