"""`python -m bench.spf`: SPF checks of policyd beside Debian's policyd-spf-python, on this machine. As root.

Law: both are asked the same requests by the same driver, and ask the same DNS server. The peer has a process for each
connection, as Postfix's spawn(8) gives it; starting them is not counted, but told. Where connections end after 100
mails, as Postfix's do, those that start meanwhile are counted. Every reply must say ``pass``.
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count, islice
from pathlib import Path
from typing import Final, NamedTuple

from bench.driver import Driver, Sample, WrongAnswer
from bench.servers import CHECKOUT
from bench.spf_dns import CLIENT
from policyd.app import GARBAGE
from policyd.checks.spf import Settings, Spf
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.lookups.spf import open_evaluator
from policyd.model.address import parse_address
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Verdict

DNS: Final = "127.53.0.1"
"""Where the DNS server listens, on port 53: the peer's library knows no other."""
PEER: Final = "/usr/bin/policyd-spf"
# The 29 attributes of Postfix 3.7 in its order.
_REQUEST: Final = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address={client}\n"
    "client_name=unknown\nclient_port=60540\nreverse_client_name=unknown\nserver_address=127.0.0.1\nserver_port=25\n"
    "helo_name=mail.{domain}\nsender=user@{domain}\nrecipient=bob@box.example\nrecipient_count=0\nqueue_id=\n"
    "instance={instance}\nsize=0\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\n"
    "ccert_subject=\nccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\n"
    "encryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n"
)
NUMBERS: Final = count(1)


class Workload(NamedTuple):
    """What is asked, by how many at once, and how slow the DNS is."""

    name: str
    delay: int
    """Milliseconds until the DNS answers."""
    connections: int
    requests: Callable[[], Iterator[bytes]]
    is_for_peer: bool = True
    """The peer remembers nothing, so one workload with slow DNS is enough: starting its processes takes long."""
    mails: int = 0
    """Each connection ends after so many, and with it the peer's process; 0: never."""


def request(domain: str, client: str = CLIENT) -> bytes:
    """One mail of its own."""
    number = next(NUMBERS)
    return _REQUEST.format(domain=domain, client=client, instance=f"{number:x}.6b031462.d60af.0").encode()


def cold() -> Iterator[bytes]:
    """Domains of which nothing is known, each with names of its own: five questions, HELO's among them."""
    return (request(f"d{number}.example") for number in NUMBERS)


def customers() -> Iterator[bytes]:
    """New domains again, all of which include the records of one large sender: two questions are new."""
    return (request(f"s{number}.example") for number in NUMBERS)


def known_dns() -> Iterator[bytes]:
    """Fifty domains, always other clients: the DNS is known, the results are not."""
    clients = (f"198.51.100.{number % 254 + 1}" for number in count())
    return (request(f"d{number % 50}.example", client) for number, client in enumerate(clients, 10**9))


def known() -> Iterator[bytes]:
    """Fifty domains, always the same client."""
    return (request(f"d{number % 50}.example") for number in count(10**9))


def mix() -> Iterator[bytes]:
    """Ten mails: seven known ones, one of a known domain from another client, a customer, and a domain never seen."""
    streams = [known()] * 7 + [known_dns(), customers(), cold()]
    return chain.from_iterable(zip(*streams, strict=True))


WORKLOADS: Final = (
    Workload("cold", 0, 1, cold),
    Workload("cold", 0, 8, cold),
    Workload("results known", 0, 8, known),
    Workload("DNS known", 0, 8, known_dns),
    Workload("mix, slow DNS", 50, 500, mix),
    Workload("cold, slow DNS", 50, 500, cold, is_for_peer=False),
    Workload("customers, slow DNS", 50, 500, customers, is_for_peer=False),
    Workload("known, slow DNS", 50, 500, known, is_for_peer=False),
    Workload("mix, 100 a connection", 50, 500, mix, mails=100),
    Workload("customers, 100 a connection", 50, 500, customers, mails=100),
    Workload("cold, 100 a connection", 50, 500, cold, mails=100),
)


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


@contextmanager
def dns(delay: int) -> Iterator[None]:
    """The DNS server."""
    with _child([sys.executable, "-m", "bench.spf_dns", DNS, "53", str(delay)]):
        time.sleep(0.3)
        yield


