"""One nameserver, and whether it lives.

Law: a server is given up only when a question of our own, which every living resolver answers by itself, gets no
answer. Names that are asked for mail are the attacker's: his servers may hang, and if that opened the breaker he could
switch the lists off. Any answer is a sign of life, a refusal too.
"""

import asyncio
import logging
from typing import Final, Protocol

from policyd.lookups.dns.codec import encode, read
from policyd.lookups.dns.settings import Place
from policyd.lookups.dns.udp import Ear, Release

MISSES: Final = 5
"""Tries in a row without an answer that raise a suspicion."""
PROBE_TIMEOUT: Final = 1.0
PROBE_EVERY: Final = 3.0
"""Seconds between two probes of a server that is down."""
LOCALHOST: Final = encode("localhost", "A")
"""The probe: resolvers answer it at once without asking anybody (RFC 6761 6.3), also where there is no Internet."""

_ADVICE: Final = "see that it runs, or name another one in [dns] nameservers"
_FORBIDDEN: Final = "this machine does not let policyd talk to it: write IPAddressAllow= into its systemd unit"

_log = logging.getLogger("policyd.dns")


class Link(Protocol):
    """A way to one server (udp.SocketLink)."""

    strays: int
    """Datagrams that answered nothing that was asked."""

    def send(self, asked: bytes, *, edns: bool, ear: Ear) -> Release:
        """Send a question once; `ear` hears what comes back until it is released. Raises OSError."""

    async def stream(self, asked: bytes, *, edns: bool) -> bytes:
        """The answer to a question over TCP. Raises OSError, EOFError, ValueError."""

    def close(self) -> None:
        """Hear nothing more."""


class Nameserver:
    """A server to ask while `is_up`. Whoever asks it reports what became of it: `heard` or `missed`."""

    def __init__(self, place: Place, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self.place = place
        self.link = link
        self.is_up = True
        self._loop = loop
        self._misses = 0
        self._advice = _ADVICE
        self._timer: asyncio.TimerHandle | None = None
        self._release: Release | None = None

    def heard(self) -> None:
        """It answered something."""
        self._misses = 0
        if self._timer is not None:
            self._end_probe()
        if not self.is_up:
            self.is_up = True
            _log.info("nameserver %s answers again", self.place)

    def missed(self) -> None:
        """It did not answer in time, or cannot be reached."""
        self._misses += 1
        if self._misses >= MISSES and self._timer is None:
            self._probe()

    def close(self) -> None:
        """Ask it nothing more."""
        self._end_probe()
        self.link.close()

    def _probe(self) -> None:
        self._timer = self._loop.call_later(PROBE_TIMEOUT, self._on_silence)
        try:
            self._release = self.link.send(LOCALHOST, edns=True, ear=self._on_answer)
        except OSError as error:  # nothing will be heard
            # A packet filter of this machine, such as IPAddressDeny= of systemd, is told from all else.
            self._advice = _FORBIDDEN if isinstance(error, PermissionError) else _ADVICE
        else:
            self._advice = _ADVICE

    def _on_answer(self, wire: bytes | None) -> None:
        if wire is not None and read(wire, LOCALHOST, "A") != "stray":
            self.heard()

    def _on_silence(self) -> None:
        self._end_probe()
        if self.is_up:
            self.is_up = False
            _log.warning("nameserver %s does not answer and is left alone until it does; %s", self.place, self._advice)
        self._timer = self._loop.call_later(PROBE_EVERY, self._probe)

    def _end_probe(self) -> None:
        if self._release is not None:
            self._release()
            self._release = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
