"""`policyd top`: who sends now, and what becomes of it.

Law: the daemon hands out lines it has written, a second at a time; counting is done here. Of a daemon busier than 2,000
decisions a second a sample is counted, and that is said.
"""

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from os import terminal_size
from shutil import get_terminal_size
from typing import Any, Final

from policyd.cli import GOOD
from policyd.cli._control import Connection, add_options, find_socket
from policyd.cli._decisions import Seen, domain_of, from_daemon, network_of
from policyd.cli._numbers import count
from policyd.model.units import number_of

WINDOW: Final = 60
"""Seconds that are counted on a terminal."""
ROWS: Final = 8

Window = deque[tuple[float, list[Seen], int]]
"""Of each look: when it was, what was decided since the one before, and how many more there were."""


def main(arguments: list[str]) -> int:
    """Show the busiest networks, domains and reasons, anew each second; elsewhere than on a terminal once."""
    parser = ArgumentParser(
        "policyd top",
        description="Show the busiest client networks, senders, recipients and reasons of the last minute, until "
        "Ctrl-C. Elsewhere than on a terminal, or with --json, they are counted for --seconds and printed once.",
    )
    add_options(parser)
    parser.add_argument("--seconds", metavar="N", type=count(3600), default=5, help="default: %(default)s")
    parser.add_argument("--once", action="store_true", help="print once on a terminal, too")
    options = parser.parse_args(arguments)
    with Connection(options.socket or find_socket(options.config), options.timeout) as connection:
        if options.json or options.once or not sys.stdout.isatty():
            window = watch(connection, options.seconds)
            print(json.dumps(summary(window)) if options.json else "\n".join(table(summary(window))))
            return GOOD
        with suppress(KeyboardInterrupt):  # the way to end it
            _live(connection)
    return GOOD


def watch(connection: Connection, seconds: int) -> Window:
    """What is decided in so many seconds from now."""
    window: Window = deque()
    after = int(time.time())
    for _ in range(seconds + 1):  # a second is told when it is over
        time.sleep(1)
        after = look(connection, after, window)
    return window


def look(connection: Connection, after: int, window: Window) -> int:
    """Add what was decided behind the second `after`; the second to ask from next time."""
    answer = connection.ask("recent", {"after": after})
    seen = from_daemon(answer)
    window.append((time.monotonic(), seen, answer["left_out"]))
    while window and window[-1][0] - window[0][0] > WINDOW:
        window.popleft()
    return max([after, *(each.at for each in seen)])


def _live(connection: Connection) -> None:
    window: Window = deque()
    after = int(time.time()) - WINDOW
    while True:
        after = look(connection, after, window)
        print("\033[H\033[2J" + "\n".join(fitted(summary(window), get_terminal_size())), flush=True)
        time.sleep(1)


def summary(window: Window) -> dict[str, Any]:
    """The counts of a window."""
    seen = [each.fields for _, batch, _ in window for each in batch]
    counts = {
        "actions": Counter(fields.get("action", "") for fields in seen),
        "reasons": Counter(fields.get("reason", "") for fields in seen),
        "networks": Counter(map(network_of, seen)),
        "senders": Counter(domain_of(fields, "sender") for fields in seen),
        "recipients": Counter(domain_of(fields, "recipient") for fields in seen),
    }
    tops = {
        name: [{"name": key, "count": n} for key, n in counter.most_common(ROWS)] for name, counter in counts.items()
    }
    return {"seconds": len(window), "decisions": len(seen), "left_out": sum(more for _, _, more in window), **tops}


def fitted(counted: dict[str, Any], size: terminal_size) -> list[str]:
    """The counts for people, as many rows of each kind as a terminal of this `size` has lines for."""
    for rows in range(ROWS, 0, -1):
        lines = [line[: size.columns] for line in table(counted, rows)]
        if len(lines) < size.lines:  # the last one is the cursor's
            break
    return lines


def table(counted: dict[str, Any], rows: int = ROWS) -> Iterator[str]:
    """The counts for people."""
    sample = f", {counted['left_out']} more not looked at" if counted["left_out"] else ""
    yield f"{number_of(counted['decisions'], 'decision', 'decisions')} in {counted['seconds']} s{sample}"
    for name in filter(counted.get, ("actions", "reasons", "networks", "senders", "recipients")):
        yield ""
        yield name
        yield from (f"  {row['count']:7}  {row['name']}" for row in counted[name][:rows])
