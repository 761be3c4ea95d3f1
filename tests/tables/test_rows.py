"""Law tested: lines keep their numbers; Postfix's continue each other as postmap(1) says; nothing is read in one go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.rows import MAX_LINE, PIECE, logical_rows, rows


def nothing() -> None:
    pass


def test_lines_keep_their_numbers() -> None:
    assert list(rows("\ufeff# a\r\n\n b", nothing)) == [(1, "# a\r"), (2, ""), (3, " b")]


def test_only_a_line_feed_ends_a_line() -> None:
    assert list(rows("a\x0bb\x85c\u2028d\re\nf", nothing)) == [(1, "a\x0bb\x85c\u2028d\re"), (2, "f")]


@given(st.lists(st.text(st.characters(exclude_characters="\n\ufeff"), max_size=5000), min_size=1, max_size=30))
def test_pieces_are_put_together_again(lines: list[str]) -> None:
    read = list(rows("\n".join([*lines, "end"]), nothing))
    assert read == list(enumerate([*lines, "end"], 1))


def test_there_is_a_pause_after_every_piece() -> None:
    pauses = list[None]()
    text = "example.com\n" * 20_000
    assert sum(line == "example.com" for _, line in rows(text, lambda: pauses.append(None))) == 20_000
    assert len(pauses) >= len(text) / (PIECE + 20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # postmap -q on texthash: said so (measured, 3.7.11)
        ("a REJECT\nb OK", [(1, "a REJECT"), (2, "b OK")]),
        ("a\n# why\n  REJECT more\n\n   still\nb OK", [(1, "a  REJECT more   still"), (6, "b OK")]),
        ("a REJECT x\r\n more\r\n\r\n   \r\nb OK\r\n", [(1, "a REJECT x more\r"), (5, "b OK\r")]),
        ("# a\n   # b\n\t\n", []),
        ("  a REJECT\n b\nc OK", [(1, "  a REJECT b"), (3, "c OK")]),
        ("a REJECT\n\x0b b", [(1, "a REJECT\x0b b")]),
    ],
)
def test_logical_lines(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(logical_rows(text, nothing)) == expected


def test_a_line_that_never_ends_costs_little() -> None:
    ((number, row),) = logical_rows("a\n" + " b\n" * 100_000, nothing)
    assert number == 1
    assert MAX_LINE < len(row) < 2 * MAX_LINE
