"""Minutes are counted once, quiet ones too, and a jump of the clock leaves no hole."""

import pytest

from policyd.history import KINDS, MINUTES, History, Minute, totals
from policyd.metrics import Metrics


class Clock:
    def __init__(self) -> None:
        self.now = 6000.0

    def __call__(self) -> float:
        return self.now


def test_each_minute_has_what_was_answered_in_it() -> None:
    metrics, clock = Metrics("1", lambda: 0.0), Clock()
    history = History(metrics, clock)
    metrics.answered([("DUNNO", "greylist", "triplet found")], 0.0)
    history.tick()
    assert list(history.minutes) == []
    assert history.picture() == (Minute(100, (1, 0, 0, 0, 0)),)
    clock.now += 60
    metrics.answered([("DEFER_IF_PERMIT", "greylist", "new")], 0.0)
    history.tick()
    clock.now += 180
    metrics.answered([("REJECT", "blacklist", "blacklist")], 0.0)
    history.tick()
    assert list(history.minutes) == [
        Minute(100, (1, 1, 0, 0, 0)), Minute(101, (0, 0, 0, 1, 0)), Minute(102, (0,) * 5), Minute(103, (0,) * 5),
    ]  # fmt: skip


def test_it_has_an_end_however_the_clock_jumps() -> None:
    clock = Clock()
    history = History(Metrics("1", lambda: 0.0), clock)
    for jump in (60.0, 1e9, -2e9, 60.0):
        clock.now += jump
        history.tick()
    assert len(history.minutes) <= MINUTES
    assert len(history.picture()) <= MINUTES


@pytest.mark.parametrize(
    ("verb", "check", "kind"),
    [
        ("DUNNO", "chain", "passed"),
        ("PREPEND", "rbl", "passed"),
        ("DEFER_IF_PERMIT", "greylist", "greylisted"),
        ("451", "greylist", "greylisted"),
        ("DEFER", "rbl", "deferred"),
        ("450", "spf", "deferred"),
        ("REJECT", "x", "rejected"),
        ("550", "spf", "rejected"),
        ("HOLD", "blacklist", "other"),
    ],
)
def test_kinds(verb: str, check: str, kind: str) -> None:
    metrics = Metrics("1", lambda: 0.0)
    metrics.answered([(verb, check, "new")], 0.0)
    metrics.answered([("DUNNO", "chain", "not a recipient")], 0.0)
    assert dict(zip(KINDS, totals(metrics), strict=True)) == dict.fromkeys(KINDS, 0) | {kind: 1}
