"""A condition without troubles is a good one."""

from policyd.model.health import Condition


def test_a_part_is_well_unless_it_says_otherwise() -> None:
    assert Condition("store").troubles == ()
    assert Condition("store", ("full",))._asdict() == {"part": "store", "troubles": ("full",), "detail": ""}
