"""Which nameservers there are: those of the settings, or the system's, which may change while we run.

Law: a file that is missing, empty or nonsense never stops anything; as resolv.conf(5) has it, the local host is asked
then. Search lists and options of the system are not ours.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from policyd.lookups.dns.nameserver import Link, Nameserver
from policyd.lookups.dns.settings import Place, parse_nameserver

RESOLV_CONF: Final = Path("/etc/resolv.conf")
LOCAL: Final = Place("127.0.0.1")
MAX_SERVERS: Final = 3
"""Of the system's servers that many are used: resolv.conf(5), MAXNS."""
MAX_FILE: Final = 65536
LOOK_EVERY: Final = 5.0
"""Seconds between two looks whether the file has changed; a look costs 2 us."""
GRACE: Final = 30.0
"""Seconds a server that is no longer named is still listened to: longer than any question lasts."""


def system_places(text: str) -> list[Place]:
    """The nameservers in the text of a resolv.conf; lines that are none are skipped."""
    places = []
    for line in text.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                places.append(parse_nameserver(words[1]))
            except ValueError:  # glibc skips it, too
                continue
    return list(dict.fromkeys(places))[:MAX_SERVERS]


class Servers:
    """The nameservers in their order."""

    def __init__(
        self, nameservers: Iterable[str], open_link: Callable[[Place], Link], resolv_conf: Path = RESOLV_CONF
    ) -> None:
        self._fixed = [parse_nameserver(text) for text in nameservers]
        self._open_link = open_link
        self._file = resolv_conf
        self._seen: tuple[int, ...] | None = None
        self._look_at = float("-inf")
        self.known: Sequence[Nameserver] = ()
        """Those of the last time that somebody asked."""

    def current(self, now: float) -> Sequence[Nameserver]:
        """The servers to ask at `now`, opened in the running loop. Never none until the end."""
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY
            self._look()
        return self.known

    def close(self) -> None:
        """Ask none of them anything more; from now on there are none."""
        self._look_at = float("inf")
        for server in self.known:
            server.close()
        self.known = ()

    def _look(self) -> None:
        if self._fixed:
            self._look_at = float("inf")
            self._use(self._fixed)
            return
        seen = self._fingerprint()
        if not self.known or seen != self._seen:
            self._seen = seen
            self._use(system_places(self._read()) or [LOCAL])

    def _fingerprint(self) -> tuple[int, ...] | None:
        try:
            status = self._file.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    def _read(self) -> str:
        try:
            with self._file.open("rb") as file:
                return file.read(MAX_FILE).decode("ascii", "replace")
        except OSError:
            return ""

    def _use(self, places: Sequence[Place]) -> None:
        loop = asyncio.get_running_loop()
        old = {server.place: server for server in self.known}
        self.known = [
            old.pop(place) if place in old else Nameserver(place, self._open_link(place), loop)
            for place in dict.fromkeys(places)
        ]
        for server in old.values():
            loop.call_later(GRACE, server.close)
