import random

import pytest

from policyd.stores.sqlite.filter import SMALLEST, Filter


def test_what_was_added_may_be_there_and_almost_nothing_else() -> None:
    chance = random.Random(1)
    there = [chance.getrandbits(63) for _ in range(20_000)]
    known = Filter(20_000)
    for key in there:
        known.add(key)
    assert known.held == 20_000
    assert all(map(known.may_hold, there))
    assert sum(known.may_hold(chance.getrandbits(63)) for _ in range(20_000)) < 400


def test_a_full_filter_is_wrong_about_few() -> None:
    chance = random.Random(2)
    known = Filter(SMALLEST)
    for _ in range(SMALLEST):
        known.add(chance.getrandbits(63))
    assert sum(known.may_hold(chance.getrandbits(63)) for _ in range(20_000)) < 1200


def test_the_largest_and_the_smallest_key_have_their_place() -> None:
    known = Filter(4_000_000)
    for key in (0, 2**63 - 1):
        known.add(key)
        assert known.may_hold(key)


def test_a_filter_comes_back_as_it_was() -> None:
    known = Filter(100_000)
    known.add_all(range(0, 10**15, 10**12))
    again = Filter.load(known.dump())
    assert again is not None
    assert (again.capacity, again.held, again.dump()) == (100_000, 1000, known.dump())
    again.add(77)
    assert again.may_hold(77)
    assert again.may_hold(10**12)


@pytest.mark.parametrize("change", [b"", b"x", b"x" * 8, b"x" * 100_000])
def test_other_bytes_are_no_filter(change: bytes) -> None:
    dumped = Filter(SMALLEST).dump()
    for other in (change, dumped[1:] + change, dumped + b"x" + change, dumped[:-8], dumped[7::-1] + dumped[8:]):
        assert Filter.load(other) is None
