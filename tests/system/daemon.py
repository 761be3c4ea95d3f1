"""The real program, started as systemd starts it: with a readiness socket, and with listening sockets where asked.

Law: nothing in here knows the inside of policyd; it speaks through the command line, the configuration file,
signals, sockets and the protocols of systemd (sd_notify(3), sd_listen_fds(3)).
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from tests.system.parts import free_port, wait_until

Settings = Mapping[str, Mapping[str, Any]]

ROOT: Final = Path(__file__).parent.parent.parent

# LISTEN_PID must be the pid of the program itself and its sockets must be 3, 4, ...: that is what this does
# between fork and exec. The copies above 50 close themselves at exec.
_ACTIVATE: Final = """
import fcntl, os, sys
count = int(sys.argv[1])
sockets = [fcntl.fcntl(int(fd), fcntl.F_DUPFD_CLOEXEC, 50) for fd in sys.argv[2:2 + count]]
for fd in sys.argv[2:2 + count]:
    os.close(int(fd))
for place, fd in enumerate(sockets, 3):
    os.dup2(fd, place)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


class NotifySocket:
    """The receiving end of sd_notify(3): what the service said, and when (monotonic clock)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.messages: list[tuple[float, dict[str, str]]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._receive, daemon=True).start()

    def count(self, name: str, value: str) -> int:
        """How many messages said ``name=value`` so far."""
        return sum(message.get(name) == value for _, message in self.messages)

    def close(self) -> None:
        """Receive no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _receive(self) -> None:
        while data := self._socket.recv(4096):
            pairs = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.messages.append((time.monotonic(), pairs))


