"""The compiled entries of the files of one list.

Law: an entry costs its text and one number (its place: line and file), however many there are; a `Match` is only made
when one is found. Of equal entries the first one answers.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from policyd.model.address import BITS, Address
from policyd.tables.networks import Network
from policyd.tables.patterns import MAX_TEXT, any_of
from policyd.tables.syntax import Entry, Key, Pattern


class Source(NamedTuple):
    """A list file: the name that mistakes and matches show, and its text."""

    file: str
    text: str


class Match(NamedTuple):
    """Where a list answers: ``file``, ``line`` and the entry in its plainest spelling."""

    file: str
    line: int
    entry: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.entry}"


_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a list file with their numbers, without comments and empty ones. CRLF and a BOM are harmless."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = line.strip()
        if not content.startswith("/"):
            content = _COMMENT.sub("", content).rstrip()
        if content:
            yield number, content


class Table:
    """The good entries of `sources`, and a sentence for each bad one in `mistakes`."""

    def __init__(self, sources: Sequence[Source], parse: Callable[[str], Entry]) -> None:
        self._files = [source.file for source in sources]
        self._keys: dict[str, int] = {}
        self._networks: dict[tuple[int, int], dict[int, int]] = {}
        self._patterns: list[tuple[Pattern, int]] = []
        mistakes: list[str] = []
        for index, source in enumerate(sources):
            for line, content in lines(source.text):
                try:
                    self._add(parse(content), line * len(sources) + index)
                except ValueError as error:
                    mistakes.append(f"{source.file}:{line}: {error}")
        self.mistakes = tuple(mistakes)
        self._any_pattern = any_of([pattern.regex for pattern, _ in self._patterns])
        self._by_version = {version: self._longest_prefix_first(version) for version in BITS}

    def __len__(self) -> int:
        return len(self._keys) + sum(map(len, self._networks.values())) + len(self._patterns)

    def find_key(self, key: str) -> Match | None:
        """The entry that is written as `key`."""
        place = self._keys.get(key)
        return None if place is None else self._match(place, key)

    def find_domain(self, name: str) -> Match | None:
        """The most specific entry for `name` (in lower case): itself, or a domain it lies in."""
        keys = self._keys
        if not keys or len(name) > MAX_TEXT:
            return None
        if name in keys:
            return self.find_key(name)
        dot = name.find(".")
        while dot >= 0:
            if (subdomains := name[dot:]) in keys:
                return self.find_key(subdomains)
            if (domain := subdomains[1:]) in keys:
                return self.find_key(domain)
            dot = name.find(".", dot + 1)
        return None

    def find_address(self, address: Address) -> Match | None:
        """The smallest network `address` lies in."""
        number = address.number
        for shift, prefix, networks in self._by_version[address.version]:
            if (bits := number >> shift) in networks:
                return self._match(networks[bits], Network(address.version, prefix, bits).text)
        return None

    def find_pattern(self, text: str) -> Match | None:
        """The first pattern found in `text`; texts over `MAX_TEXT` characters are none that anyone listed."""
        if len(text) > MAX_TEXT:
            return None
        if not self._any_pattern(text):
            return None
        for pattern, place in self._patterns:
            if pattern.regex.search(text):
                return self._match(place, pattern.text)
        return None

    def _add(self, entry: Entry, place: int) -> None:
        match entry:
            case Key(text):
                self._keys.setdefault(text, place)
            case Network(version, prefix, bits):
                self._networks.setdefault((version, prefix), {}).setdefault(bits, place)
            case Pattern():
                self._patterns.append((entry, place))

    def _longest_prefix_first(self, version: int) -> list[tuple[int, int, dict[int, int]]]:
        prefixes = sorted((prefix for of, prefix in self._networks if of == version), reverse=True)
        return [(BITS[version] - prefix, prefix, self._networks[version, prefix]) for prefix in prefixes]

    def _match(self, place: int, entry: str) -> Match:
        line, index = divmod(place, len(self._files))
        return Match(self._files[index], line, entry)
