"""Debian's postgrey, started privately, as something that can be asked."""

import grp
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pytest


class Postgrey:
    """A private postgrey on a socket of its own."""

    def __init__(self, path: Path, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._connect(path)
        self._lines = self._socket.makefile("rb")

    def _connect(self, path: Path) -> None:
        for _ in range(200):
            if self._socket.connect_ex(str(path)) == 0:
                return
            assert self.process.poll() is None, (path.parent / "log").read_text()
            time.sleep(0.05)
        self._socket.close()
        pytest.fail("postgrey did not start within 10 s")

    def ask(self, attributes: Mapping[str, str], now: int) -> str:
        """The action for a request at `now`; "" if it hangs up."""
        lines = [f"{name}={value}\n" for name, value in attributes.items()]
        self._socket.sendall("".join([*lines, f"policy_test_time={now}\n\n"]).encode())
        action = self._lines.readline().decode().removeprefix("action=").rstrip("\n")
        self._lines.readline()
        return action

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@contextmanager
def run_postgrey(tmp_path: Path, *options: str) -> Iterator[Postgrey]:
    program = shutil.which("postgrey", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        message = "no postgrey here; install Debian's package to compare with it"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    user, group, path = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name, tmp_path / "s"
    private = [f"--unix={path}", f"--dbdir={tmp_path}", f"--user={user}", f"--group={group}"]
    lists = ["--whitelist-clients=/dev/null", "--whitelist-recipients=/dev/null"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([program, *private, *lists, *options], stdout=log, stderr=log)
    try:
        with closing(Postgrey(path, process)) as peer:
            yield peer
    finally:
        process.kill()  # it was seen not to end on SIGTERM, and its database dies with it
        process.wait(30)
