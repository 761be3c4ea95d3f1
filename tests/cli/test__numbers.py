"""What is no number, or out of bounds, is refused with the bounds."""

from argparse import ArgumentTypeError

import pytest

from policyd.cli._numbers import count, seconds


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("10", 10), ("007", 7)])
def test_counts(text: str, number: int) -> None:
    assert count(10)(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "11", "1.5", "x", "", "²", "9" * 5000])
def test_no_counts(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"is no number from 1 to 10$"):
        count(10)(text)


@pytest.mark.parametrize(("text", "number"), [("10", 10.0), ("0.5", 0.5), ("3600", 3600.0)])
def test_times(text: str, number: float) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["0", "-1", "3600.1", "nan", "inf", "1e999", "x", ""])
def test_no_times(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is no time between 0 and 3600 seconds"):
        seconds(text)
