import random

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
