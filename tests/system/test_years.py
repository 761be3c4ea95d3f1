"""What years bring: too few open files, a disk that breaks, a wrong clock. Mail flows, and it heals by itself."""

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.system.daemon import ROOT, Policyd
from tests.system.parts import laboratory, require, require_root, wait_until
from tests.system.policy import PolicyClient
from tests.system.test_operate import metric, policyd

DELAY: Final = 2
GREYLISTED: Final = "DEFER_IF_PERMIT 4.2.0 Greylisted"


def state(daemon: Policyd) -> int:
    return policyd(daemon, "status")[0]


# --- open files ---


def test_connections_never_take_the_last_open_files(lab: Path) -> None:
    files = 80
    numbers = itertools.count()
    with Policyd(lab, launcher=[require("prlimit"), f"--nofile={files}"]) as daemon, ExitStack() as open_ones:
        (line,) = daemon.lines("the limit of open files", "leaves room for 40 connections")
        assert "raise it" in line
        clients = [open_ones.enter_context(PolicyClient(daemon.inet)) for _ in range(40)]
        for client in clients:  # each triplet is one more row to be written down
            assert client.ask(recipient=f"r{next(numbers)}@box.test").startswith(GREYLISTED)
        with PolicyClient(daemon.inet) as one_more:
            assert one_more.is_closed(), "Postfix asks once more, and goes on with its default_action"
        wait_until(lambda: daemon.lines("too many connections"), 10, daemon.log)
        assert state(daemon) == 0, "whoever wants to know how it is still can"
        assert metric(daemon, "policyd_connections_rejected_total") == 1
        clients[0].socket.close()
        wait_until(lambda: not is_refused(daemon), 10, "room for another one")


def is_refused(daemon: Policyd) -> bool:
    with PolicyClient(daemon.inet) as client:
        return client.is_closed_within(0.2)


def test_socket_files_that_somebody_removes_are_made_anew(lab: Path) -> None:
    with Policyd(lab) as daemon:
        for name in ("policy.sock", "control.sock"):
            (lab / name).unlink()
        wait_until((lab / "policy.sock").exists, 10, daemon.log)
        wait_until(lambda: state(daemon) == 0, 10, daemon.log)
        with PolicyClient(daemon.unix) as client:
            assert client.ask().startswith(GREYLISTED)


# --- a disk that breaks ---


@contextmanager
def breakable(lab: Path) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A file system, and what makes an error of its own in it: Linux makes it read-only, and nobody can write to it."""
    require_root()
    image, place = lab / "image", lab / "disk"
    place.mkdir()
    image.write_bytes(bytes(24 << 20))
    subprocess.run([require("mkfs.ext4"), "-q", str(image)], check=True)
    mount = [require("mount"), "-o", "loop,errors=remount-ro", str(image), str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no loop device is to be had here")
    try:
        mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
        device = next(Path(fields[0]).name for fields in mounts if fields[1] == str(place))
        yield place, lambda: void(Path(f"/sys/fs/ext4/{device}/trigger_fs_error").write_text("a test"))
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def void(_: object) -> None:
    """Nothing."""


def test_a_disk_that_breaks_under_it_stops_no_mail_and_nobody_is_deferred_for_ever(lab: Path) -> None:
    with breakable(lab) as (disk, break_it):
        settings = {"store": {"url": f"sqlite:{disk}/policyd.db"}}
        with Policyd(lab, settings) as daemon, PolicyClient(daemon.inet) as client:
            assert client.ask(recipient="known@box.test").startswith(GREYLISTED)
            time.sleep(DELAY)
            assert client.ask(recipient="known@box.test").startswith("PREPEND")
            break_it()
            assert client.ask(recipient="new@box.test", client_address="203.0.114.9") == "DUNNO"
            assert client.ask(recipient="known@box.test", instance="2") == "DUNNO"
            wait_until(lambda: daemon.lines("error: the store", "Read-only file system"), 10, daemon.log)
            assert state(daemon) == 1
            started = time.monotonic()
            assert daemon.term() == 0
            daemon.start()
            assert time.monotonic() - started < 5
            with PolicyClient(daemon.inet) as again:
                assert again.ask(recipient="new@box.test", client_address="203.0.114.9") == "DUNNO"


# --- the clock ---

CLOCK: Final = """
import time
from pathlib import Path

real, moved = time.time, Path({moved!r})
time.time = lambda: real() + float(moved.read_text())
"""


class Clock:
    """The clock of a daemon, which can be wrong."""

    def __init__(self, lab: Path) -> None:
        self._moved = lab / "moved"
        self.set(0)
        (lab / "clock").mkdir()
        (lab / "clock/sitecustomize.py").write_text(CLOCK.format(moved=str(self._moved)))
        self.environment = {"PYTHONPATH": f"{lab}/clock:{ROOT}"}

    def set(self, seconds: float) -> None:
        """Move it so far from the right time."""
        new = self._moved.with_name("moving")
        new.write_text(str(seconds))
        new.replace(self._moved)


@pytest.mark.parametrize("jump", [-86_400, 366 * 86_400], ids=["a day back", "a year ahead"])
def test_a_clock_that_jumps_and_comes_back_costs_at_most_one_more_delay(jump: int) -> None:
    with laboratory() as lab:
        clock = Clock(lab)
        settings = {"greylist": {"delay": f"{DELAY}s", "auto_whitelist_clients": 0}}
        with Policyd(lab, settings, environment=clock.environment) as daemon, PolicyClient(daemon.inet) as client:
            numbers = itertools.count()
            ask = lambda name: client.ask(recipient=f"{name}@box.test", instance=str(next(numbers)))  # noqa: E731
            assert ask("known").startswith(GREYLISTED)
            assert ask("quiet").startswith(GREYLISTED)
            time.sleep(DELAY)
            assert [ask(name).partition(" ")[0] for name in ("known", "quiet")] == ["PREPEND"] * 2
            clock.set(jump)
            wait_until(lambda: daemon.lines("the system's clock moved by"), 10, daemon.log)
            assert metric(daemon, "policyd_clock_steps_total") == 1
            assert ask("waits").startswith(GREYLISTED)
            assert ask("known").startswith("DUNNO" if jump < 0 else GREYLISTED)
            clock.set(0)
            wait_until(lambda: len(daemon.lines("the system's clock moved by")) == 2, 10, daemon.log)
            assert ask("quiet") == "DUNNO", "who did not write meanwhile has noticed nothing"
            for name in ("waits", "known", "stranger"):
                ask(name)
            time.sleep(DELAY)
            assert not [name for name in ("waits", "known", "stranger") if ask(name).startswith("DEFER")]
            assert state(daemon) == 0
