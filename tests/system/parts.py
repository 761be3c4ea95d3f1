"""The real parts that the system tests need, and places for them.

Law: a missing part is an error in CI (CI=true) and a skip elsewhere; a lab directory is short and world-readable,
because unix socket names end at 107 bytes and user postfix must get through (`mktemp -d` makes 0700).
"""

import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    """A port of 127.0.0.1 that was free a moment ago for TCP and UDP.

    It is below those that the kernel gives to outgoing connections (32768 and up), so that between this moment and
    its use only another part of these tests could take it, and that would have to draw the same number.
    """
    for _ in range(100):
        port = random.randrange(20000, 32000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)), socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a hundred ports from 20000 to 31999 are all in use")


def wait_until(condition: Callable[[], object], seconds: float, what: str | Callable[[], str]) -> None:
    """Poll `condition` until it is true; AssertionError naming `what` after `seconds`.

    A `what` that is called is called then: a log as it was at the beginning of the wait explains nothing.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.02)
