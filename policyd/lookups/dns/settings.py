"""`[dns]`: whom to ask, for how long, and how much may be remembered.

Law: a field is an option, as in config/settings.py. Text in, values out; no name is resolved and no file read here.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from policyd.model.units import Bytes, Seconds

PORT: Final = 53

_PLACE: Final = re.compile(
    r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?|(?P<v6>[^\[\]]*:[^\[\]]*)", re.ASCII
)


class Place(NamedTuple):
    """Where a nameserver listens."""

    host: str
    """An IP address, with its scope if it is a link-local one."""
    port: int = PORT

    def __str__(self) -> str:
        """The place as `parse_nameserver` reads it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_nameserver(text: str) -> Place:
    """The place in ``127.0.0.1``, ``127.0.0.1:5353``, ``::1`` or ``[::1]:53``. Raises ValueError."""
    match = _PLACE.fullmatch(text)
    host = (match["bracketed"] or match["v4"] or match["v6"]) if match else ""
    port = int(match["port"] or PORT) if match else 0
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            f'{text!r} is no nameserver: write its address, as in "127.0.0.1", "127.0.0.1:5353" or "[::1]:53"'
        ) from None
    if not 0 < port < 65536:
        raise ValueError(f"{text!r}: no such port, write 1 to 65535")
    return Place(host, port)


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """The options of ``[dns]``."""

    nameservers: tuple[str, ...] = field(default=(), metadata={"check": parse_nameserver, "unique": True})
    """Resolvers to ask, the first one first; none: those of the system."""
    timeout: Seconds = field(
        default=Seconds(2),
        metadata={"min": 1, "max": 20, "why": "Postfix gives up after 100 s, the checks long before"},
    )
    """One question, with all its tries."""
    tries: int = field(default=3, metadata={"min": 1, "max": 10})
    """How often a question is sent within its time, to one server after the other."""
    max_in_flight: int = field(default=1024, metadata={"min": 1, "max": 16384})
    """Questions sent and not yet answered: unbound works on 1024 per thread."""
    max_waiting: int = field(default=16384, metadata={"min": 0, "max": 1_000_000})
    """Questions that wait to be sent; one more is refused at once."""
    cache_entries: int = field(default=65536, metadata={"min": 0})
    cache_size: Bytes = field(default=Bytes(32 << 20), metadata={"min": 0})
    """What is remembered, counted generously; the longest unused gives way."""
    min_ttl: Seconds = field(default=Seconds(0), metadata={"min": 0, "max": 3600})
    max_ttl: Seconds = field(default=Seconds(3600), metadata={"min": 1, "max": 604800})
    """Bounds of how long an answer is remembered, whatever its TTL says."""
