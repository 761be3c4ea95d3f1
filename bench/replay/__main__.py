"""`python -m bench.replay`: seconds until the first mail of each sender is accepted, under several rules."""

import sys
from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Final

from bench.replay.ours import ours
from bench.replay.rules import Rule, by_address, postgrey, sqlgrey
from bench.replay.senders import POOL, PROVIDERS, Sender, attempts
from policyd.checks.greylist import Settings

RULES: Final[dict[str, Callable[[], Rule]]] = {
    "postgrey": postgrey,
    "postgrey by address": by_address,
    "sqlgrey": lambda: sqlgrey(names=True),
    "sqlgrey, no names": lambda: sqlgrey(names=False),
    "policyd, nothing known": lambda: ours("nothing"),
    "policyd, names": lambda: ours("name"),
    "policyd, SPF": lambda: ours("spf"),
    "policyd, both": lambda: ours("both"),
    "policyd, suspicious": lambda: ours("both", Settings(when="suspicious")),
}


def delivered(sender: Sender, rule: Rule, *, scattered: bool) -> int | None:
    """Seconds until the message of `sender` is accepted; None if it is not before the sender's last known try."""
    return next((attempt.at for attempt in attempts(sender, scattered=scattered) if rule(attempt)), None)


def table(senders: Sequence[Sender], *, scattered: bool) -> Iterator[str]:
    """The rows of one table, as Markdown. A message that was not accepted counts as never."""
    times = {
        name: [delivered(sender, make(), scattered=scattered) for sender in senders] for name, make in RULES.items()
    }
    yield f"| sender (addresses) | {' | '.join(times)} |"
    yield "|---" * (len(times) + 1) + "|"
    for number, sender in enumerate(senders):
        cells = ("lost" if column[number] is None else str(column[number]) for column in times.values())
        yield f"| {sender.name} ({sender.addresses}) | {' | '.join(cells)} |"
    if len(senders) > 1:
        yield f"| **median** | {' | '.join(_bold(median(_numbers(column))) for column in times.values())} |"
        yield f"| **worst** | {' | '.join(_bold(max(_numbers(column))) for column in times.values())} |"


def _numbers(column: Sequence[int | None]) -> list[float]:
    return [float("inf") if seconds is None else seconds for seconds in column]


def _bold(seconds: float) -> str:
    return "**lost**" if seconds == float("inf") else f"**{seconds:g}**"


def main() -> int:
    """Print three tables."""
    print("The addresses of each provider in one /24 network, seconds:\n")
    print("\n".join(table(PROVIDERS, scattered=False)))
    print("\nEach address in a network of its own, seconds:\n")
    print("\n".join(table(PROVIDERS, scattered=True)))
    print("\nA pool of one /24 in 2007, seconds:\n")
    print("\n".join(table([POOL], scattered=False)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