class Policyd:
    """``policyd run`` with a configuration of its own; `settings` are merged into the one below, table by table.

    With `activated` the listening sockets are ours, as they are systemd's: they outlive the program. `launcher` is a
    command that becomes the program.
    """

    def __init__(
        self,
        home: Path,
        settings: Settings | None = None,
        *,
        activated: bool = False,
        environment: Mapping[str, str] | None = None,
        launcher: Sequence[str] = (),
    ) -> None:
        self.home = home
        self._launcher = launcher
        self.inet = f"inet:127.0.0.1:{free_port()}"
        self.unix = f"unix:{home}/policy.sock"
        self.metrics_port = free_port()
        self.config = home / "policyd.toml"
        self.store = home / "policyd.db"
        self.settings: dict[str, dict[str, Any]] = {
            "server": {"listen": [self.inet, self.unix], "socket_mode": "0666"},
            "store": {"url": f"sqlite:{self.store}"},
            "chain": {"checks": ["whitelist", "greylist"]},
            "whitelist": {"clients": [], "recipients": []},
            "greylist": {"delay": "2s"},
            "metrics": {"listen": f"127.0.0.1:{self.metrics_port}"},
            "control": {"socket": f"{home}/control.sock"},
        }
        self.configure(settings or {})
        self._environment = dict(environment or {})
        self._activated = activated
        self._listeners: list[socket.socket] = []
        self.notify = NotifySocket(home / "notify")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Policyd":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the program, however; then nobody listens any more."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for listener in self._listeners:
            listener.close()
        self.notify.close()

    def configure(self, settings: Settings) -> None:
        """Merge `settings` into the configuration and write its file. The program reads it at start and at HUP."""
        for table, options in settings.items():
            self.settings.setdefault(table, {}).update(options)
        self.config.write_text(toml(self.settings))

    def start(self, *, ready: bool = True) -> None:
        """Start the program and wait for READY=1 (not with ready=False)."""
        before = self.notify.count("READY", "1")
        program = [*restriction(self.home), sys.executable, "-m", "policyd", "run", "--config", str(self.config)]
        command = [*self._launcher, *program]
        environment = os.environ | {"NOTIFY_SOCKET": str(self.notify.path), "PYTHONPATH": str(ROOT)}
        environment |= self._environment
        descriptors: list[int] = []
        if self._activated:
            descriptors = [listener.fileno() for listener in self._listening()]
            environment |= {"LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": "policy:policy"}
            arguments = [str(len(descriptors)), *map(str, descriptors)]
            command = [sys.executable, "-S", "-E", "-c", _ACTIVATE, *arguments, *command]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self.home, env=environment, stderr=log, stdout=log, pass_fds=descriptors
            )
        if ready:
            wait_until(lambda: self.notify.count("READY", "1") > before or not self.is_alive, 30, self.log)
            assert self.is_alive, self.log()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The program that was started last."""
        assert self._process is not None
        return self._process

    @property
    def is_alive(self) -> bool:
        """Whether the program runs."""
        return self.process.poll() is None

    def log(self) -> str:
        """What it wrote to standard error so far, of all its starts."""
        path = self.home / "log"
        return path.read_bytes().decode("utf-8", "surrogateescape") if path.exists() else ""

    def lines(self, *words: str) -> list[str]:
        """The log lines that hold every one of `words`."""
        return [line for line in self.log().split("\n") if all(word in line for word in words)]

    def settle(self) -> None:
        """Return when the line of every answer so far is in the log, where it comes a tick of the loop later.

        Whoever connects to the control socket now is heard after that tick.
        """
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(self.settings["control"]["socket"])
            control.sendall(b'{"verb": "status"}\n')
            assert control.recv(1), self.log()

    def hup(self, *, ready: bool = True) -> None:
        """Reload, and wait until it says it has."""
        before = self.notify.count("READY", "1")
        self.process.send_signal(signal.SIGHUP)
        if ready:
            wait_until(
                lambda: self.notify.count("READY", "1") > before, 30, lambda: f"READY=1 after SIGHUP\n{self.log()}"
            )

    def term(self, seconds: float = 30) -> int:
        """SIGTERM; wait for the end; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill9(self) -> None:
        """SIGKILL, as the kernel does when memory is short."""
        self.process.kill()
        self.process.wait()

    def restart(self) -> None:
        """What ``systemctl restart`` does."""
        self.term()
        self.start()

    def _listening(self) -> Sequence[socket.socket]:
        if not self._listeners:
            tcp = socket.create_server(("127.0.0.1", int(self.inet.rpartition(":")[2])), backlog=1024)
            path = self.unix.removeprefix("unix:")
            unix = socket.socket(socket.AF_UNIX)
            unix.bind(path)
            Path(path).chmod(0o666)
            unix.listen(1024)
            self._listeners = [tcp, unix]
        return self._listeners


def restriction(home: Path) -> list[str]:
    """With POLICYD_RESTRICTED=1, what starts a program as the unit would, able to write below `home` only."""
    if not os.environ.get("POLICYD_RESTRICTED"):
        return []
    launcher = Path(__file__).with_name("restricted.py")
    unit = ROOT / "systemd/policyd.service"
    return [
        "/usr/bin/unshare",
        "--mount",
        "--ipc",
        "--uts",
        "/usr/bin/python3",
        "-I",
        str(launcher),
        str(unit),
        str(home),
    ]


def toml(settings: Settings) -> str:
    """`settings` as TOML; strings, numbers, booleans and lists are written as in JSON."""
    tables = (
        f"[{table}]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items())
        for table, options in settings.items()
    )
    return "\n".join(tables)


def without_uvloop(home: Path) -> Mapping[str, str]:
    """An environment in which uvloop cannot be imported, as on a machine without it."""
    (home / "loop").mkdir()
    (home / "loop/uvloop.py").write_text("raise ImportError('hidden by a test')\n")
    return {"PYTHONPATH": os.pathsep.join([f"{home}/loop", str(ROOT)])}


CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\udc80-\udcff]")
"""What must never stand raw in a log: control bytes (C0, DEL, C1), line ends and directions of Unicode, non-UTF-8."""
