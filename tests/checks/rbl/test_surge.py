"""Law tested: a surge is many distinct subjects, almost all of them listed, in one window; and it stays small."""

from policyd.checks.rbl.surge import ENOUGH, MAX_SEEN, WINDOW, Surge

NOW = 1_700_000_000


def seen(listed: int, clean: int, now: int = NOW) -> Surge:
    surge = Surge()
    for number in range(listed + clean):
        surge.see(f"{number}.example", now, listed=number < listed)
    return surge


def test_a_surge_needs_many_and_almost_all() -> None:
    assert seen(ENOUGH, 0).is_suspicious()
    assert seen(41, 9).is_suspicious()
    assert not seen(40, 10).is_suspicious()
    assert not seen(ENOUGH - 1, 0).is_suspicious()
    assert not seen(0, 500).is_suspicious()


def test_who_comes_again_is_not_counted_again() -> None:
    surge = Surge()
    for _ in range(1000):
        surge.see("192.0.2.0/24", NOW, listed=True)
    assert not surge.is_suspicious()
    surge = seen(20, 30)
    for number in range(1000):
        surge.see(f"{number % 20}.example", NOW, listed=True)
    assert not surge.is_suspicious()


def test_a_window_ends_and_so_does_one_of_a_clock_that_was_wrong() -> None:
    for later in (WINDOW, -1):
        surge = seen(ENOUGH, 0)
        surge.see("new.example", NOW + later, listed=True)
        assert not surge.is_suspicious()


def test_who_was_seen_in_one_window_is_counted_in_the_next() -> None:
    surge = seen(ENOUGH, 0)
    for number in range(ENOUGH):
        assert not (number and surge.is_suspicious())
        surge.see(f"{number}.example", NOW + WINDOW, listed=True)
    assert surge.is_suspicious()


def test_it_stays_small() -> None:
    surge = seen(0, MAX_SEEN)
    for number in range(10 * MAX_SEEN):
        surge.see(f"other{number}.example", NOW, listed=True)
    assert not surge.is_suspicious(), "those beyond the limit were neither kept nor counted"
