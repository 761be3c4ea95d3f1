"""`policyd rbl status`: how every DNS list of the running daemon is.

Law: the daemon says what it knows; nothing is asked of any list here.
"""

import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from policyd.cli import DEGRADED, GOOD
from policyd.cli._control import add_options, ask


def main(arguments: list[str]) -> int:
    """Print a line for each list; the exit status is 0, 1 (a list is parked) or 3 (not running)."""
    parser = ArgumentParser(
        "policyd rbl status",
        description="Say how every DNS list of the running daemon is. The exit status is 1 if one is parked.",
    )
    add_options(parser)
    options = parser.parse_args(arguments)
    lists = ask(options, "rbl")
    if options.json:
        print(json.dumps({"lists": lists}))
    else:
        for line in lines(lists, int(time.time())) if lists else ["no list is asked: [chain] checks has no rbl"]:
            print(line)
    return DEGRADED if any(each["state"] == "parked" for each in lists) else GOOD


def lines(lists: Sequence[Mapping[str, Any]], now: int) -> Iterator[str]:
    """The table that people read."""
    width = max(len("list"), *(len(each["zone"]) for each in lists))
    figures = f"{'answers':>9}  {'listed':>7}  {'unknown':>7}  {'latency':>8}"
    yield f"{'list':{width}}  {'state':6}  {figures}  last good probe"
    for each in lists:
        share = f"{each['listed'] / each['answered']:.1%}" if each["answered"] else "-"
        latency = f"{each['latency'] * 1000:.1f} ms" if each["latency"] else "-"
        good = f"{timedelta(seconds=max(now - each['good_at'], 0))} ago" if each["good_at"] else "never"
        yield (
            f"{each['zone']:{width}}  {each['state']:6}  {each['answered']:9}  {share:>7}  {each['unknown']:7}  "
            f"{latency:>8}  {good}"
        )
        if each["state"] == "parked":
            yield f"{'':{width}}  for {timedelta(seconds=max(now - each['since'], 0))}: {each['finding']}"
