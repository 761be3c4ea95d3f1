"""Law tested: a dictionary in pieces answers as one does, and no piece is large."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.shards import SHARDS, SMALL, Shards


def filled(keys: list[str]) -> Shards[str, int]:
    shards = Shards[str, int]()
    for number, key in enumerate(keys):
        shards.shard(key)[key] = number
    return shards


@given(st.lists(st.text(max_size=3)), st.text(max_size=3))
def test_it_answers_as_a_dictionary(keys: list[str], asked: str) -> None:
    shards, plain = filled(keys), {key: number for number, key in enumerate(keys)}
    assert len(shards) == len(plain)
    assert {key: shards[key] for key in shards} == plain
    assert (asked in shards) == (asked in plain)


def test_a_small_one_becomes_a_dictionary() -> None:
    settled = filled(["a", "b"]).settled()
    assert settled == {"a": 0, "b": 1}
    assert isinstance(settled, dict)


def test_a_large_one_stays_in_pieces_that_are_small() -> None:
    keys = [f"host{number}.example.com" for number in range(100_000)]
    settled = filled(keys).settled()
    assert isinstance(settled, Shards)
    assert (settled[keys[5]], "nobody" in settled) == (5, False)
    # So large is also the longest step in which one grows.
    assert max(sys.getsizeof(settled.shard(key)) for key in keys[:2000]) < 60_000
    assert len(keys) > SMALL > len(keys) / SHARDS * 2


def test_dissolving_pauses_and_leaves_nothing() -> None:
    shards, pauses = filled([str(number) for number in range(10_000)]), list[int]()
    shards.dissolve(lambda: pauses.append(len(shards)))
    assert len(pauses) == SHARDS
    assert pauses == sorted(pauses, reverse=True)
    assert len(shards) == 0
