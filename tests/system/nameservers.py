"""Real nameservers of a test's own: rbldnsd serves zone files, unbound resolves in front of it. All on loopback."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import dns.exception
import dns.message
import dns.query

from tests.system.parts import free_port, require, wait_until

RBLDNSD_HEAD: Final = (
    "$SOA 3000 ns.lab.example hostmaster.lab.example 0 600 300 86400 {negative}\n$NS 3000 ns.lab.example\n"
)


class Nameserver:
    """A program that answers DNS at 127.0.0.1:`port`; it can be stopped and started again."""

    def __init__(self, home: Path, name: str) -> None:
        self.home = home
        self.port = free_port()
        self._log = home / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As `[dns] nameservers` has it."""
        return f"127.0.0.1:{self.port}"

    @property
    def command(self) -> Sequence[str]:
        """How it is started, so that it stays in the foreground."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.home)
        try:
            wait_until(self._answers, 30, lambda: f"{self.command[0]} answers\n{self._log.read_text()}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            dns.query.udp(dns.message.make_query("version.bind", "TXT", "CH"), "127.0.0.1", timeout=0.2, port=self.port)
        except (dns.exception.DNSException, OSError):
            return False
        return True


class Rbldnsd(Nameserver):
    """Serves `zones`: name of a zone -> (type of its data set, its lines)."""

    def __init__(self, home: Path, zones: Mapping[str, tuple[str, str]], negative: int = 60) -> None:
        super().__init__(home, "rbldnsd")
        self._zones = []
        for name, (kind, lines) in zones.items():
            zone = home / f"{name}.zone"
            zone.write_text(RBLDNSD_HEAD.format(negative=negative) + lines)
            zone.chmod(0o644)  # whatever the umask: user nobody reads it
            self._zones.append(f"{name}:{kind}:{name}.zone")

    @property
    def command(self) -> Sequence[str]:
        # -n stays in the foreground; root has to become somebody.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return [require("rbldnsd"), "-n", *user, "-w", str(self.home), "-b", f"127.0.0.1/{self.port}", *self._zones]


class Unbound(Nameserver):
    """Resolves `stubs` (zone -> port of its server), answers `data` (lines of zone files), and nothing else."""

    def __init__(self, home: Path, stubs: Mapping[str, int] | None = None, data: Sequence[str] = ()) -> None:
        super().__init__(home, "unbound")
        self._file = home / "unbound.conf"
        self._file.write_text(self._config(stubs or {}, data))

    @property
    def command(self) -> Sequence[str]:
        return [require("unbound"), "-d", "-p", "-c", str(self._file)]

    def _config(self, stubs: Mapping[str, int], data: Sequence[str]) -> str:
        server = {
            "interface": "127.0.0.1", "port": self.port, "do-daemonize": "no", "use-syslog": "no", "username": '""',
            "chroot": '""', "directory": f'"{self.home}"', "module-config": "iterator", "num-threads": 1,
            "do-not-query-localhost": "no", "outgoing-interface": "127.0.0.1", "do-ip6": "no",
        }  # fmt: skip
        lines = ["server:", *(f"  {option}: {value}" for option, value in server.items())]
        lines += ['  local-zone: "local.example." static']
        lines += [f"  local-data: '{line}'" for line in data]
        # Nobody of the world outside is asked, whatever a test asks for.
        lines += ["stub-zone:", '  name: "."', f"  stub-addr: 127.0.0.1@{free_port()}"]
        for zone, port in stubs.items():
            lines += ["stub-zone:", f'  name: "{zone}"', f"  stub-addr: 127.0.0.1@{port}"]
        return "\n".join([*lines, "remote-control:", "  control-enable: no", ""])
