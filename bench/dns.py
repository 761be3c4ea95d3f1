"""`python -m bench.dns`: what a question costs policyd's resolver, beside dnspython's own, on this machine.

Law: the answerer is a process of its own, so the CPU counted is that of the resolver and the loop alone, sockets and
kernel included. Names are never repeated when the cache is not to help. See docs/decisions/0004-dns.md.
"""

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from typing import Final, NamedTuple

import dns.asyncresolver
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset

from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.model.dns import RecordType

SOA: Final = "a.gtld-servers.example. nstld.example.org. 1700000000 1800 900 604800 150"
SPF: Final = '"v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ip6:2001:db8::/32 include:_spf.example.net ~all"'

Ask = Callable[[str], Awaitable[object]]


class Workload(NamedTuple):
    """What is asked, and what the answerer says."""

    name: str
    kind: RecordType
    text: str
    """Data of the record, "" for a name that does not exist."""


WORKLOADS: Final = {
    work.name: work
    for work in (Workload("not-listed", "A", ""), Workload("listed", "A", "127.0.0.2"), Workload("spf", "TXT", SPF))
}


def template(work: Workload, name: str) -> tuple[bytes, bytes]:
    """What stands in an answer before the question (without the id) and behind it; names of one length fit."""
    asked = dns.message.make_query(name, work.kind, use_edns=0, payload=1232)
    said = dns.message.make_response(asked, recursion_available=True)
    owner = asked.question[0].name
    if work.text:
        said.answer.append(dns.rrset.from_text(owner, 60, "IN", work.kind, work.text))
    else:
        said.set_rcode(dns.rcode.NXDOMAIN)
        said.authority.append(dns.rrset.from_text(owner.split(3)[1], 150, "IN", "SOA", SOA))
    wire = said.to_wire()
    behind = 12 + len(owner.to_wire()) + 4
    return wire[2:12], wire[behind:]


def answerer(server: socket.socket, work: Workload, name: str) -> None:
    """Answer for ever."""
    head, tail = template(work, name)
    end = 12 + len(dns.message.make_query(name, work.kind).question[0].name.to_wire()) + 4
    while True:
        wire, peer = server.recvfrom(4096)
        server.sendto(wire[:2] + head + wire[12:end] + tail, peer)


@contextmanager
def answering(work: Workload) -> Iterator[int]:
    """The port of an answerer in a process of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind(("127.0.0.1", 0))
        process = multiprocessing.get_context("fork").Process(target=answerer, args=(server, work, next(names())))
        process.start()
        try:
            yield server.getsockname()[1]
        finally:
            process.kill()
            process.join()


def names() -> Iterator[str]:
    """Names as a list of addresses is asked for them; all of one length, none twice."""
    return (f"{n:012d}.2.0.192.zen.dnsbl.example" for n in count())


async def measure(ask: Ask, asked: Iterator[str], questions: int, concurrency: int) -> float:
    """CPU microseconds per question."""

    async def worker() -> None:
        for _ in range(questions // concurrency):
            await ask(next(asked))

    started = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(worker())
    return (time.process_time() - started) / (questions // concurrency * concurrency) * 1e6


def dnspython(port: int, work: Workload) -> Ask:
    """A question to dnspython's own resolver."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port

    async def ask(name: str) -> object:
        try:
            return await resolver.resolve(name, work.kind, search=False)
        except dns.resolver.NXDOMAIN:
            return None

    return ask


async def run(work: Workload, port: int, options: argparse.Namespace) -> None:
    """Measure one workload, by turns, and print the medians."""
    resolver = open_resolver(DnsSettings(nameservers=(f"127.0.0.1:{port}",)))
    theirs = dnspython(port, work)
    fresh = names()
    for concurrency in options.concurrency:
        ours = [
            await measure(lambda name: resolver.resolve(name, work.kind), fresh, options.questions, concurrency)
            for _ in range(options.rounds)
        ]
        peer = [await measure(theirs, fresh, options.questions // 5, concurrency) for _ in range(options.rounds)]
        print(
            f"{work.name:>11} {concurrency:>4} at once: {_figures(ours)} us; dnspython's resolver {_figures(peer)} us"
        )
    known = list(islice(fresh, 1000))
    await measure(lambda name: resolver.resolve(name, work.kind), iter(known), len(known), 1)
    print(
        f"{work.name:>11} cached: {_figures([_cached(resolver.cached, work, known) for _ in range(options.rounds)])} us"
    )
    figures = resolver.stats()
    print(f"{'':>11} {figures.questions} questions, without an answer: {sum(figures.unavailable.values())}")
    resolver.close()


def _cached(cached: Callable[[str, RecordType], object], work: Workload, known: list[str]) -> float:
    if not all(cached(name, work.kind) for name in known):
        sys.exit("nothing was remembered")
    started = time.process_time()
    for _ in range(100):
        for name in known:
            cached(name, work.kind)
    return (time.process_time() - started) / (100 * len(known)) * 1e6


def _figures(values: list[float]) -> str:
    return f"{statistics.median(values):7.2f} (best {min(values):.2f})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.dns", description=__doc__)
    parser.add_argument("--questions", type=int, default=5000, help="per run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of everything (default: %(default)s)")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 50, 500], help="questions at once")
    parser.add_argument("--uvloop", action="store_true", help="as policyd runs where uvloop is installed")
    options = parser.parse_args()
    factory = None
    if options.uvloop:
        import uvloop

        factory = uvloop.new_event_loop
    for work in WORKLOADS.values():
        with answering(work) as port, asyncio.Runner(loop_factory=factory) as runner:
            runner.run(run(work, port, options))


if __name__ == "__main__":
    main()
