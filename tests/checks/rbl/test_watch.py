"""Law tested: what is counted of a list, and when a sample of it is wanted."""

from policyd.checks.rbl.surge import ENOUGH, WINDOW
from policyd.checks.rbl.watch import SILENT, Watched
from policyd.checks.rbl.zones import ZoneSettings, compile_zones

NOW = 1_700_000_000


def watched() -> Watched:
    return Watched(compile_zones([], [ZoneSettings("bl.example", "secretkey")])[0])


def test_a_status_without_a_key() -> None:
    one = watched()
    assert one.status().latency == 0.0
    one.heard(0.25)
    one.heard(0.75)
    one.health.take("refused", NOW)
    status = one.status()
    assert (status.zone, status.is_parked, status.finding, status.since) == ("bl.example", True, "refused", NOW)
    assert status.latency == 0.5


def test_silence_in_a_row_is_suspicious() -> None:
    one = watched()
    one.health.take("good", NOW)
    for _ in range(SILENT - 1):
        one.unheard(NOW + 1)
    one.heard(0.1)
    for _ in range(SILENT - 1):
        one.unheard(NOW + 1)
    assert not one.health.is_due(NOW + 1)
    one.unheard(NOW + 1)
    assert one.health.is_due(NOW + 1)


def test_a_surge_wants_one_sample_in_a_window_and_a_wide_list_one_every_time() -> None:
    one = watched()
    assert not one.wants_sample(NOW)
    for number in range(ENOUGH):
        one.surge.see(f"{number}", NOW, listed=True)
    assert one.wants_sample(NOW)
    one.sampled_at = NOW
    assert not one.wants_sample(NOW + WINDOW - 1)
    assert not one.wants_sample(NOW)
    assert one.wants_sample(NOW + WINDOW)
    assert one.wants_sample(NOW - 1), "a clock set back"
    one.is_wide = True
    assert one.wants_sample(NOW + 1)


def test_a_list_inherits_what_is_known_of_it_and_not_what_it_is() -> None:
    former, heir = watched(), watched()
    former.heard(0.5)
    former.health.take("refused", NOW)
    zone = heir.zone
    heir.inherit(former)
    assert heir.status() == former.status()
    assert heir.zone is zone is not former.zone
