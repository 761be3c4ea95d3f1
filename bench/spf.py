"""`python -m bench.spf`: SPF checks of policyd beside Debian's policyd-spf-python, on this machine. As root.

Law: both are asked the same requests by the same driver, and ask the same DNS server. The peer has a process for each
connection, as Postfix's spawn(8) gives it; starting them is not counted, but told, except where the first mails of
connections are what is measured. Where connections end after 100 mails, as Postfix's do, those that start meanwhile are
counted. Every reply must say ``pass``.
"""

import argparse
import asyncio
import gc
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from bench.driver import Driver, Sample, WrongAnswer
from bench.spf_mails import NUMBERS, WORKLOADS, Workload, cold, mail
from bench.spf_servers import DNS, PEER, SERVERS, cpu, dns, memory, policyd
from policyd.app import GARBAGE
from policyd.checks.spf import Settings, Spf
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.lookups.spf import open_evaluator
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.verdict import Verdict


class Figures(NamedTuple):
    """What one run showed. Memory and CPU are those of all processes of a server."""

    server: str
    workload: Workload
    rate: float
    p50: float
    p99: float
    cpu: float
    """Microseconds for each check."""
    memory: float
    """MiB, shared pages counted for each process."""
    start: float
    """Seconds until every connection had its first answer."""


def measure(name: str, workload: Workload, directory: Path, seconds: float) -> Figures:
    """One run of one server. Raises WrongAnswer."""
    with dns(workload.delay), SERVERS[name](directory) as (socket, pid):
        begin, before = time.perf_counter(), cpu(pid)
        driver = Driver(socket, workload.connections, workload.mails)
        requests = workload.requests()
        try:
            if workload.first:
                sample = driver.run(islice(requests, workload.connections * workload.first))
                took = time.perf_counter() - begin
                return _figures(name, workload, sample._replace(seconds=took), cpu(pid) - before, memory(pid), 0)
            driver.start(requests)
            start = time.perf_counter() - begin
            driver.run(requests, min(seconds, 1.0))
            before = cpu(pid)
            sample = driver.run(requests, seconds)
            return _figures(name, workload, sample, cpu(pid) - before, memory(pid), start)
        finally:
            driver.close()


def _figures(name: str, workload: Workload, sample: Sample, used: float, resident: float, start: float) -> Figures:
    if set(sample.answers) - {"PREPE", "prepe"}:
        raise WrongAnswer(f"{name} answered {sample.answers}")
    each = used / len(sample.latencies) * 1e6
    return Figures(name, workload, sample.rate, sample.percentile(50), sample.percentile(99), each, resident, start)


def longest_hold(checks: int) -> float:
    """The longest time in ms for which so many cold checks at once keep everybody else from the loop.

    In this process: the check with its resolver, on asyncio's own loop, and beside them somebody who always wants his
    turn; the garbage collector is set as policyd sets it. CPU time: other processes of the machine do not count.
    """
    with dns(50):
        return asyncio.run(_longest_hold(checks)) * 1000


async def _longest_hold(checks: int) -> float:
    resolver, settings = open_resolver(DnsSettings(nameservers=(DNS,))), Settings()
    check = Spf(settings, resolver, open_evaluator(resolver, settings.limits(), "mx.example"), "mx.example", str)
    mails = [mail(next(NUMBERS)) for _ in range(checks)]
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE)
    pending = [check.evaluate(each, NO_EVIDENCE, 0) for each in mails]
    all_of_them = asyncio.gather(*(each for each in pending if not isinstance(each, Verdict)))
    longest = 0.0
    while not all_of_them.done():
        start = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - start)
    if any(not verdict.action.text.startswith("Received-SPF: pass") for verdict in await all_of_them):
        sys.exit("not all of them passed")
    resolver.close()
    return longest


def growth(directory: Path, domains: int) -> list[float]:
    """MiB of policyd at its start, after a fourth of so many domains, a half, three fourths, and all."""
    with dns(0), policyd(directory) as (socket, pid):
        driver = Driver(socket, 50)
        sizes = [memory(pid)]
        for _ in range(4):
            driver.run(islice(cold(), domains // 4))
            sizes.append(memory(pid))
        driver.close()
        return sizes


def table(figures: list[Figures]) -> Iterator[str]:
    """The table of docs/performance.md."""
    yield "| workload | DNS ms | at once | server | checks/s | p50 ms | p99 ms | CPU us/check | memory MiB | start s |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for each in figures:
        work = each.workload
        yield (
            f"| {work.name} | {work.delay} | {work.connections} | {each.server} | {each.rate:,.0f} | {each.p50:.2f} | "
            f"{each.p99:.1f} | {each.cpu:,.0f} | {each.memory:,.0f} | {each.start:.1f} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.spf", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="of measuring per run (default: %(default)s)")
    parser.add_argument("--only", choices=SERVERS, help="measure one server")
    parser.add_argument("--workloads", type=int, nargs="+", default=range(len(WORKLOADS)), help="by number, from 0")
    parser.add_argument("--domains", type=int, default=100_000, help="for the memory; 0: not measured")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("only root can give the peer a /etc/resolv.conf of its own, and listen on port 53")
    names = [name for name in SERVERS if options.only in (None, name) and (name == "policyd" or shutil.which(PEER))]
    figures = []
    with tempfile.TemporaryDirectory(prefix="spf-") as scratch:
        for number in options.workloads:
            for name in names if WORKLOADS[number].is_for_peer else names[:1]:
                directory = Path(scratch, f"{len(figures)}-{name}")
                directory.mkdir()
                figures.append(measure(name, WORKLOADS[number], directory, options.seconds))
                print(*list(table(figures))[-1:], file=sys.stderr)
        print(
            f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {options.seconds:g} s each",
            *table(figures),
            sep="\n",
        )
        if options.domains:
            directory = Path(scratch, "more")
            directory.mkdir()
            print(f"500 cold checks at once hold the loop for at most {longest_hold(500):.1f} ms of CPU")
            sizes = ", ".join(f"{size:.0f}" for size in growth(directory, options.domains))
            print(f"MiB at the start and after each fourth of {options.domains:,} domains: {sizes}")


if __name__ == "__main__":
    main()
