"""Changing the text of a list file: what is added can be taken away, and nothing else moves."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.edit import append, blank, remove
from policyd.tables.rows import BLANKS

# Any bytes, as a file is read: what is not UTF-8 arrives as surrogates.
texts = st.binary(max_size=80).map(lambda raw: raw.decode("utf-8", "surrogateescape")) | st.lists(
    st.sampled_from(["example.com", "# why", "", "  more", " # why", "\ufeff", "a@b  REJECT no", "\t", "\r", "\udcff"])
).map("\n".join)
entries = st.sampled_from(["new.example", "[until=2030-01-01] a@b  REJECT no", "/^x y/"])


@given(texts, st.sampled_from(["\n", "\r\n"]), entries, st.booleans())
def test_what_was_added_can_be_removed(text: str, end: str, entry: str, continued: bool) -> None:
    text = text.replace("\n", end)
    longer, number = append(text, entry)
    assert longer.split("\n")[number - 1].rstrip("\r").removeprefix("\ufeff") == entry
    shorter = remove(longer, {number}, continued=continued)
    assert shorter == text or (not text.endswith("\n") and shorter in (f"{text}\n", f"{text}\r\n"))


@given(texts, st.sets(st.integers(1, 12)))
def test_only_whole_lines_that_are_entries_go(text: str, numbers: set[int]) -> None:
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text.removeprefix("\ufeff"))
    stays = [
        n not in numbers or not line.strip(BLANKS) or line.strip(BLANKS).startswith("#")
        for n, line in enumerate(lines, 1)
    ]
    kept = "".join(line for line, stay in zip(lines, stays, strict=True) if stay)
    assert remove(text, numbers, continued=False) == bom + kept


@given(texts)
def test_nothing_removed_is_the_same_text(text: str) -> None:
    assert remove(text, (), continued=True) == text


@pytest.mark.parametrize(
    ("text", "longer", "number"),
    [
        ("", "new\n", 1),
        ("\ufeff", "\ufeffnew\n", 1),
        ("a\n", "a\nnew\n", 2),
        ("a", "a\nnew\n", 2),
        ("a\r\nb\r\n", "a\r\nb\r\nnew\r\n", 3),
        ("a\r\nb", "a\r\nb\r\nnew\r\n", 3),
        ("a\n\n# the end\n", "a\n\n# the end\nnew\n", 4),
    ],
)
def test_append(text: str, longer: str, number: int) -> None:
    assert append(text, "new") == (longer, number)


TABLE = "# head\na REJECT\n  one\n# between\n\n\ttwo\nb OK\n  # not an entry\nc OK\n"


def test_continuation_lines_go_with_their_entry_and_comments_stay() -> None:
    assert remove(TABLE, {2}, continued=True) == "# head\n# between\n\nb OK\n  # not an entry\nc OK\n"


def test_where_nothing_is_continued_a_blank_in_front_means_nothing() -> None:
    assert remove("a\n  b\nc\n", {1}, continued=False) == "  b\nc\n"
    assert remove("a\n  b\nc\n", {2}, continued=False) == "a\nc\n"


def test_a_byte_order_mark_stays_when_the_first_line_goes() -> None:
    assert remove("\ufeffa\nb\n", {1}, continued=False) == "\ufeffb\n"


@given(texts, st.sets(st.integers(1, 12)), st.booleans())
def test_blank_lines_in_place_of_entries(text: str, numbers: set[int], continued: bool) -> None:
    blanked = blank(text, numbers, continued=continued)
    assert blanked.count("\n") in (text.count("\n"), text.count("\n") + 1)
    assert len(blanked) <= len(text) + 1
    assert blank(blanked, numbers, continued=continued) == blanked
