"""`policyd report`: what became of the mail of a day, and with --shadow what would have become of it.

Law: counted from files of the log, or from what the daemon keeps; memory is bounded whatever the log holds.
"""

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from policyd.cli import GOOD, complain
from policyd.cli._control import add_options, ask
from policyd.cli._decisions import Seen, decisions, domain_of, network_of
from policyd.cli._numbers import count
from policyd.logs.reading import Fields
from policyd.model.units import number_of

MAX_KEYS: Final = 100_000
"""Names that are counted of a kind; what comes on top is one row."""
OTHERS: Final = "(others)"

_TITLES: Final = {"networks": "client networks", "senders": "sender domains", "recipients": "recipient domains"}


class Tally:
    """Counts of names, bounded."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count `name` once."""
        self._counts[name if name in self._counts or len(self._counts) < MAX_KEYS else OTHERS] += 1

    def rows(self, top: int) -> list[dict[str, Any]]:
        """The most frequent ones."""
        return [{"name": name, "count": count} for name, count in self._counts.most_common(top)]


def main(arguments: list[str]) -> int:
    """Print the report; the exit status is 0 or 3 (not running)."""
    parser = ArgumentParser(
        "policyd report",
        description="Count what was done, for which reasons, to whom: from files of the log, or from the last "
        "decisions of the running daemon. With --shadow: what would have been done without shadow mode.",
    )
    add_options(parser)
    parser.add_argument("--log", metavar="FILE", action="append", help="read this file (.gz too, - is stdin)")
    parser.add_argument("--shadow", action="store_true", help="only what shadow mode did not do")
    parser.add_argument(
        "--top", metavar="N", type=count(MAX_KEYS), default=10, help="rows of each list; default: %(default)s"
    )
    options = parser.parse_args(arguments)
    report = make(options)
    print(json.dumps(report) if options.json else "\n".join(lines(report)))
    return GOOD


def make(options: Namespace) -> dict[str, Any]:
    """The report that `options` ask for."""
    answer = None if options.log else ask(options, "recent")
    if answer is not None and not answer["kept"]:
        complain("policyd report: the daemon keeps no decisions: [log] level is warning")
    report = tally(decisions(options, answer), top=options.top, shadow=options.shadow)
    if options.shadow and answer is not None:
        report["since_start"] = ask(options, "shadow")
    return report


def tally(seen: Iterable[Seen], *, top: int, shadow: bool) -> dict[str, Any]:
    """The counts of all decisions, or of those that shadow mode changed."""
    total = counted = 0
    tallies = {name: Tally() for name in ("what", "reasons", *_TITLES)}
    delays: list[int] = []
    for fields in (each.fields for each in seen):
        total += 1
        if shadow and "would" not in fields:
            continue
        counted += 1
        for name, value in _named(fields, shadow=shadow).items():
            tallies[name].add(value)
        if len(delays) < MAX_KEYS and (delay := _delay(fields)):
            delays.append(delay)
    rows = {name: tally.rows(top) for name, tally in tallies.items()}
    median = sorted(delays)[len(delays) // 2] if delays else None
    return {"shadow": shadow, "decisions": total, "counted": counted, "delay_median": median, **rows}


def _named(fields: Fields, *, shadow: bool) -> dict[str, str]:
    """Under which names a decision counts."""
    verb = fields.get("would", "").partition(" ")[0]
    return {
        "what": f"{verb} by {fields.get('would_by', '?')}" if shadow else fields.get("action", ""),
        "reasons": fields.get("reason", ""),
        "networks": network_of(fields),
        "senders": domain_of(fields, "sender"),
        "recipients": domain_of(fields, "recipient"),
    }


def _delay(fields: Fields) -> int:
    """Seconds that a mail waited before it passed; 0 if it did not, or nobody knows."""
    text = fields.get("delay", "0")
    return int(text) if fields.get("reason") == "triplet found" and text.isdecimal() and len(text) < 10 else 0


def lines(report: dict[str, Any]) -> Iterator[str]:
    """The report for people."""
    seen = number_of(report["decisions"], "decision", "decisions")
    if report["shadow"]:
        yield f"{report['counted']} of {seen} would have been another one"
    else:
        yield seen
    if report["delay_median"] is not None:
        yield f"mail that came back had waited {report['delay_median']} s (median)"
    done = "would have been done" if report["shadow"] else "done"
    titles = {"what": done, "reasons": "reasons", **_TITLES}
    for name, title in titles.items():
        if not report[name]:
            continue
        yield ""
        yield title
        yield from (f"  {row['count']:8}  {row['name']}" for row in report[name])
    if started := report.get("since_start"):
        yield ""
        yield f"since the start, of {number_of(started['requests'], 'request', 'requests')}"
        yield from (
            f"  {row['count']:8}  {row['action']} by {row['check']} ({row['reason']})" for row in started["would"]
        )