@contextmanager
def policyd(directory: Path) -> Iterator[tuple[str, int]]:
    """The daemon: where it listens, and its process."""
    socket, config = f"{directory}/policyd.sock", directory / "policyd.toml"
    tables = {
        "server": {"listen": [f"unix:{socket}"]},
        "store": {"url": "memory:"},
        "chain": {"checks": ["spf"]},
        "dns": {"nameservers": [DNS]},
        "metrics": {"listen": ""},
        "control": {"socket": ""},
    }
    lines = (
        f"[{table}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in options.items())
        for table, options in tables.items()
    )
    config.write_text("".join(lines))
    with _child([sys.executable, "-m", "policyd", "run", "--config", str(config)], directory / "log") as pid:
        _wait_for(socket)
        yield socket, pid


@contextmanager
def peer(directory: Path) -> Iterator[tuple[str, int]]:
    """The peer behind a spawner, in a mount namespace of its own where /etc/resolv.conf names our DNS server."""
    socket, resolv, config = f"{directory}/peer.sock", directory / "resolv.conf", directory / "peer.conf"
    resolv.write_text(f"nameserver {DNS}\n")
    config.write_text("debugLevel = 0\nHELO_reject = Fail\nMail_From_reject = Fail\nskip_addresses = 127.0.0.0/8\n")
    shell = 'mount --make-rprivate / && mount --bind "$0" /etc/resolv.conf && exec "$@"'
    program = [sys.executable, "-m", "bench.spf_peer", socket, PEER, str(config)]
    with _child(["unshare", "-m", "sh", "-c", shell, str(resolv), *program], directory / "log") as pid:
        _wait_for(socket)
        yield socket, pid


SERVERS: Final = {"policyd": policyd, "policyd-spf-python": peer}


@contextmanager
def _child(command: list[str], log: Path | None = None) -> Iterator[int]:
    with (log or Path(os.devnull)).open("ab") as output:
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        for pid in _family(process.pid)[1:]:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        process.kill()
        process.wait()


def _wait_for(socket: str) -> None:
    for _ in range(500):
        if Path(socket).exists():
            return
        time.sleep(0.02)
    sys.exit(f"nobody listens on {socket}")


def _family(pid: int) -> list[int]:
    """A process and all its children."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(grandchild for child in children for grandchild in _family(int(child)))]


def _cpu(pid: int) -> float:
    """Seconds that a process and its children had, also those that ended."""
    ticks = 0
    for each in _family(pid):
        with suppress(OSError):  # ended just now
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    """MiB of a process and its children."""
    pages = 0
    for each in _family(pid):
        with suppress(OSError):
            pages += int(Path(f"/proc/{each}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(name: str, workload: Workload, directory: Path, seconds: float) -> Figures:
    """One run of one server. Raises WrongAnswer."""
    with dns(workload.delay), SERVERS[name](directory) as (socket, pid):
        begin = time.perf_counter()
        driver = Driver(socket, workload.connections, workload.mails)
        try:
            requests = workload.requests()
            driver.start(requests)
            start = time.perf_counter() - begin
            driver.run(requests, min(seconds, 1.0))
            cpu = _cpu(pid)
            sample = driver.run(requests, seconds)
            return _figures(name, workload, sample, _cpu(pid) - cpu, memory(pid), start)
        finally:
            driver.close()


def _figures(name: str, workload: Workload, sample: Sample, cpu: float, resident: float, start: float) -> Figures:
    if set(sample.answers) - {"PREPE", "prepe"}:
        raise WrongAnswer(f"{name} answered {sample.answers}")
    each = cpu / len(sample.latencies) * 1e6
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


def mail(number: int) -> PolicyRequest:
    """What the check is asked about in this process."""
    domain = f"d{number}.example"
    return PolicyRequest(
        protocol_state="RCPT",
        client_name="unknown",
        reverse_client_name="unknown",
        helo_name=f"mail.{domain}",
        sender=f"user@{domain}",
        recipient="bob@box.example",
        queue_id="",
        instance="",
        sasl_username="",
        policy_context="",
        client_address=parse_address(CLIENT),
        attributes={},
    )


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
