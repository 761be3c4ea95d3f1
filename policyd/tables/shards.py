"""A dictionary of millions of keys that never takes long in one step.

Law: growing a dictionary moves all its entries, and freeing it visits them all, while every other thread waits: 29 ms
and 28 ms for a million keys (measured). So there are many small ones, filled and freed one by one.
"""

from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

SHARDS: Final = 256
SMALL: Final = 8192
"""Keys that one dictionary holds: those of a million in 256 are half as many."""
_K = TypeVar("_K", str, int)
_V = TypeVar("_V")


class Shards(Generic[_K, _V]):
    """Keys and values, in the dictionary that the key's hash says."""

    __slots__ = ("_dicts",)

    def __init__(self) -> None:
        self._dicts: list[dict[_K, _V]] = [{} for _ in range(SHARDS)]

    def shard(self, key: _K) -> dict[_K, _V]:
        """The dictionary in which `key` is, or would be."""
        return self._dicts[hash(key) & (SHARDS - 1)]

    def __contains__(self, key: _K) -> bool:
        return key in self._dicts[hash(key) & (SHARDS - 1)]

    def __getitem__(self, key: _K) -> _V:
        return self._dicts[hash(key) & (SHARDS - 1)][key]

    def __len__(self) -> int:
        return sum(map(len, self._dicts))

    def __iter__(self) -> Iterator[_K]:
        for shard in self._dicts:
            yield from shard

    def dissolve(self, pause: Callable[[], None]) -> None:
        """Forget everything, with a `pause` behind each dictionary."""
        for shard in self._dicts:
            shard.clear()
            pause()

    def settled(self) -> "dict[_K, _V] | Shards[_K, _V]":
        """The same for reading: one dictionary where that is small, because it answers several times as fast."""
        if len(self) > SMALL:
            return self
        return {key: value for shard in self._dicts for key, value in shard.items()}
