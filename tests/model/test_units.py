"""Law tested: what administrators write comes out exact; every mistake is a ValueError that helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.units import format_duration, number_of, parse_duration, parse_mode, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("240s", 240), ("5m", 300), ("2h", 7200), ("35d", 3024000), ("1w", 604800), ("0s", 0), ("5 m", 300)],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "240", "s", "-1s", "1.5h", "1y", "1S", "1s ", "٣s", "1s\n", "9" * 13 + "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match='as in "240s" or "2d"'):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("0B", 0), ("512B", 512), ("64KiB", 65536), ("1MiB", 1048576), ("2GiB", 2147483648)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "64", "64KB", "64kib", "-1B", "1TiB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match='as in "64KiB"'):
        parse_size(text)


@pytest.mark.parametrize(("text", "mode"), [("0660", 0o660), ("600", 0o600), ("0777", 0o777)])
def test_file_modes(text: str, mode: int) -> None:
    assert parse_mode(text) == mode


@pytest.mark.parametrize("text", ["", "66", "0668", "1777", "rw-", "0o660", "660\n"])
def test_what_is_no_file_mode(text: str) -> None:
    with pytest.raises(ValueError, match='as in "0660"'):
        parse_mode(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "90s"), (240, "4m"), (5400, "90m"), (7200, "2h"), (604800, "7d")]
)
def test_durations_are_written_short(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


@given(st.integers(0, 10**9))
def test_what_is_written_is_read_again(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 entries"),
        (1, "1 entry"),
        (2, "2 entries"),
        (2_000_000, "2000000 entries"),
        (1.0, "1 entry"),
        (0.5, "0.5 entries"),
    ],
)
def test_one_of_a_thing_is_one(number: float, words: str) -> None:
    assert number_of(number, "entry", "entries") == words
