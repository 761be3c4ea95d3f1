"""A guess is near or there is none."""

import pytest

from policyd.config.suggest import did_you_mean

OPTIONS = ("delay", "retry_window", "max_age")


@pytest.mark.parametrize(
    ("word", "guess"),
    [("dely", "delay"), ("DELAY", "delay"), ("retry-window", "retry_window"), ("maxage", "max_age")],
)
def test_near(word: str, guess: str) -> None:
    assert did_you_mean(word, OPTIONS) == f", did you mean {guess!r}?"


@pytest.mark.parametrize("word", ["", "listen", "x" * 5000])
def test_not_near(word: str) -> None:
    assert did_you_mean(word, OPTIONS) == ""
