"""systemd's two conversations: sockets it hands us, and what we tell it of our state.

Law: without systemd all of this does nothing. Protocols: sd_listen_fds(3), sd_notify(3).
"""

import os
import socket
import time
from collections.abc import MutableMapping
from typing import Final

_FIRST_DESCRIPTOR: Final = 3


def inherited_sockets(environment: MutableMapping[str, str]) -> list[socket.socket]:
    """Take the listening sockets of socket activation; the variables are removed so that no child takes them too."""
    pid, count = environment.pop("LISTEN_PID", ""), environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdigit():
        return []
    sockets = []
    for descriptor in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count)):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - the standard library's own signature
        inherited = socket.socket(fileno=descriptor)
        inherited.setblocking(False)  # noqa: FBT003
        sockets.append(inherited)
    return sockets


class Notifier:
    """Tells systemd how the daemon is (Type=notify)."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        path = environment.pop("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_interval = _watchdog_interval(environment)
        """Seconds between two signs of life, half of what the unit allows; 0: none are wanted."""

    def ready(self, status: str) -> None:
        """Serving; also the end of a reload."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins. Type=notify-reload (systemd 253) hangs without the time."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Going down on purpose."""
        self._send("STOPPING=1", "STATUS=draining")

    def alive(self) -> None:
        """One sign of life for the watchdog."""
        self._send("WATCHDOG=1")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
                notify.setblocking(False)  # noqa: FBT003
                notify.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            pass  # nobody listens: serving mail matters more


def _watchdog_interval(environment: MutableMapping[str, str]) -> float:
    microseconds, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    if not microseconds.isdigit() or pid not in ("", str(os.getpid())):
        return 0
    return int(microseconds) / 2_000_000
