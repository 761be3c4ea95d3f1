"""From runs to a table a person can read, and the bars met or not.

Law: pure. Medians of rounds with their range; a bar is only judged by what the same command measured.
"""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final, NamedTuple

TIMES_POSTGREY: Final = 12.0
PART_OF_POSTGREY: Final = 0.1
SCALED: Final = 0.85
WATCHED: Final = 0.9
LISTED: Final = 0.9
MILLION: Final = 1_000_000
MIB: Final = 150.0
START: Final = 1.0


class Run(NamedTuple):
    """One measured run of one workload against one server."""

    server: str
    stored: int
    workload: str
    rate: float
    """Requests per second."""
    p50: float
    p99: float
    p999: float
    """Milliseconds."""
    cpu: float
    """Microseconds of the server's CPU per request."""
    deferred: float
    """Share of the requests."""
    log_lines: float
    """Per request."""
    rss: float
    peak: float
    """MiB."""
    start: float
    """Seconds from exec to the first answer."""


class Runs:
    """All runs of one server with one store under one workload."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self.server, self.stored, self.workload = runs[0][:3]

    def mid(self, field: str) -> float:
        """The median of a field."""
        return float(median(getattr(run, field) for run in self._runs))

    def range(self, field: str) -> tuple[float, float]:
        """The least and the greatest."""
        values = [getattr(run, field) for run in self._runs]
        return min(values), max(values)


def grouped(runs: Iterable[Run]) -> list[Runs]:
    """The rounds of equal runs together, in order of first appearance."""
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        groups.setdefault(run[:3], []).append(run)
    return [Runs(group) for group in groups.values()]


def table(runs: Iterable[Run]) -> str:
    """One line per server and workload."""
    groups = grouped(runs)
    rows = [_HEAD, *(_row(group, _peer(group, groups)) for group in groups)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


_HEAD: Final[tuple[str, ...]] = (
    "server", "stored", "workload", "req/s", "min..max", "x postgrey", "p50 ms", "p99 ms", "p99.9 ms",
    "CPU us/req", "deferred", "log lines", "RSS MiB", "start s",
)  # fmt: skip


def _row(group: Runs, peer: Runs | None) -> tuple[str, ...]:
    low, high = group.range("rate")
    return (
        group.server,
        f"{group.stored:,}",
        group.workload,
        f"{group.mid('rate'):,.0f}",
        f"{low:,.0f}..{high:,.0f}",
        f"{group.mid('rate') / peer.mid('rate'):.1f}" if peer else "-",
        *(f"{group.mid(field):.2f}" for field in ("p50", "p99", "p999")),
        f"{group.mid('cpu'):.1f}",
        f"{group.mid('deferred'):.1%}",
        f"{group.mid('log_lines'):.2f}",
        f"{group.mid('rss'):.0f}",
        f"{group.mid('start'):.2f}",
    )


def _peer(group: Runs, groups: Iterable[Runs]) -> Runs | None:
    """Postgrey's runs of the same workload."""
    return next((peer for peer in groups if (peer.server, peer.workload) == ("postgrey", group.workload)), None)


class Bar(NamedTuple):
    """A promise and whether this measurement keeps it."""

    promise: str
    measured: str
    met: bool


def bars(runs: Iterable[Run]) -> list[Bar]:
    """The promises that these runs can show."""
    groups = grouped(runs)
    found: list[Bar] = []
    for group in groups:
        if group.server == "policyd":
            found += _beside_postgrey(group, groups) + _beside_fewer(group, groups) + _alone(group)
            found += _beside_unwatched(group, groups)
        elif group.server.endswith(" listed"):
            found += _beside_none_listed(group, groups)
    return found


def _beside_postgrey(group: Runs, groups: Sequence[Runs]) -> list[Bar]:
    peer = _peer(group, groups)
    if peer is None:
        return []
    times, part = group.mid("rate") / peer.mid("rate"), group.mid("p99") / peer.mid("p99")
    return [
        Bar(
            f"{group.workload}: throughput >= {TIMES_POSTGREY:g} x postgrey's",
            f"{times:.1f} x",
            times >= TIMES_POSTGREY,
        ),
        Bar(f"{group.workload}: p99 <= {PART_OF_POSTGREY:g} of postgrey's", f"{part:.3f}", part <= PART_OF_POSTGREY),
    ]


def _beside_fewer(group: Runs, groups: Sequence[Runs]) -> list[Bar]:
    """Against the same server with the fewest stored triplets."""
    alike = [other for other in groups if (other.server, other.workload) == (group.server, group.workload)]
    fewest = min(alike, key=lambda other: other.stored)
    if fewest is group:
        return []
    share = group.mid("rate") / fewest.mid("rate")
    promise = (
        f"{group.workload}: throughput with {group.stored:,} stored >= {SCALED:.0%} of that with {fewest.stored:,}"
    )
    return [Bar(promise, f"{share:.1%}", share >= SCALED)]


def _beside_none_listed(group: Runs, groups: Sequence[Runs]) -> list[Bar]:
    """Against the same server without entries in its lists."""
    found = []
    for other in groups:
        if (other.server, other.stored, other.workload) == ("policyd", group.stored, group.workload):
            share = group.mid("rate") / other.mid("rate")
            promise = f"{group.workload}: throughput of {group.server} >= {LISTED:.0%} of that with none"
            found.append(Bar(promise, f"{share:.1%}", share >= LISTED))
    return found


def _beside_unwatched(group: Runs, groups: Sequence[Runs]) -> list[Bar]:
    """Against the same server without log, metrics and control socket."""
    found = []
    for other in groups:
        if (other.server, other.workload) == (f"{group.server}, unwatched", group.workload):
            share = group.mid("rate") / other.mid("rate")
            promise = f"{group.workload}: throughput >= {WATCHED:.0%} of that without log, metrics and control"
            found.append(Bar(promise, f"{share:.1%}", share >= WATCHED))
    return found


def _alone(group: Runs) -> list[Bar]:
    low, lines, start = group.range("log_lines")[0], group.mid("log_lines"), group.range("start")[1]
    found = [
        Bar(f"{group.workload}: a log line per decision", f"{lines:.3f}", low >= 0.999),
        Bar(f"{group.workload}: start to first answer <= {START:g} s", f"{start:.2f} s at most", start <= START),
    ]
    if group.stored >= MILLION:
        peak = group.range("peak")[1]
        promise = f"{group.workload}: RSS with {group.stored:,} stored <= {MIB:g} MiB"
        found.append(Bar(promise, f"{peak:.0f} MiB at its peak", peak <= MIB))
    return found
