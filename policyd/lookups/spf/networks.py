"""The terms ip4 and ip6: numbers that are compared.

Law: pure.
"""

import re
from typing import Final, NamedTuple

from policyd.model.address import BITS, Address, parse_address

_NETWORK: Final = re.compile(
    r"(?P<qualifier>[+?~-]?)ip(?:4:(?P<ip4>[0-9.]{7,15})|6:(?P<ip6>[0-9a-f]{0,4}:[0-9a-f:.]{1,40}))(?:/(?P<prefix>0|[1-9][0-9]{0,2}))?",
    re.ASCII | re.IGNORECASE,
)


class Network(NamedTuple):
    """An ip4 or ip6 term."""

    term: str
    version: int
    shift: int
    bits: int

    def holds(self, client: Address) -> bool:
        """Whether the term matches."""
        return client.version == self.version and client.number >> self.shift == self.bits


def read_network(term: str) -> Network | None:
    """The network of a good ip4 or ip6 term; None: it is something else, or pyspf must say what is wrong with it."""
    match = _NETWORK.fullmatch(term)
    if match is None:
        return None
    version = 4 if match["ip4"] else 6
    address, bits = parse_address(match["ip4"] or match["ip6"]), BITS[version]
    prefix = int(match["prefix"] or bits) if match["prefix"] != "0" else 0
    if address is None or prefix > bits:
        return None
    # ::ffff:192.0.2.1 is read as IPv4, and such clients come as IPv4: as an ip6 term it matches nobody.
    number = address.number if address.version == version else 0xFFFF << 32 | address.number
    return Network(term, version, bits - prefix, number >> bits - prefix)
