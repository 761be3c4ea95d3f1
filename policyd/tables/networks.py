"""One address or network of a list, as text and as numbers.

Law: what is written means exactly one network. Host bits, leading zeros and netmasks are mistakes, not guesses.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import NamedTuple

from policyd.model.address import BITS, Address, network_text

# Without leading zeros, which are octal to some programs and decimal to others.
_OCTETS = {str(octet): octet for octet in range(256)}
_BITS_OF_OCTETS = {1: 8, 2: 16, 3: 24, 4: 32}
_PREFIX = re.compile(r"[0-9]{1,3}", re.ASCII)


class Network(NamedTuple):
    """The addresses whose leading `prefix` bits are `bits`."""

    version: int
    prefix: int
    bits: int

    @property
    def text(self) -> str:
        """``ADDRESS/PREFIX``."""
        return network_text(self.version, self.bits, self.prefix)

    @property
    def plain(self) -> str:
        """``ADDRESS/PREFIX``, and one address without a prefix."""
        return self.text.partition("/")[0] if self.prefix == BITS[self.version] else self.text


class NetworkSet:
    """A few networks, as texts; many are a list's business."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in map(parse_network, networks):
            self._networks[network.version].append((BITS[network.version] - network.prefix, network.bits))

    def __contains__(self, address: Address) -> bool:
        for shift, bits in self._networks[address.version]:  # noqa: SIM110 - any() costs a generator per mail
            if address.number >> shift == bits:
                return True
        return False


def parse_network(text: str) -> Network:
    """The network in ``192.0.2.1``, ``192.0.2`` (/24), ``10`` (/8), ``192.0.2.0/24``, ``2001:db8::/32``.

    IPv4 networks in IPv6 form (``::ffff:192.0.2.1``) become IPv4, as clients do. Raises ValueError for people.
    """
    address, slash, prefix_text = text.partition("/")
    version, number, prefix = _ipv6(address) if ":" in address else _ipv4(address)
    if slash:
        prefix = _prefix(text, prefix_text, BITS[version])
    if version == 6 and prefix >= 96 and number >> 32 == 0xFFFF:
        version, number, prefix = 4, number & 0xFFFFFFFF, prefix - 96
    bits = number >> (BITS[version] - prefix)
    if bits << (BITS[version] - prefix) != number:
        meant = network_text(version, bits, prefix)
        raise ValueError(
            f"{text[:60]!r} has address bits behind its prefix: write {meant}, or one address without a prefix"
        )
    return Network(version, prefix, bits)


def _ipv6(text: str) -> tuple[int, int, int]:
    if "%" in text:  # Postfix never sends a scope id
        raise ValueError(f"{text[:60]!r} has a zone index: write it without '%' and what follows")
    try:
        return 6, int(ipaddress.IPv6Address(text)), 128
    except ValueError:
        raise ValueError(
            f"{text[:60]!r} is not an IPv6 address: write one such as 2001:db8::1 or 2001:db8::/32"
        ) from None


def _ipv4(text: str) -> tuple[int, int, int]:
    """Unlike postgrey, which reads ``10.1`` as 10.1.0.0/24 although its manual says /16 (measured)."""
    try:
        octets = bytes([_OCTETS[octet] for octet in text.split(".", 4)])
        return 4, int.from_bytes(octets.ljust(4, b"\0"), "big"), _BITS_OF_OCTETS[len(octets)]
    except KeyError:
        raise ValueError(
            f"{text[:60]!r} is not an IPv4 address: write four numbers from 0 to 255 (192.0.2.1), "
            "the first ones of them (192.0.2) or a network (192.0.2.0/24)"
        ) from None


def _prefix(text: str, prefix: str, longest: int) -> int:
    if not _PREFIX.fullmatch(prefix) or int(prefix) > longest:
        raise ValueError(f"{text[:60]!r} has no prefix length behind '/': write a number from 0 to {longest}")
    return int(prefix)
