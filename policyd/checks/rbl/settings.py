"""The options of ``[rbl]``.

Law: what stands here is compiled before it is taken, so a list that cannot be asked stops the start, not a mail.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from policyd.checks.rbl.zones import ZoneSettings, compile_zones
from policyd.checks.wiring import PRIVATE
from policyd.model.units import Seconds
from policyd.tables.networks import parse_network

_POINTS: Final[Mapping[str, Any]] = {"min": 0.0, "max": 1000.0}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `[rbl]`. Raises ValueError, ``option: what is wrong``. Points are sums of weights; 0: never."""

    sites: tuple[str, ...] = field(
        default=("zen.spamhaus.org=127.0.0.[2..11]*3", "list.dnswl.org=127.0.[0..255].[1..3]*-2"), repr=False
    )
    """``domain=filter*weight``, as in `postscreen_dnsbl_sites`."""
    zones: tuple[ZoneSettings, ...] = field(default=(), repr=False)
    """Lists with options of their own: ``[[rbl.zones]]``."""
    tag_at: float = field(default=1.0, metadata=_POINTS)
    """Points from which a header names the lists."""
    greylist_at: float = field(default=1.0, metadata=_POINTS)
    """Points from which the greylist check takes the mail for suspect."""
    defer_at: float = field(default=0.0, metadata=_POINTS)
    reject_at: float = field(default=3.0, metadata=_POINTS)
    trust_at: float = field(default=-1.0, metadata={"min": -1000.0, "max": 0.0})
    """Points down from which a client of an allow list is trusted: it is not greylisted."""
    deadline: Seconds = field(
        default=Seconds(5), metadata={"min": 1, "max": 30, "why": "all lists are asked at once, and mail waits"}
    )
    skip_networks: tuple[str, ...] = field(
        default=PRIVATE,
        metadata={"check": parse_network, "unique": True},
    )
    """Clients that no list can know."""

    def __post_init__(self) -> None:
        """Refuse what each option alone cannot show."""
        compile_zones(self.sites, self.zones)
        if self.reject_at and self.defer_at >= self.reject_at:
            raise ValueError("defer_at: not below reject_at, so nothing would ever be deferred; lower it, or write 0")
