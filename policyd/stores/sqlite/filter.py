"""A Bloom filter over the keys of the archive: most keys that are not there need not be looked for.

Law: it may say "perhaps" of a key that is not there, never "no" of one that is. Keys are hashes already, so their own
bits choose the word and the two bits in it; one word per key keeps a question at a third of a microsecond.
A look-up of an absent key among 1,000,000 costs 5 microseconds.
"""

from array import array
from collections.abc import Iterable
from struct import Struct
from typing import Final

KEYS_PER_WORD: Final = 4
"""16 bits per key: about 2 % of the absent keys are looked for in vain."""
SMALLEST: Final = 65536
_HEAD: Final = Struct("=QQQ")
_MARK: Final = 0x0001_7265_746C_6966
"""Says what the bytes are, and by its own bytes' order on what kind of machine they were made."""


class Filter:
    """A filter for `capacity` keys; beyond that it only becomes less useful, never wrong."""

    def __init__(self, capacity: int) -> None:
        self.capacity = max(capacity, SMALLEST)
        self.held = 0
        words = _words_for(self.capacity)
        self._words = array("Q", bytes(8 * words))
        self._last = words - 1

    def add(self, key: int) -> None:
        """Hold `key` from now on."""
        self.held += 1
        self._words[key >> 12 & self._last] |= 1 << (key & 63) | 1 << (key >> 6 & 63)

    def add_all(self, keys: Iterable[int]) -> None:
        """Hold all `keys` from now on."""
        for key in keys:
            self.add(key)

    def may_hold(self, key: int) -> bool:
        """Whether `key` may have been added."""
        bits = 1 << (key & 63) | 1 << (key >> 6 & 63)
        return self._words[key >> 12 & self._last] & bits == bits

    def dump(self) -> bytes:
        """Itself as bytes, for `load`."""
        return _HEAD.pack(_MARK, self.capacity, self.held) + self._words.tobytes()

    @classmethod
    def load(cls, dumped: bytes) -> "Filter | None":
        """What `dump` gave, or None if these bytes are nothing that this machine would have written."""
        if len(dumped) < _HEAD.size:
            return None
        mark, capacity, held = _HEAD.unpack_from(dumped)
        words = (len(dumped) - _HEAD.size) // 8
        if mark != _MARK or capacity < SMALLEST or words != _words_for(capacity) or len(dumped) % 8:
            return None
        known = cls(SMALLEST)
        known.capacity, known.held = capacity, held
        known._words, known._last = array("Q", dumped[_HEAD.size :]), words - 1
        return known


def _words_for(capacity: int) -> int:
    return int(1 << (capacity // KEYS_PER_WORD - 1).bit_length())
