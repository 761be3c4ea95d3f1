"""The servers of `bench.spf`: the DNS, policyd, and Debian's policyd-spf-python; what they use.

Law: what is started here is stopped here, with all its children, and they are counted with it.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.servers import CHECKOUT

DNS: Final = "127.53.0.1"
"""Where the DNS server listens, on port 53: the peer's library knows no other."""
PEER: Final = "/usr/bin/policyd-spf"


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


def cpu(pid: int) -> float:
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
