"""The way into this room.

Law: opening costs nothing and waits for nothing, however the network looks.
"""

import time
from pathlib import Path

from policyd.lookups.dns.resolver import DnsResolver
from policyd.lookups.dns.servers import RESOLV_CONF, Servers
from policyd.lookups.dns.settings import DnsSettings
from policyd.lookups.dns.udp import SocketLink


def open_resolver(settings: DnsSettings, resolv_conf: Path = RESOLV_CONF) -> DnsResolver:
    """The resolver for `settings`, to be closed before its loop ends.

    It opens its sockets at the first question, in the loop that asks, and is bound to that loop from then on.
    """
    return DnsResolver(settings, Servers(settings.nameservers, SocketLink, resolv_conf), time.monotonic)
