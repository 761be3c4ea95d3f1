"""DNS: the resolver that every check asks.

Law: the only room that knows a DNS library. `open_resolver` is its door.
"""

import time
from collections.abc import Callable
from pathlib import Path

from policyd.lookups.dns.figures import QUESTION_SECONDS, DnsStats
from policyd.lookups.dns.resolver import DnsResolver
from policyd.lookups.dns.servers import RESOLV_CONF, Servers
from policyd.lookups.dns.settings import DnsSettings
from policyd.lookups.dns.udp import SocketLink

__all__ = ["QUESTION_SECONDS", "DnsResolver", "DnsSettings", "DnsStats", "open_resolver"]


def open_resolver(
    settings: DnsSettings, resolv_conf: Path = RESOLV_CONF, clock: Callable[[], float] = time.monotonic
) -> DnsResolver:
    """The resolver for `settings`, to be closed before its loop ends.

    It opens its sockets at the first question, in the loop that asks, and is bound to that loop from then on.
    """
    return DnsResolver(settings, Servers(settings.nameservers, SocketLink, resolv_conf), clock)
