from policyd.stores.sqlite.limits import Limits


def test_a_power_cut_costs_a_minute_and_a_segment_stays_small() -> None:
    limits = Limits()
    assert limits.age <= 60  # reliability promise of durability = normal
    assert limits.commits * 4096 <= 64 << 20
    assert limits.generation < limits.hard_limit
    assert limits.file_check <= 10
