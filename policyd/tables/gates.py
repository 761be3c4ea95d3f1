"""A first look at a file of the form `policyd`: whether it can name somebody at all.

Law: a gate may be open for those whom no entry names, never closed for one that an entry names. Nearly all mail is
named by no list, so this look is what a list costs: a bit for a name, a byte for an address, however many there are.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from policyd.model.address import BITS
from policyd.tables.entries import Entries, Keys
from policyd.tables.match import Client, ListKind, Match
from policyd.tables.orders import MAX_SUBJECT, Order

BITS_PER_KEY: Final = 32
"""So at most one name in 32 is looked for in vain; with 8 those looks cost as much as all others together."""
SMALLEST: Final = 1 << 13
HEAD: Final = 16
"""Leading bits of an address that a gate looks at."""

Find = Callable[[Any, int], Match | None]
"""(subject, now) -> what answers."""


class NameGate:
    """Knows of each key the last two labels of its domain, or what stands in front of its @ if it has no domain."""

    __slots__ = ("_bits", "_mask", "tops")

    def __init__(self, keys: Keys) -> None:
        size = max(SMALLEST, 1 << (BITS_PER_KEY * len(keys)).bit_length())
        self._bits, self._mask = bytearray(size >> 3), size - 1
        self.tops: set[str] = set()
        """Domains of one label."""
        for key in keys:
            self._add(key)

    def _add(self, key: str) -> None:
        domain = key[key.rfind("@") + 1 :].removeprefix(".")
        if "." not in domain and domain:
            self.tops.add(domain)
            return
        place = hash(domain[domain.rfind(".", 0, domain.rfind(".")) + 1 :] or key) & self._mask
        self._bits[place >> 3] |= 1 << (place & 7)

    def is_open(self, name: str) -> bool:
        """Whether `name` (in lower case), or a domain it lies in, may be in a key."""
        dot = name.rfind(".")
        place = hash(name[name.rfind(".", 0, dot) + 1 :]) & self._mask
        return self._bits[place >> 3] >> (place & 7) & 1 == 1 or (bool(self.tops) and name[dot + 1 :] in self.tops)

    def is_open_for_user(self, user: str) -> bool:
        """Whether ``user@`` may be a key."""
        place = hash(f"{user}@") & self._mask
        return self._bits[place >> 3] >> (place & 7) & 1 == 1


def heads(networks: Iterable[int]) -> bytes:
    """For each value of an address's leading bits whether a network begins with them; nothing without networks.

    A network is its leading bits with a bit in front.
    """
    flags = bytearray()
    for key in networks:
        flags = flags or bytearray(1 << HEAD)
        length = key.bit_length() - 1
        bits = key ^ 1 << length
        if length >= HEAD:
            flags[bits >> (length - HEAD)] = 1
        else:
            first, count = bits << (HEAD - length), 1 << (HEAD - length)
            flags[first : first + count] = b"\1" * count
    return bytes(flags)


def gated(kind: ListKind, entries: Entries, order: Order) -> Find:
    """`order`, asked only about whom the gate lets through. HELO names have none: few lists are of them."""
    gates: Mapping[ListKind, Callable[[Entries, Order], Find]] = {
        "client": _client_gate,
        "sender": _mail_gate,
        "recipient": _mail_gate,
    }
    return gates[kind](entries, order) if kind in gates else partial(order, entries)


def _client_gate(entries: Entries, order: Order) -> Find:
    names = NameGate(entries.keys)
    networks = {version: (heads(entries.networks[version]), BITS[version] - HEAD) for version in BITS}
    has_names, find_pattern = entries.shapes.domains, entries.find_pattern if entries.has_patterns else None

    def find(client: Client, now: int) -> Match | None:
        address, name = client
        if address is not None:
            flags, shift = networks[address.version]
            if flags and flags[address.number >> shift]:
                return order(entries, client, now)
        if has_names and names.is_open(name.lower()):
            return order(entries, client, now)
        return find_pattern(name, now) if find_pattern and name and name != "unknown" else None

    return find


def _mail_gate(entries: Entries, order: Order) -> Find:
    names = NameGate(entries.keys)
    has_domains, has_users = entries.shapes.any_domain, entries.shapes.users
    find_pattern = entries.find_pattern if entries.has_patterns else None

    def find(mail: str, now: int) -> Match | None:
        local, at, domain = mail.lower().rpartition("@")
        if not at or "+" in local:
            return order(entries, mail, now)
        if has_domains and names.is_open(domain.removesuffix(".")):
            return order(entries, mail, now)
        if has_users and names.is_open_for_user(local):
            return order(entries, mail, now)
        return find_pattern(mail, now) if find_pattern and len(mail) <= MAX_SUBJECT else None

    return find
