"""The servers: how each is prepared, started, watched and stopped.

Law: what is started here is stopped here, whatever happens. Both servers have the same delay, the same lists, a
database on the same disk, and write a log line per decision into a file.
"""

import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bench.driver import Address, Driver, WrongAnswer
from bench.triplets import Population, request
from bench.workloads import DELAY, history

CHECKOUT: Final = Path(__file__).resolve().parents[1]
_POSTGREY: Final = Path("/usr/sbin/postgrey")
LISTS: Final = next((p for p in (Path("/etc/postgrey"), CHECKOUT / "conf") if (p / "whitelist_clients").exists()), None)
"""Whitelists for both servers: those of Debian's postgrey, else our own."""
_START: Final = 40.0
_LISTS_READ: Final = 60.0
_PROBE: Final = 3 << 30  # a mail number that no workload uses


class ServerFailed(Exception):
    """A server could not be prepared, did not start, or died."""


class Server:
    """A running server: where it listens, how long it took from exec to its first answer, what it uses."""

    def __init__(self, process: subprocess.Popen[bytes], address: Address, log: Path, started_in: float) -> None:
        self.address = address
        self.pid = process.pid
        self._log = log
        self.started_in = started_in
        self._proc = Path(f"/proc/{process.pid}")

    def cpu(self) -> float:
        """Seconds of CPU used up to now, user and system, all threads."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def log_lines(self) -> int:
        """Lines written to its log up to now."""
        with self._log.open("rb") as log:
            return sum(piece.count(b"\n") for piece in iter(lambda: log.read(1 << 20), b""))

    def memory(self) -> tuple[float, float]:
        """Resident memory in MiB: now, and at its highest."""
        status = dict(line.split(":", 1) for line in (self._proc / "status").read_text().splitlines())
        return int(status["VmRSS"].split()[0]) / 1024, int(status["VmHWM"].split()[0]) / 1024


@contextmanager
def running(command: list[str], address: Address, log: Path) -> Iterator[Server]:
    """Start a server and wait for its first answer; stop it in the end. Raises ServerFailed."""
    begin = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for_answer(process, address, log, begin + _START)
        yield Server(process, address, log, time.perf_counter() - begin)
    finally:
        _stop(process)


def _wait_for_answer(process: subprocess.Popen[bytes], address: Address, log: Path, deadline: float) -> None:
    while time.perf_counter() < deadline and process.poll() is None:
        if _answers(address):
            return
        time.sleep(0.002)
    raise ServerFailed(
        f"{process.args!r} does not answer; the end of its log:\n{log.read_text(errors='replace')[-2000:]}"
    )


def _answers(address: Address) -> bool:
    try:
        driver = Driver(address, 1)
    except OSError:
        return False
    try:
        driver.run(iter([request(_PROBE, _PROBE)]))
    except WrongAnswer:
        return False
    finally:
        driver.close()
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Kind(NamedTuple):
    """A kind of server: how to lay down what it has stored, and the command that starts it on that."""

    name: str
    prepare: Callable[[Path, Population], None]
    command: Callable[[Path, Address], list[str]]
    settle: Callable[[Path], None] = lambda directory: None
    """Waits until a server that answers has all that it shall be measured with. Raises ServerFailed."""


def free_address(directory: Path, *, unix: bool) -> Address:
    """Where a server may listen: a loopback port that is free now, or a socket in `directory`."""
    if unix:
        return str(directory / "policy.sock")
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return "127.0.0.1", sock.getsockname()[1]


# --- policyd ---


def _prepare_policyd(directory: Path, population: Population) -> None:
    command = [sys.executable, "-m", "bench.fill", str(directory / "policyd.db"), str(population.stored)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=False)
    if done.returncode:
        raise ServerFailed(f"could not fill policyd's store:\n{done.stderr.decode(errors='replace')[-2000:]}")


def _policyd(
    directory: Path, address: Address, identities: Sequence[str] = (), *, is_watched: bool = True
) -> list[str]:
    """Without `identities` it knows a client by its network alone, as postgrey does. Watched: log, metrics, control."""
    settings = directory / "policyd.toml"
    listen = f"unix:{address}" if isinstance(address, str) else f"inet:{address[0]}:{address[1]}"
    lines = [
        "[server]",
        f"listen = [{json.dumps(listen)}]",
        "[store]",
        f"url = {json.dumps(f'sqlite:{directory}/policyd.db')}",
        "[chain]",
        'checks = ["whitelist", "blacklist", "greylist"]',
        "[whitelist]",
        f"clients = {json.dumps([str(LISTS / 'whitelist_clients')] if LISTS else [])}",
        f"recipients = {json.dumps([str(LISTS / 'whitelist_recipients')] if LISTS else [])}",
        "[blacklist]",
        *(
            f"{kind} = {json.dumps([str(p) for p in directory.glob(f'listed_{kind}')])}"
            for kind in ("clients", "senders")
        ),
        "[greylist]",
        f'delay = "{DELAY}s"',
        f"identities = {json.dumps(identities)}",
        f"group_after = {3 if identities else 0}",  # postgrey trusts no client together with a sender's domain
        *_watching(directory, is_watched=is_watched),
    ]
    settings.write_text("\n".join(lines) + "\n")
    return [sys.executable, "-m", "policyd", "run", "--config", str(settings)]


def _watching(directory: Path, *, is_watched: bool) -> list[str]:
    if not is_watched:
        return ["[metrics]", 'listen = ""', "[control]", 'socket = ""', "[log]", 'level = "warning"']
    host, port = free_address(directory, unix=False)
    return ["[metrics]", f'listen = "{host}:{port}"', "[control]", f'socket = "{directory}/control.sock"']


def _policyd_on_asyncio(directory: Path, address: Address) -> list[str]:
    """The same where the extra `fast` is not installed: an import of uvloop fails."""
    python, _, module, *arguments = _policyd(directory, address)
    program = f"import runpy, sys; sys.modules['uvloop'] = None; runpy.run_module({module!r}, run_name='__main__')"
    return [python, "-c", program, *arguments]


def with_identities(kind: Kind) -> Kind:
    """The same with the default identities: a first try is remembered under the domain of its host name, too."""
    return kind._replace(name=f"{kind.name}, identities", command=partial(_policyd, identities=("spf", "name")))


def unwatched(kind: Kind) -> Kind:
    """The same that nobody can see: no line of a decision, no metrics, no control socket."""
    return kind._replace(name=f"{kind.name}, unwatched", command=partial(_policyd, is_watched=False))


def with_lists(kind: Kind, listed: int) -> Kind:
    """The same with a blacklist of `listed` entries that name nobody of a workload."""

    def prepare(directory: Path, population: Population) -> None:
        kind.prepare(directory, population)
        _write_lists(directory, listed)

    def settle(directory: Path) -> None:
        """Large lists are read behind the first answers."""
        metrics = tomllib.loads((directory / "policyd.toml").read_text())["metrics"]["listen"]
        deadline = time.perf_counter() + _LISTS_READ
        while (found := _blacklisted(metrics)) < listed:
            if time.perf_counter() > deadline:
                raise ServerFailed(f"only {found:,} of {listed:,} entries are in force after {_LISTS_READ:.0f} s")
            time.sleep(0.2)

    return kind._replace(name=f"{kind.name}, {listed:,} listed", prepare=prepare, settle=settle)


def _blacklisted(metrics: str) -> int:
    """Entries of blacklists that are in force."""
    with urllib.request.urlopen(f"http://{metrics}/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    counts = (line.split()[-1] for line in lines if line.startswith('policyd_list_entries{list="blacklist'))
    return sum(map(int, map(float, counts)))


def _write_lists(directory: Path, count: int) -> None:
    """A quarter each of addresses, networks, domains of clients and senders."""
    quarter = range(count // 4)
    addresses = (f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}\n" for n in quarter)
    networks = (f"2001:db8:{n >> 16:x}:{n & 65535:x}::/64\n" for n in quarter)
    domains = (f"host{n}.example\n" for n in quarter)
    senders = (f"user{n}@domain{n % 5000}.example  REJECT not from you\n" for n in quarter)
    with (directory / "listed_clients").open("w") as clients:
        for entries in (addresses, networks, domains):
            clients.writelines(entries)
    with (directory / "listed_senders").open("w") as file:
        file.writelines(senders)


# --- postgrey ---


def _prepare_postgrey(directory: Path, population: Population) -> None:
    """Through its own door: postgrey takes the time of a request from an attribute."""
    if not _POSTGREY.exists():
        raise ServerFailed(f"{_POSTGREY} is not there: apt-get install postgrey, or measure with --only policyd")
    address = free_address(directory, unix=False)
    with running(_postgrey(directory, address), address, directory / "log") as server:
        driver = Driver(server.address, 20)
        try:
            for batch in history(population, int(time.time())):
                driver.run(batch)
        finally:
            driver.close()


def _postgrey(directory: Path, address: Address) -> list[str]:
    user = "postgrey" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    group = "postgrey" if os.geteuid() == 0 else str(os.getegid())
    if os.geteuid() == 0:  # it gives up root after binding
        for path in (directory, *directory.iterdir()):
            shutil.chown(path, user, group)
    where = f"--unix={address}" if isinstance(address, str) else f"--inet={address[0]}:{address[1]}"
    lists = [f"--whitelist-{kind}={LISTS}/whitelist_{kind}" for kind in ("clients", "recipients")] if LISTS else []
    return [
        str(_POSTGREY),
        where,
        f"--dbdir={directory}",
        f"--delay={DELAY}",
        f"--user={user}",
        f"--group={group}",
        *lists,
    ]


# --- echo ---


def _echo(directory: Path, address: Address) -> list[str]:
    where = f"unix:{address}" if isinstance(address, str) else f"{address[0]}:{address[1]}"
    return [sys.executable, "-m", "bench.echo", where]


POLICYD: Final = Kind("policyd", _prepare_policyd, _policyd)
POLICYD_ON_ASYNCIO: Final = POLICYD._replace(command=_policyd_on_asyncio)
POSTGREY: Final = Kind("postgrey", _prepare_postgrey, _postgrey)
ECHO: Final = Kind("echo", lambda directory, population: None, _echo)
