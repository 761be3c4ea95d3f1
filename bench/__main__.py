"""`./dev bench`: policyd beside postgrey, in one run, on this machine. See docs/performance.md."""

import argparse
import json
import os
import platform
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import NamedTuple

from bench.driver import Driver, WrongAnswer
from bench.report import MILLION, Bar, Run, bars, table
from bench.servers import (
    CHECKOUT,
    ECHO,
    POLICYD,
    POLICYD_ON_ASYNCIO,
    POSTGREY,
    Kind,
    Server,
    ServerFailed,
    free_address,
    running,
    unwatched,
    with_identities,
    with_lists,
)
from bench.triplets import Population
from bench.workloads import WORKLOADS


class Contestant(NamedTuple):
    """A kind of server, what it has stored, and the directory where that lies."""

    kind: Kind
    population: Population
    home: Path


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 0 if every bar shown is met, 1 if one is not, 2 if something could not be measured."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped and files removed
    options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.scratch) as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)  # postgrey's user must get through
        try:
            results = list(_results(_contestants(options, directory), options, directory))
        except ServerFailed as error:
            _say(str(error))
            return 2
    runs = [result for result in results if isinstance(result, Run)]
    failures = [str(result) for result in results if isinstance(result, WrongAnswer)]
    if options.json:
        print("\n".join(json.dumps(run._asdict()) for run in runs))
    else:
        print(_circumstances(options), table(runs), *map(_line, bars(runs)), *failures, sep="\n")
    return 2 if failures else int(not all(bar.met for bar in bars(runs)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    add = parser.add_argument
    add("--connections", type=int, default=100, help="each with one request on its way (default: %(default)s)")
    add("--seconds", type=float, default=5.0, help="of measuring per run, after a warm-up (default: %(default)s)")
    add("--rounds", type=int, default=3, help="runs of everything, by turns (default: %(default)s)")
    add("--workloads", type=_workloads, default=list(WORKLOADS), help="of new,known,mix (default: all)")
    add("--stored", type=_stored, default=10_000, help="triplets stored before (default: %(default)s)")
    add("--only", choices=[POLICYD.name, POSTGREY.name], help="measure one server")
    add("--scale", action="store_true", help=f"policyd with --stored and with {MILLION:,} triplets, by turns")
    add("--listed", type=int, metavar="N", help="policyd without lists and with N entries in them, by turns")
    add("--identities", action="store_true", help="policyd that knows clients by network alone, and by names, by turns")
    add("--unwatched", action="store_true", help="policyd with and without log, metrics and control socket, by turns")
    add("--echo", action="store_true", help="measure a server that does nothing: the limit of this driver")
    add("--no-uvloop", action="store_true", help="policyd on asyncio's own loop, as without the extra `fast`")
    add("--unix", action="store_true", help="unix sockets instead of TCP")
    add("--scratch", type=Path, default=CHECKOUT / ".dev", help="where databases lie while measured (default: .dev)")
    add("--json", action="store_true", help="every single run as a line of JSON instead of the table")
    return parser


def _workloads(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(WORKLOADS)):
        raise argparse.ArgumentTypeError(f"no workload {', '.join(unknown)}; there are: {', '.join(WORKLOADS)}")
    return names


def _stored(text: str) -> int:
    if int(text) < 1000:
        raise argparse.ArgumentTypeError("at least 1000, or the workloads have nothing to draw from")
    return int(text)


def _chosen(options: argparse.Namespace) -> list[tuple[Kind, int]]:
    policyd = POLICYD_ON_ASYNCIO if options.no_uvloop else POLICYD
    if options.echo:
        return [(ECHO, options.stored)]
    if options.listed:
        return [(policyd, options.stored), (with_lists(policyd, options.listed), options.stored)]
    if options.identities:
        return [(policyd, options.stored), (with_identities(policyd), options.stored)]
    if options.unwatched:
        return [(policyd, options.stored), (unwatched(policyd), options.stored)]
    if options.scale:
        return [(policyd, options.stored), (policyd, MILLION)]
    return [(kind, options.stored) for kind in (policyd, POSTGREY) if options.only in (None, kind.name)]


def _contestants(options: argparse.Namespace, directory: Path) -> list[Contestant]:
    contestants = []
    for kind, stored in _chosen(options):
        home = directory / f"{len(contestants)}-{stored}"
        home.mkdir()
        _say(f"storing {stored:,} triplets for {kind.name}")
        kind.prepare(home, Population(stored))
        contestants.append(Contestant(kind, Population(stored), home))
    return contestants


def _results(
    contestants: Sequence[Contestant], options: argparse.Namespace, directory: Path
) -> Iterator[Run | WrongAnswer]:
    """Every workload on every contestant, by turns, so that a slow minute of the machine meets all of them."""
    for number, workload, contestant in product(range(1, options.rounds + 1), options.workloads, contestants):
        _say(f"round {number}: {workload} on {contestant.kind.name}, {contestant.population.stored:,} stored")
        try:
            yield _run(contestant, workload, options, directory / "run")
        except WrongAnswer as error:
            failure = WrongAnswer(f"FAILED  {workload}: {contestant.kind.name}: {error}")
            _say(str(failure))
            yield failure


def _run(contestant: Contestant, workload: str, options: argparse.Namespace, directory: Path) -> Run:
    """One run, on a fresh copy of what is stored."""
    shutil.copytree(contestant.home, directory)
    address = free_address(directory, unix=options.unix)
    try:
        with running(contestant.kind.command(directory, address), address, directory / "log") as server:
            contestant.kind.settle(directory)
            return _measure(server, contestant, workload, options)
    finally:
        shutil.rmtree(directory)


def _measure(server: Server, contestant: Contestant, workload: str, options: argparse.Namespace) -> Run:
    stream, warm_up, _ = WORKLOADS[workload]
    requests = stream(contestant.population)
    driver = Driver(server.address, options.connections)
    try:
        driver.run(requests, warm_up)
        cpu, lines = server.cpu(), server.log_lines()
        sample = driver.run(requests, options.seconds)
        cpu, lines = server.cpu() - cpu, server.log_lines() - lines
    finally:
        driver.close()
    if contestant.kind is not ECHO and (complaint := WORKLOADS[workload].complaint(sample.answers)):
        raise WrongAnswer(complaint)
    number, (rss, peak) = len(sample.latencies), server.memory()
    return Run(
        server=contestant.kind.name,
        stored=contestant.population.stored,
        workload=workload,
        rate=sample.rate,
        p50=sample.percentile(50),
        p99=sample.percentile(99),
        p999=sample.percentile(99.9),
        cpu=cpu / number * 1e6,
        deferred=sample.answers.get("DEFER", 0) / number,
        log_lines=lines / number,
        rss=rss,
        peak=peak,
        start=server.started_in,
    )


def _circumstances(options: argparse.Namespace) -> str:
    """What a reader of the table must know of this machine and this run."""
    loop = "asyncio" if options.no_uvloop or find_spec("uvloop") is None else f"uvloop {version('uvloop')}"
    return (
        f"Python {platform.python_version()}, {loop}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} CPUs; "
        f"{options.connections} connections, {'unix sockets' if options.unix else 'TCP'}, "
        f"{options.rounds} rounds of {options.seconds:g} s"
    )


def _line(bar: Bar) -> str:
    return f"{'met' if bar.met else 'NOT MET':7}  {bar.promise}: {bar.measured}"


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
