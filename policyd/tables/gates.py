"""A first look at files of the form `policyd`: whether they can name somebody at all.

Law: a gate may be open for those whom no entry names, never closed for one that an entry names. It knows no time, so
what it said of a text holds until a file changes. Nearly all mail is named by no list, so this look is what a list
costs: a bit for a name, a byte for an address, however many there are; and nothing but memory for whom was seen before.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from policyd.model.address import BITS, Address
from policyd.tables.entries import Entries, Keys
from policyd.tables.match import Client, ListKind, Match
from policyd.tables.orders import Order
from policyd.tables.patterns import MAX_TEXT

BITS_PER_KEY: Final = 32
"""So at most one name in 32 is looked for in vain; with 8 those looks cost as much as all others together."""
SMALLEST: Final = 1 << 13
HEAD: Final = 16
"""Leading bits of an address that a gate looks at."""
NOWHERE: Final = bytes(1 << HEAD)
"""The flags of no network."""
REMEMBERED: Final = 8192
"""Texts of which a gate's word is remembered: some 2.5 MB, were all of them as long as they may be."""

Find = Callable[[Any, int], Match | None]
"""(subject, now) -> what answers."""


class Gate(NamedTuple):
    """Of a list of clients, or of mail addresses."""

    is_open: Callable[[str], bool]
    """Whether an entry may name this host name, or this mail address."""
    is_open_for_domain: Callable[[str], bool] | None = None
    """The same, told by the domain of a mail address alone. None: what stands in front of its @ counts, too."""
    heads: Mapping[int, bytes] = dict.fromkeys(BITS, NOWHERE)
    """What `heads` says of the networks of each version of IP."""


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
    """For each value of an address's leading bits whether a network begins with them.

    A network is its leading bits with a bit in front.
    """
    flags = bytearray()
    for key in networks:
        flags = flags or bytearray(NOWHERE)
        length = key.bit_length() - 1
        bits = key ^ 1 << length
        if length >= HEAD:
            flags[bits >> (length - HEAD)] = 1
        else:
            first, count = bits << (HEAD - length), 1 << (HEAD - length)
            flags[first : first + count] = b"\1" * count
    return bytes(flags) or NOWHERE


def make_gate(kind: ListKind, entries: Entries) -> Gate | None:
    """The gate of a file. HELO names have none: few lists are of them."""
    makers: Mapping[ListKind, Callable[[Entries], Gate]] = {
        "client": _client_gate,
        "sender": _mail_gate,
        "recipient": _mail_gate,
    }
    return makers[kind](entries) if kind in makers else None


def _client_gate(entries: Entries) -> Gate:
    names, may_match = NameGate(entries.keys), entries.may_match if entries.has_patterns else None
    has_names = entries.shapes.domains

    def is_open(name: str) -> bool:
        if has_names and names.is_open(lower := name.lower()) and any(entries.domains_of(lower)):
            return True
        return may_match is not None and name not in ("", "unknown") and may_match(name)

    return Gate(is_open, None, {version: heads(entries.networks[version]) for version in BITS})


def _mail_gate(entries: Entries) -> Gate:
    names, may_match = NameGate(entries.keys), entries.may_match if entries.has_patterns else None
    has_addresses, has_domains, has_users = entries.shapes.addresses, entries.shapes.any_domain, entries.shapes.users

    def is_open_for_domain(domain: str) -> bool:
        if not domain:  # the null sender, or what RFC 5321 4.5.1 allows: RCPT TO:<postmaster>
            return True
        lower = domain.lower().removesuffix(".")
        if not has_domains or not names.is_open(lower):
            return False
        return has_addresses or f"@{lower}" in entries.keys or any(entries.domains_of(lower))

    def is_open(mail: str) -> bool:
        local, at, domain = mail.rpartition("@")
        if not at or is_open_for_domain(domain):
            return True
        if has_users and ("+" in local or names.is_open_for_user(local.lower())):
            return True
        return may_match is not None and may_match(mail)

    return Gate(is_open, None if has_users or may_match else is_open_for_domain)


def joined(gates: Sequence[Gate]) -> Gate:
    """One gate for all files of a list, asked once about a text: names, domains and recipients come again and again.

    From memory it answers in a fifth of the time (measured).
    """
    flags = {version: _either([gate.heads[version] for gate in gates]) for version in BITS}
    by_domain = [gate.is_open_for_domain for gate in gates if gate.is_open_for_domain]
    if len(by_domain) < len(gates):
        return Gate(Memory([gate.is_open for gate in gates]).__getitem__, None, flags)
    domains = Memory(by_domain).__getitem__
    # Without an @ the whole counts as a domain; no such file can name it, and the null sender is "" either way.
    return Gate(lambda mail: domains(mail.rpartition("@")[2]), domains, flags)


def _either(flags: Sequence[bytes]) -> bytes:
    some = [each for each in flags if each is not NOWHERE]
    if len(some) < 2:
        return some[0] if some else NOWHERE
    together = 0
    for each in some:
        together |= int.from_bytes(each)  # a hundred times faster than byte by byte
    return together.to_bytes(len(NOWHERE))


def near(flags: Mapping[int, bytes]) -> Callable[[Address | None], bool]:
    """Whether an address begins as a network does."""
    by_version = {version: (flags[version], BITS[version] - HEAD) for version in BITS}

    def is_near(address: Address | None) -> bool:
        if address is None:
            return False
        heads, shift = by_version[address.version]
        return heads[address.number >> shift] == 1

    return is_near


def gated(kind: ListKind, gate: Gate, entries: Entries, order: Order) -> Find:
    """`order`, asked only about whom the gate lets through."""
    is_open, is_near, find_address = gate.is_open, near(gate.heads), entries.find_address

    def find_client(client: Client, now: int) -> Match | None:
        address, name = client
        if is_open(name):
            return order(entries, client, now)
        return find_address(address, now) if address is not None and is_near(address) else None

    def find_mail(mail: str, now: int) -> Match | None:
        return order(entries, mail, now) if is_open(mail) else None

    return find_client if kind == "client" else find_mail


class Memory(dict[str, bool]):
    """Whether one of `gates` is open for a text, as long as there is room."""

    __slots__ = ("_gates",)

    def __init__(self, gates: Sequence[Callable[[str], bool]]) -> None:
        super().__init__()
        self._gates = gates

    def __missing__(self, text: str) -> bool:
        is_open = False
        for gate in self._gates:
            if gate(text):
                is_open = True
                break
        if len(text) <= MAX_TEXT:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = is_open
        return is_open
