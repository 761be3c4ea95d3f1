"""Law tested: each network has its bound, each hour begins anew, and counting is bounded itself."""

from policyd.stores.crowd import COUNTERS, HOUR, Crowd

NOW = 1_800_000_000 - 1_800_000_000 % HOUR


def test_a_network_is_full_beyond_its_bound_until_the_hour_ends() -> None:
    crowd = Crowd()
    assert [crowd.is_full(7, 2, NOW + at) for at in range(4)] == [False, False, True, True]
    assert not crowd.is_full(8, 2, NOW)
    assert not crowd.is_full(7, 2, NOW + HOUR)


def test_counting_is_bounded_and_never_too_late() -> None:
    crowd = Crowd()
    assert not any(crowd.is_full(number, 1, NOW) for number in range(COUNTERS))
    assert len(crowd._counts) == COUNTERS
    assert all(crowd.is_full(number, 1, NOW) for number in range(0, -1000, -1))  # hashes may be negative
    assert crowd.is_full(7 + COUNTERS, 1, NOW)  # shares its counter
