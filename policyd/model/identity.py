"""Who sends: the names under which a client may be recognised when it comes back from another address.

Law: pure. A client always has its network. A domain is an identity only where its owner vouches for the client: SPF
passes for it, or the client's host name, which Postfix found forward-confirmed (RFC 8601 2.7.3), lies in it. A name
that was generated from the address says nothing but the address, and its domain is that of all customers of a provider.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from policyd.model.address import Address

RegisteredDomain = Callable[[str], str]
"""The domain that somebody registered, of a host name in lower case: ``example.co.uk`` of ``mx.example.co.uk``.
"" where there is none: for a public suffix itself, and for what is no host name."""

LONGEST_NAME: Final = 253
"""Characters of a host name (RFC 1035 2.3.4)."""

# What providers call the machines of their customers. Whole words, perhaps with a number behind.
_ACCESS = re.compile(
    r"(?<![a-z])(?:"
    r"[avxsh]?dsl|dyn|dynamic|dynip|dhcp|ppp|pppoe|pool|pools|dial|dialup|dialin|cable|catv|hfc|docsis|broadband|bband"
    r"|fiber|fibre|ftth|fttx|pon|gpon|wifi|wlan|wireless|mobile|gprs|umts|lte|cgn|cgnat|nat"
    r"|res|resnet|residential|home|user|users|client|clients|cust|customer|customers|subs|subscriber|cpe|hosts"
    r"|unused|unassigned|unallocated|reverse|rev|static|stat|fixed|vps|vds|kvm|xen|ec2|compute"
    r")(?![a-z])",
    re.ASCII,
)
# A machine's number, or a random word of hexadecimal digits: vmi1234567, ns3012345, vps-1a2b3c4d, li1234-56.
_SERIAL = re.compile(r"[0-9]{5}|(?<![a-z])(?:ip|host|vm|vmi|ns|srv|server|node|li|h|s|v)-?[0-9]{3}", re.ASCII)
_RANDOM = re.compile(r"(?<![0-9a-z])(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}(?![0-9a-z])", re.ASCII)
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_MAY_HOLD_IPV4 = re.compile(r"[0-9][^0-9]+[0-9]|[0-9a-f]{4}", re.ASCII)
"""Two numbers, or half an address in hexadecimal digits: without either no name spells an IPv4 address."""
_HEX_WORD = re.compile(r"[0-9a-f]+", re.ASCII)
_HOST_NAME = re.compile(r"(?:[0-9a-z_](?:[-0-9a-z_]{0,61}[0-9a-z_])?\.)+[a-z](?:[-0-9a-z]{0,61}[0-9a-z])", re.ASCII)


def identity_of_name(client_name: str, address: Address, registered_domain: RegisteredDomain) -> str:
    """The registered domain of a client's verified name; "" if it has none, or if it looks made by a machine.

    It then carries the address, a word of access networks, or a long number. Too suspicious rather than too trusting:
    who is wrongly suspected keeps its network and what SPF says of it.
    """
    if len(client_name) > LONGEST_NAME + 1:  # with a last dot; nothing longer is read, nor kept
        return ""
    domain, host = _read(client_name, registered_domain)
    return "" if not domain or _holds(host, address) else domain


# Bounded, because names are the attacker's choice; a busy sender's are read once.
@lru_cache(maxsize=8192)
def _read(client_name: str, registered_domain: RegisteredDomain) -> tuple[str, str]:
    """The registered domain of a name and what stands before it; "" for both if it is nobody's for any address."""
    name = client_name.lower().rstrip(".")
    if not _HOST_NAME.fullmatch(name):  # Postfix says `unknown` where it verified none
        return "", ""
    domain = registered_domain(name)
    host = name.removesuffix(domain)
    return ("", "") if not domain or _is_access_line(host) else (domain, host)


def _is_access_line(host: str) -> bool:
    return bool(_ACCESS.search(host) or _SERIAL.search(host) or _RANDOM.search(host))


def _holds(host: str, address: Address) -> bool:
    return _holds_ipv4(host, address.number) if address.version == 4 else _holds_ipv6(host, address.number)


def _holds_ipv4(host: str, number: int) -> bool:
    """Whether both octets that tell the hosts of a network apart are in the name, or the address as one number.

    The other two may be missing: cpe-155-138.example.net. One alone proves nothing: mta7.example.net.
    """
    if not _MAY_HOLD_IPV4.search(host):  # as most: mx1.example.net
        return False
    numbers = [int(digits) for digits in _NUMBER.findall(host)]
    third, fourth = number >> 8 & 255, number & 255
    if third in numbers and fourth in numbers and (third != fourth or numbers.count(third) > 1):
        return True
    hexadecimal = f"{number:08x}"
    return hexadecimal in host or hexadecimal[4:] in _HEX_WORD.findall(host)


def _holds_ipv6(host: str, number: int) -> bool:
    """Whether the name spells the interface, or the network, of the address, in full or with its groups parted."""
    nibbles = f"{number:032x}"
    packed = host.replace("-", "").replace(".", "")
    if nibbles[16:] in packed or nibbles[:-17:-1] in packed or nibbles[:16] in packed:
        return True
    words = set(_HEX_WORD.findall(host))
    groups = {f"{number >> shift & 0xFFFF:x}" for shift in (0, 16, 32, 48)} - {"0", "1"}
    return len(groups & words) > 1


def cautious_registered_domain(name: str) -> str:
    """What is taken for the registered domain where there is no Public Suffix List: the parent of a deep name.

    Three labels must be left, so that no ``co.uk`` becomes an identity: narrower than the truth, never wider but below
    the few public suffixes of three labels.
    """
    parent = name.partition(".")[2]
    return parent if parent.count(".") >= 2 else ""
