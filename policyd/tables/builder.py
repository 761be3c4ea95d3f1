"""From the lines of a file to its `Entries`.

Law: nothing here takes long in one step, however large the file is, because other threads answer mail meanwhile. Of
equal keys the lines up to the first one without a window are kept: the others could never answer.
"""

from typing import Final

from policyd.model.address import BITS
from policyd.tables.entries import RIGHT_BITS, Contents, Entries, Place, Places
from policyd.tables.networks import Network
from policyd.tables.patterns import Budget
from policyd.tables.rights import check_right
from policyd.tables.shards import Shards
from policyd.tables.syntax import Entry, Key, Pattern

_REMEMBERED: Final = 4096
"""Rights that are told apart: they repeat, or they are all different."""


class Builder:
    """Takes the entries of `file` one by one."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._size = 0
        self._rights = [""]
        self._numbers = {"": 0}
        self._keys = Shards[str, Places]()
        self._networks = {version: Shards[int, Places]() for version in BITS}
        self._patterns: list[tuple[Pattern, Place]] = []
        self._budget = Budget()

    def built(self) -> Entries:
        """All that was taken."""
        networks = {version: shards.settled() for version, shards in self._networks.items()}
        return Entries(Contents(self.file, self._size, self._keys.settled(), networks, self._patterns, self._rights))

    def add(self, entry: Entry, line: int, right: str) -> None:
        """Take an entry in. `right`: what `parse_right` reads. Raises ValueError where it is wrong."""
        match entry:
            case Key(text):
                self.add_key(text, line, right)
            case Network(version, prefix, bits):
                self.add_network(version, prefix, bits, line, right)
            case Pattern(_, regex):
                self._budget.spend(regex)
                self._patterns.append((entry, self._place(line, right)))
                self._size += 1

    def add_key(self, key: str, line: int, right: str) -> None:
        """Take a `Key` in."""
        place = line << RIGHT_BITS if not right else self._place(line, right)
        shard = self._keys.shard(key)
        if right.startswith("[") or shard.setdefault(key, place) != place:
            shard[key] = self._with(shard.get(key, ()), place, right)
        else:
            self._size += 1

    def add_network(self, version: int, prefix: int, bits: int, line: int, right: str) -> None:
        """Take a `Network` in. The bit in front of the others keeps its length."""
        place = line << RIGHT_BITS if not right else self._place(line, right)
        key = 1 << prefix | bits
        shard = self._networks[version].shard(key)
        if right.startswith("[") or shard.setdefault(key, place) != place:
            shard[key] = self._with(shard.get(key, ()), place, right)
        else:
            self._size += 1

    def _place(self, line: int, right: str) -> Place:
        number = self._numbers.get(right)
        if number is None:
            check_right(right)
            if len(self._numbers) >= _REMEMBERED:
                self._numbers = {"": 0}
            number = self._numbers[right] = len(self._rights)
            self._rights.append(right)
        return line << RIGHT_BITS | number

    def _with(self, former: Places, place: Place, right: str) -> Places:
        """`former` and `place`, unless one of the former always answers."""
        places = former if isinstance(former, tuple) else (former,)
        if places and not self._rights[places[-1] & (1 << RIGHT_BITS) - 1].startswith("["):
            return former
        self._size += 1
        return (*places, place)
