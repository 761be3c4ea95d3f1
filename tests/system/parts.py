"""The real parts that the system tests need, and places for them.

Law: a missing part is an error in CI (CI=true) and a skip elsewhere; a lab directory is short and world-readable,
because unix socket names end at 107 bytes and user postfix must get through (`mktemp -d` makes 0700).
"""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def require(binary: str) -> str:
    """The path of `binary`; the test skips without it, or fails where CI=true."""
    path = shutil.which(binary, path=_SBIN)
    if path is None:
        give_up(f"{binary} is not installed: apt-get install it, or run without -m system")
    return str(path)


def require_root() -> None:
    """Postfix's master process and changing owners need root."""
    if os.geteuid() != 0:
        give_up("only root can start a private Postfix: run these tests as root, in a container for example")


def give_up(why: str) -> None:
    """End the test: skipped on a developer's machine, failed in CI, where nothing may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


@contextmanager
def laboratory() -> Iterator[Path]:
    """A new directory with a short name that every user may enter; removed in the end."""
    path = Path(tempfile.mkdtemp(prefix="pd"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Poll `condition` until it is true; AssertionError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)
