"""Law tested: each network has its bound, each hour begins anew, and counting is bounded itself."""

from policyd.stores.crowd import HOUR, NETWORKS, Crowd

NOW = 1_800_000_000 - 1_800_000_000 % HOUR


def test_a_network_is_full_beyond_its_bound_until_the_hour_ends() -> None:
    crowd = Crowd()
    assert [crowd.is_full("192.0.2.0/24", 2, NOW + at) for at in range(4)] == [False, False, True, True]
    assert not crowd.is_full("192.0.3.0/24", 2, NOW)
    assert not crowd.is_full("192.0.2.0/24", 2, NOW + HOUR)


def test_counting_never_holds_more_networks_than_it_may() -> None:
    crowd = Crowd()
    for number in range(NETWORKS * 3):
        crowd.is_full(f"n{number}", 1, NOW)
    assert len(crowd._counts) <= NETWORKS + 1
