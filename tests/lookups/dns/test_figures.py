from typing import get_args

from policyd.lookups.dns.figures import QUESTION_SECONDS, Figures
from policyd.model.dns import Outcome, UnavailableReason


def test_every_time_falls_into_one_bucket() -> None:
    figures = Figures()
    for seconds in (0.0, 0.0003, 0.0004, 2.9, 3.1, 100.0):
        figures.time(seconds)
    assert figures.seconds_counts == [2, 1, *[0] * (len(QUESTION_SECONDS) - 3), 1, 2]
    assert round(figures.seconds, 6) == 106.0007


def test_every_word_is_counted_from_the_start() -> None:
    figures = Figures()
    assert set(figures.outcomes) == set(get_args(Outcome))
    assert set(figures.unavailable) == set(get_args(UnavailableReason))
