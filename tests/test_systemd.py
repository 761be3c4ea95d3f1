"""What systemd hears and what it hands over."""

import os
import socket
from pathlib import Path

import pytest

from policyd import systemd
from policyd.systemd import Notifier, inherited_sockets


@pytest.fixture
def notify_socket(tmp_path: Path) -> tuple[str, socket.socket]:
    path = str(tmp_path / "notify")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(path)
    return path, listener


def test_states_are_told_in_systemds_words(notify_socket: tuple[str, socket.socket]) -> None:
    path, listener = notify_socket
    notifier = Notifier({"NOTIFY_SOCKET": path})
    with listener:
        notifier.ready("serving")
        assert listener.recv(1000) == b"READY=1\nSTATUS=serving"
        notifier.reloading()
        assert listener.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        notifier.alive()
        assert listener.recv(1000) == b"WATCHDOG=1"
        notifier.status("degraded")
        assert listener.recv(1000) == b"STATUS=degraded"
        notifier.stopping()
        assert listener.recv(1000).startswith(b"STOPPING=1")


def test_without_systemd_nothing_happens() -> None:
    Notifier({}).ready("serving")
    Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"}).ready("serving")


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "30000000"}, 15),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ],
)
def test_the_watchdog_wants_half_its_interval(environment: dict[str, str], interval: float) -> None:
    assert Notifier(environment).watchdog_interval == interval


def test_inherited_sockets_are_taken_and_the_variables_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setattr(systemd, "_FIRST_DESCRIPTOR", listener.fileno())
        environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "HOME": "/"}
        (inherited,) = inherited_sockets(environment)
        assert inherited.getsockname() == listener.getsockname()
        assert not inherited.getblocking()
        assert environment == {"HOME": "/"}
        inherited.detach()


@pytest.mark.parametrize("pid", ["1", ""])
def test_sockets_meant_for_another_process_are_left_alone(pid: str) -> None:
    assert inherited_sockets({"LISTEN_PID": pid, "LISTEN_FDS": "1"}) == []
