"""The address of an SMTP client, as Postfix names it in `client_address`.

Law: parsing never raises; what is no address is None. Addresses are plain numbers afterwards, because
comparing networks as integers is 10 times cheaper than `ipaddress` objects and is done for every mail.
"""

import ipaddress
from functools import lru_cache
from typing import NamedTuple

BITS = {4: 32, 6: 128}
_OCTETS = {str(octet): octet for octet in range(256)}


class Address(NamedTuple):
    """An IPv4 or IPv6 address: its canonical text, its version (4 or 6), its number."""

    text: str
    version: int
    number: int

    def network(self, prefix: int) -> str:
        """The network of this address with `prefix` bits, as text: ``"192.0.2.0/24"``."""
        if prefix == 24 and self.version == 4:  # greylisting's own, asked for every mail
            return f"{self.text[: self.text.rfind('.')]}.0/24"
        return network_text(self.version, self.number >> (BITS[self.version] - prefix), prefix)


def parse_address(text: str) -> Address | None:
    """The address in `text`, or None: Postfix itself says ``unknown`` (XCLIENT ADDR=[UNAVAILABLE]).

    IPv4-mapped IPv6 addresses become IPv4; scope ids are refused (Postfix never sends one).
    """
    try:  # an IPv4 address in its canonical form, five times faster than `ipaddress` finds it
        a, b, c, d = text.split(".")
        number = _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
    except (ValueError, KeyError):  # not four parts, or one that is no octet as it is written
        return _parse_any(text)
    # What Address(...) does, without a Python frame: this runs for every recipient of every mail.
    return tuple.__new__(Address, (text, 4, number))


# Bounded, because clients are the attacker's choice. The dotted form above is cheaper to read than to remember.
@lru_cache(maxsize=8192)
def _parse_any(text: str) -> Address | None:
    if "%" in text:
        return None
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return Address(str(parsed), parsed.version, int(parsed))


@lru_cache(maxsize=8192)
def network_text(version: int, bits: int, prefix: int) -> str:
    """``ADDRESS/PREFIX`` of the network whose leading `prefix` bits are `bits`."""
    number = bits << (BITS[version] - prefix)
    if version == 4:
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}/{prefix}"
    return f"{ipaddress.IPv6Address(number)}/{prefix}"
