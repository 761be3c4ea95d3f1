from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.dns.window import BURST, MOMENT, Slot, Window
from tests.examples import thorough


def entered(window: Window, now: float) -> Slot:
    slot = Slot()
    window.enter(slot, now)
    return slot


def test_a_burst_is_bounded_until_it_is_answered() -> None:
    window = Window(10_000)
    slots = [entered(window, 100.0) for _ in range(BURST)]
    assert not window.is_open(100.0)
    window.leave(slots[BURST // 2])
    assert window.is_open(100.0)


def test_who_waits_for_somebody_else_takes_no_room_from_others() -> None:
    window = Window(10_000)
    for _ in range(BURST):
        entered(window, 100.0)
    assert not window.is_open(100.0 + MOMENT / 2)
    assert window.is_open(100.0 + 2 * MOMENT)


def test_all_together_are_bounded_however_old() -> None:
    window = Window(3)
    slots = [entered(window, float(n)) for n in range(3)]
    assert not window.is_open(1000.0)
    window.leave(slots[0])
    assert window.is_open(1000.0)


@given(st.lists(st.tuples(st.floats(0, 0.02), st.booleans()), max_size=100), st.randoms())
@thorough
def test_what_entered_and_left_is_gone(steps: list[tuple[float, bool]], random: st.DataObject) -> None:
    window, now, inside = Window(20), 0.0, list[Slot]()
    for seconds, is_leaving in steps:
        now += seconds
        if is_leaving and inside:
            window.leave(inside.pop(random.randrange(len(inside))))  # type: ignore[attr-defined]
        elif window.is_open(now):
            inside.append(entered(window, now))
        assert window.in_flight == len(inside) <= 20
    for slot in inside:
        window.leave(slot)
    assert window.is_open(now)
    assert (window.in_flight, window._fresh) == (0, 0)
