"""`python -m bench.rbl`: what DNS lists cost, cold and warm, near and far, one mail at a time and many.

Law: the nameserver is a process of its own that knows nothing but the test points and says "not listed" of all else,
at once or after a delay. Cold mail comes from an address that nobody asked about before; warm mail from one of 200
that were. policyd-weight (Debian), where it is installed and we are root, is asked the same mail about the same lists.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import pwd
import select
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count, cycle, islice
from pathlib import Path
from typing import Final, NamedTuple

from bench.driver import Address, Driver, Sample, WrongAnswer
from bench.servers import CHECKOUT, Server, ServerFailed, free_address, running
from policyd.checks.rbl import Rbl, Settings
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Verdict
from policyd.wire.request import parse_request

ZONES: Final = 20
KNOWN: Final = 200
"""Addresses of warm mail."""
DELAYS: Final = (0.0, 0.05)
TOGETHER: Final = (1, 50, 500)
_WEIGHT: Final = Path("/usr/sbin/policyd-weight")
_WEIGHT_PORT: Final = 12525
_POINT: Final = b"\x012\x010\x010\x03127"
_LISTED: Final = b"\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f\0\0\2"
_SOA: Final = b"\xc0\x0c\0\6\0\1\0\0\x0e\x10\0\x16\0\0" + b"".join(n.to_bytes(4, "big") for n in (1, 900, 300, 9, 3600))
_HEAD: Final = """\
| server | mail | answer delay ms | at once | mails/s | p50 ms | p99 ms | CPU us/mail |
|---|---|---|---|---|---|---|---|"""


def zones() -> list[str]:
    """The names of all lists."""
    return [f"l{number:02d}.bench.example" for number in range(ZONES)]


# --- the nameserver ---


def answer(wire: bytes) -> bytes:
    """What is said to a question."""
    end = wire.index(b"\0", 12) + 5
    if wire[12:24].startswith(_POINT) and wire[end - 4 : end - 2] == b"\0\1":
        return wire[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + wire[12:end] + _LISTED
    return wire[:2] + b"\x81\x83\0\1\0\0\0\1\0\0" + wire[12:end] + _SOA


def answerer(server: socket.socket, delay: float) -> None:
    """Answer for ever, each question `delay` seconds after it came."""
    server.settimeout(0)
    waiting: deque[tuple[float, bytes, tuple[str, int]]] = deque()
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        if select.select([server], [], [], pause)[0]:
            wire, peer = server.recvfrom(4096)
            waiting.append((time.monotonic() + delay, answer(wire), peer))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, wire, peer = waiting.popleft()
            server.sendto(wire, peer)


@contextmanager
def nameserver(delay: float, host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port of an answerer in a process of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        server.bind((host, port))
        process = multiprocessing.get_context("fork").Process(target=answerer, args=(server, delay))
        process.start()
        try:
            yield server.getsockname()[1]
        finally:
            process.kill()
            process.join()


# --- the mail ---


def mail(number: int) -> bytes:
    """A request from the address with this number; none of them is private."""
    address = f"{11 + (number >> 24) % 80}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    return (
        f"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address={address}\nclient_name=unknown\n"
        f"reverse_client_name=unknown\nhelo_name=mx.bench.example\nsender=a@bench.example\nrecipient=b@bench.example\n"
        f"instance={number:x}\n\n"
    ).encode()


# --- in this process ---


def inside(rounds: int) -> None:
    """Print what a warm mail and a cold question cost in CPU, without sockets of Postfix."""
    with nameserver(0.0) as port:
        warm, cold = zip(*(asyncio.run(_inside(port)) for _ in range(rounds)), strict=True)
    print(f"in the process, {ZONES} lists, medians of {rounds} runs:")
    print(f"  warm: {statistics.median(warm):.1f} us of CPU per mail (best {min(warm):.1f})")
    print(f"  cold: {statistics.median(cold):.1f} us of CPU per question (best {min(cold):.1f}), 50 mails at once")


async def _inside(port: int) -> tuple[float, float]:
    resolver = open_resolver(DnsSettings(nameservers=(f"127.0.0.1:{port}",), cache_entries=1_000_000))
    check = Rbl(Settings(sites=tuple(zones())), resolver, str)
    now = int(time.time())
    await check.prober.round(now)
    requests = [parse_request(mail(number)[:-2]) for number in range(2000 + KNOWN)]
    for request in requests[:KNOWN]:
        await _judge(check, request, now)
    begin, turns = time.process_time(), 50
    for request in requests[:KNOWN] * turns:
        if not isinstance(check.evaluate(request, NO_EVIDENCE, now), Verdict):
            sys.exit("an answer was not known")
    warm = (time.process_time() - begin) / (KNOWN * turns)
    fresh, begin = iter(requests[KNOWN:]), time.process_time()

    async def worker() -> None:
        for request in fresh:
            await _judge(check, request, now)

    await asyncio.gather(*(worker() for _ in range(50)))
    cold = (time.process_time() - begin) / (ZONES * (len(requests) - KNOWN))
    resolver.close()
    return warm * 1e6, cold * 1e6


async def _judge(check: Rbl, request: PolicyRequest, now: int) -> Verdict:
    verdict = check.evaluate(request, NO_EVIDENCE, now)
    return verdict if isinstance(verdict, Verdict) else await verdict


# --- over a socket ---


class Contestant(NamedTuple):
    """A server that is asked."""

    name: str
    command: list[str]
    address: Address
    most: int
    """Mails at once that it can take."""


def policyd(directory: Path, nameserver_port: int) -> Contestant:
    """Policyd with nothing but DNS lists."""
    address = free_address(directory, unix=False)
    lines = [
        "[server]", f"listen = [{json.dumps(f'inet:{address[0]}:{address[1]}')}]",
        "[store]", 'url = "memory:"',
        "[chain]", 'checks = ["rbl"]',
        "[dns]", f'nameservers = ["127.0.0.1:{nameserver_port}"]', "cache_entries = 1000000", 'cache_size = "512MiB"',
        "[rbl]", f"sites = {json.dumps(zones())}",
        "[metrics]", 'listen = ""',
        "[control]", 'socket = ""',
    ]  # fmt: skip
    (directory / "policyd.toml").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "policyd", "run", "--config", str(directory / "policyd.toml")]
    return Contestant("policyd", command, address, 1_000_000)


def policyd_weight(directory: Path) -> Contestant:
    """policyd-weight with the same lists and without lists of domains."""
    scores = ", ".join(f"'{zone}', 1, 0, 'L{number}'" for number, zone in enumerate(zones()))
    (directory / "lock").mkdir()
    shutil.chown(directory / "lock", "polw", "polw")
    (directory / "weight.conf").write_text(
        f"$NS = '127.0.0.1';\n@dnsbl_score = ({scores});\n@rhsbl_score = ();\n$TCP_PORT = {_WEIGHT_PORT};\n"
        f"$LOCKPATH = '{directory}/lock/';\n$SPATH = $LOCKPATH.'/polw.sock';\n$PIDFILE = '{directory}/polw.pid';\n"
        "$syslog_socktype = 'udp';\n$MAX_PROC = 60;\n$MIN_PROC = 50;\n1;\n"
    )
    command = [str(_WEIGHT), "-f", str(directory / "weight.conf"), "-D", "start"]
    return Contestant("policyd-weight", command, ("127.0.0.1", _WEIGHT_PORT), 50)


def outside(seconds: float, *, with_peer: bool) -> None:
    """Print the table: each server, cold and warm, with each delay, one mail at a time and many."""
    print(_HEAD)
    for delay in DELAYS:
        with tempfile.TemporaryDirectory(prefix="bench-rbl-") as home:
            directory = Path(home)
            directory.chmod(0o755)
            with nameserver(delay) as port:
                _rows(policyd(directory, port), directory, delay, seconds)
            if with_peer:
                _rows_of_peer(directory, delay, seconds)


def _rows_of_peer(directory: Path, delay: float, seconds: float) -> None:
    # policyd-weight knows no other port, and waits where nobody takes its log.
    with nameserver(delay, port=53), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as syslog:
        syslog.bind(("127.0.0.1", 514))
        before = _processes_of("polw")
        try:
            _rows(policyd_weight(directory), directory, delay, seconds)
        finally:
            for pid in _processes_of("polw") - before:  # its cache and its children outlive it
                os.kill(pid, signal.SIGKILL)


def _rows(contestant: Contestant, directory: Path, delay: float, seconds: float) -> None:
    fresh = count(1 << 16)
    with running(contestant.command, contestant.address, directory / "log") as server:
        first = Driver(server.address, 50)
        first.run(map(mail, range(KNOWN)))
        first.close()
        for together in (number for number in TOGETHER if number <= contestant.most):
            for row in _cold_and_warm(contestant.name, server, together, delay, seconds, fresh):
                print(row, flush=True)


def _cold_and_warm(
    name: str, server: Server, together: int, delay: float, seconds: float, fresh: Iterator[int]
) -> Iterator[str]:
    driver = Driver(server.address, together)
    try:
        for kind, numbers in (("cold", fresh), ("warm", cycle(range(KNOWN)))):
            before = _cpu(server.pid)
            sample = driver.run(map(mail, islice(numbers, 1 << 20)), seconds)
            yield _row(name, kind, delay, together, sample, _cpu(server.pid) - before)
    except WrongAnswer as error:
        yield f"| {name} | {error} | {delay * 1000:.0f} | {together} | | | | |"
    finally:
        driver.close()


def _row(server: str, name: str, delay: float, together: int, sample: Sample, used: float) -> str:
    cells = [
        server, name, f"{delay * 1000:.0f}", str(together), f"{sample.rate:,.0f}", f"{sample.percentile(50):.1f}",
        f"{sample.percentile(99):.1f}", f"{used / len(sample.latencies) * 1e6:,.0f}",
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _cpu(session: int) -> float:
    """Seconds of CPU of all processes of a session, those that ended and were waited for included."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session:
            total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def _processes_of(user: str) -> set[int]:
    owner, found = pwd.getpwnam(user).pw_uid, set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError):  # it ended meanwhile
            if path.stat().st_uid == owner:
                found.add(int(path.name))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rbl", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each cell of the table (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="runs in the process (default: %(default)s)")
    parser.add_argument("--only", choices=["policyd"], help="without the peer")
    options = parser.parse_args()
    os.chdir(CHECKOUT)
    inside(options.rounds)
    try:
        outside(options.seconds, with_peer=not options.only and _WEIGHT.exists() and os.geteuid() == 0)
    except ServerFailed as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
