"""The entries of one file, each under the key by which it is looked up.

Law: an entry costs its key and one number (its line, and what stands beside the key), however many there are; a `Match`
is only made when one is found. An entry whose window is not active is as if it were not there. Of equal entries the
first one that is active answers.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from policyd.model.address import BITS, Address
from policyd.tables.endings import any_by_ending
from policyd.tables.match import Match
from policyd.tables.networks import Network
from policyd.tables.patterns import MAX_TEXT
from policyd.tables.rights import parse_right
from policyd.tables.shards import Shards
from policyd.tables.syntax import Pattern

RIGHT_BITS: Final = 24
_RIGHT: Final = (1 << RIGHT_BITS) - 1
_PIECE: Final = 4096

Place = int
"""``line << RIGHT_BITS | number of the right``: it takes no more memory than the line alone."""
Places = Place | tuple[Place, ...]
"""A tuple where the first line of a key has a window: then the next lines with the same key count, too."""
Keys = dict[str, Places] | Shards[str, Places]
Networks = dict[int, Places] | Shards[int, Places]
"""Under the leading bits of the network, with a bit in front that keeps their number."""


class Contents(NamedTuple):
    """What a file holds. `rights`: the texts that `parse_right` reads, by their numbers."""

    file: str
    size: int
    keys: Keys
    networks: dict[int, Networks]
    patterns: list[tuple[Pattern, Place]]
    rights: list[str]


class Shapes(NamedTuple):
    """Which shapes of keys a file has: what it has not need not be looked for, and few files have all."""

    addresses: bool
    """``user@example.com``"""
    exact_domains: bool
    """``@example.com``"""
    users: bool
    """``user@``"""
    domains: bool
    """``example.com``, and others without an ``@``"""
    subdomains: bool
    """``.example.com``"""

    @property
    def any_domain(self) -> bool:
        """Whether any key has a domain."""
        return self.addresses or self.exact_domains or self.domains


class Entries:
    """Answers questions about the contents of a file."""

    def __init__(self, contents: Contents) -> None:
        self._file, self._size, self.keys, self.networks, self._patterns, self._rights = contents
        self._by_version = {version: _longest_prefix_first(version, self.networks[version]) for version in BITS}
        self.shapes = _shapes(self.keys)
        self._has_domains, self._has_subdomains = self.shapes.domains, self.shapes.subdomains
        self.has_patterns = bool(self._patterns)
        self._any_pattern = any_by_ending([pattern.regex for pattern, _ in self._patterns])

    def __len__(self) -> int:
        return self._size

    def dissolve(self, pause: Callable[[], None]) -> None:
        """Give the memory back piece by piece. Nobody may ask any more."""
        for held in (self.keys, *self.networks.values()):
            if isinstance(held, Shards):
                held.dissolve(pause)
        while self._rights:
            del self._rights[-_PIECE:]
            pause()

    def find_key(self, key: str, now: int) -> Match | None:
        """The entry that is written as `key`."""
        return self._match(self.keys[key], key, now) if key in self.keys else None

    def find_domain(self, name: str, now: int) -> Match | None:
        """The most specific entry for `name` (in lower case): itself, or a domain it lies in."""
        for key in self.domains_of(name):
            if match := self._match(self.keys[key], key, now):
                return match
        return None

    def domains_of(self, name: str) -> Iterator[str]:
        """The keys that are `name` (in lower case) or a domain it lies in, the most specific first."""
        if not self._has_domains:
            return
        keys, dotted = self.keys, self._has_subdomains
        if name in keys:
            yield name
        # No entry is longer than a name can be; a longer one may still lie in a domain that is listed.
        dot = name.find(".") if len(name) <= MAX_TEXT else name.find(".", len(name) - MAX_TEXT)
        while dot >= 0:
            if dotted and name[dot:] in keys:
                yield name[dot:]
            if name[dot + 1 :] in keys:
                yield name[dot + 1 :]
            dot = name.find(".", dot + 1)

    def find_address(self, address: Address, now: int) -> Match | None:
        """The smallest network `address` lies in."""
        version, number = address.version, address.number
        networks = self.networks[version]
        for shift, marker in self._by_version[version]:
            key = number >> shift | marker
            if key in networks and (match := self._match(networks[key], network_entry(version, key), now)):
                return match
        return None

    def find_first_network(self, address: Address, now: int) -> Match | None:
        """The first network of the file that `address` lies in."""
        version, number = address.version, address.number
        networks, found = self.networks[version], list[Match]()
        for shift, marker in self._by_version[version]:
            key = number >> shift | marker
            if key in networks and (match := self._match(networks[key], network_entry(version, key), now)):
                found.append(match)
        return min(found, key=lambda match: match.line, default=None)

    def may_match(self, text: str) -> bool:
        """Whether a pattern is found in `text`; texts over `MAX_TEXT` characters are none that anyone listed."""
        return len(text) <= MAX_TEXT and bool(self._any_pattern(text))

    def find_pattern(self, text: str, now: int) -> Match | None:
        """The first pattern found in `text`."""
        if not self.may_match(text):
            return None
        for pattern, place in self._patterns:
            if pattern.regex.search(text) and (match := self._match((place,), pattern.text, now)):
                return match
        return None

    def _match(self, places: Places, entry: str, now: int) -> Match | None:
        if isinstance(places, int):
            action, _ = parse_right(self._rights[places & _RIGHT])
            return Match(self._file, places >> RIGHT_BITS, entry, action, None)
        for place in places:
            action, window = parse_right(self._rights[place & _RIGHT])
            if window is None or window.is_active(now):
                return Match(self._file, place >> RIGHT_BITS, entry, action, window)
        return None


def _shapes(keys: Keys) -> Shapes:
    addresses = exact = users = domains = subdomains = False
    for key in keys:
        if "@" not in key:
            domains, subdomains = True, subdomains or key[:1] == "."
        elif key[0] == "@":
            exact = True
        elif key[-1] == "@":
            users = True
        else:
            addresses = True
    return Shapes(addresses, exact, users, domains, subdomains)


def _longest_prefix_first(version: int, networks: Networks) -> Sequence[tuple[int, int]]:
    """For each length of a prefix that occurs: how far to shift an address, and the bit in front."""
    lengths = {key.bit_length() for key in networks}
    return [(BITS[version] - length + 1, 1 << (length - 1)) for length in sorted(lengths, reverse=True)]


def network_entry(version: int, key: int) -> str:
    """The network with this key in its plainest spelling: one address has no prefix length."""
    prefix = key.bit_length() - 1
    return Network(version, prefix, key ^ 1 << prefix).plain
