r"""Law tested: a text is found exactly when one of the patterns is found; the ending of a pattern is never guessed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.tables.endings import any_by_ending, ending
from policyd.tables.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"^mail\d+\.Example\.COM$", "om"),
        (r"\.example\.com\Z", "om"),
        (r"a.example.de$", "de"),
        (r"example\.com", ""),  # may end in anything
        (r"(?:com|org)$", ""),
        (r"co[mM]$", ""),
        (r"com?$", ""),
        (r"cö$", ""),
        (r"m$", ""),
        (r"$", ""),
        (r"(?m)com$", ""),
    ],
)
def test_the_ending_of_a_pattern(pattern: str, expected: str) -> None:
    assert ending(compile_pattern(pattern)) == expected


PATTERNS = [r"^a.*ab$", r"b\.ab$", r"ba\Z", r"^b", r"a(?:b|a)$", r"k.K$", r"(?-i:A)ab$", r"aa$"]
TEXTS = st.text("abAB.kK\u212a\u017f", max_size=6)


@given(st.lists(st.sampled_from(PATTERNS), max_size=5, unique=True), TEXTS)
@example([r"k.K$"], "k.\u212a")  # the Kelvin sign is a k to IGNORECASE, the long s an s
@example([r"as$"], "a\u017f")
@example([], "")
def test_together_they_find_what_each_of_them_finds(patterns: list[str], text: str) -> None:
    regexes = [compile_pattern(pattern) for pattern in patterns]
    assert bool(any_by_ending(regexes)(text)) == any(regex.search(text) for regex in regexes)


def test_what_re2_searches_may_end_in_anything() -> None:
    pytest.importorskip("re2")
    slow = compile_pattern("^(a+)+ab$")
    assert (slow.python, ending(slow)) == (None, "")
    assert any_by_ending([slow, compile_pattern("xy$")])("aaab")
