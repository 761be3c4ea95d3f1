"""A machine with systemd as PID 1, on which policyd was installed as docs/quickstart.md says.

Law: it is this machine's system in namespaces (machine.sh); nothing outside of them changes, and it ends with the test.
"""

import ctypes
import os
import re
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.system.daemon import ROOT
from tests.system.parts import require, require_root, wait_until

_CHECKOUT: Final = ("pyproject.toml", "README.md", "LICENSE", "policyd", "conf", "systemd")
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SPACES: Final = ("--mount", "--pid", "--fork", "--ipc", "--uts", "--kill-child")
_SWEEP: Final = (
    'mount -t cgroup2 cgroup2 "$1" && if test -d "$1/$2"; then find "$1/$2" -depth -type d -exec rmdir {} +; fi'
)
_CLONE_NEWNET: Final = 0x40000000  # sched.h


def typed(page: str, heading: str, which: int = 0) -> str:
    """What a page of the documentation says to type: a block of commands below a heading, the first one is 0."""
    text = (ROOT / page).read_text("utf-8")
    section = re.split(r"\n##? ", text.partition(f"\n## {heading}\n")[2])[0]
    blocks = re.findall(r"\n```\n(.*?\n)```\n", section, re.DOTALL)
    assert len(blocks) > which, f"{page}, {heading}: {blocks}"
    return str(blocks[which])


def instructions() -> tuple[str, str]:
    """What docs/quickstart.md says to type: before systemd has a part in it, and then."""
    commands = typed("docs/quickstart.md", "Install it")
    before, first, after = commands.partition("systemd-sysusers")
    assert first, commands
    return before, first + after


class Machine:
    """It runs from `with` on. What was typed and printed until then is in `boot`."""

    def __init__(self, lab: Path) -> None:
        require_root()
        for program in ("unshare", "nsenter", "/lib/systemd/systemd", "/usr/bin/python3"):
            require(program)
        self._lab = lab
        self._group = f"policyd-{lab.name}"
        self._unshare: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Machine":
        place, checkout = self._lab / "machine", self._lab / "checkout"
        place.mkdir()
        checkout.mkdir()
        for name in _CHECKOUT:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, checkout / name)
        (checkout / "install.sh").write_text(instructions()[0])
        script = Path(__file__).with_name("machine.sh")
        with (self._lab / "boot").open("wb") as log:
            self._unshare = subprocess.Popen(
                ["unshare", *_SPACES, "/bin/sh", str(script), str(place), str(checkout), self._group],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"PATH": _PATH, "HOME": "/"},
            )  # fmt: skip
        try:
            wait_until(self._is_up, 300, self.boot)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        assert self._unshare is not None
        self._unshare.kill()  # its child goes with it (--kill-child), and with PID 1 all that lives there
        self._unshare.wait()
        sweep = ["unshare", "--mount", "/bin/sh", "-c", _SWEEP, "sweep", str(self._lab / "machine"), self._group]
        wait_until(
            lambda: subprocess.run(sweep, capture_output=True, check=False).returncode == 0, 30, "an empty group"
        )

    @property
    def first(self) -> int:
        """The process that is PID 1 in there."""
        assert self._unshare is not None
        pid = self._unshare.pid
        return int((Path(f"/proc/{pid}/task/{pid}/children").read_text().split() or ["0"])[0])

    def boot(self) -> str:
        """The words of the installation, and why there is no machine if there is none."""
        return (self._lab / "boot").read_text("utf-8", "replace")

    def path(self, place: str) -> Path:
        """A file in there, as it is reached from here."""
        return Path(f"/proc/{self.first}/root{place}")

    def connect(self, port: int) -> socket.socket:
        """A connection to 127.0.0.1 in there, which has a loopback of its own."""

        def connect() -> socket.socket:
            with Path(f"/proc/{self.first}/ns/net").open() as space:
                assert ctypes.CDLL(None).setns(space.fileno(), _CLONE_NEWNET) == 0
            return socket.create_connection(("127.0.0.1", port), 30)

        with ThreadPoolExecutor(1) as thread:  # only that thread goes there, and it ends
            return thread.submit(connect).result()

    def run(self, command: str, *, online: bool = False) -> tuple[int, str]:
        """What somebody types there as root: the exit status, and all that was printed. `online`: with our network."""
        spaces = ["--mount", "--uts", "--ipc", "--pid", "--cgroup"] if online else ["--all"]
        enter = ["nsenter", "--target", str(self.first), *spaces, "--root", "--wd"]
        shell = ["env", "-i", f"PATH={_PATH}", "HOME=/", "/bin/sh", "-c", command]
        done = subprocess.run([*enter, *shell], capture_output=True, text=True, cwd="/", check=False)
        return done.returncode, done.stdout + done.stderr

    def must(self, command: str, *, online: bool = False) -> str:
        """The same where it has to succeed; what was printed, without the last line end."""
        status, printed = self.run(command, online=online)
        assert status == 0, f"{command}: exit status {status}\n{printed}"
        return printed.rstrip("\n")

    def _is_up(self) -> bool:
        assert self._unshare is not None
        assert self._unshare.poll() is None, self.boot()
        if not self.first or Path(f"/proc/{self.first}/comm").read_text() != "systemd\n":
            return False
        return self.run("systemctl is-system-running")[1].strip() in ("running", "degraded")
