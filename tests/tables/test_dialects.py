"""Law tested: Postfix's regular expressions mean in Python what they mean there, or are refused."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.dialects import Dialect, translate


@pytest.mark.parametrize(
    ("dialect", "body", "flags", "text", "found"),
    [
        ("regexp", "^[[:alpha:]]+@x$", "", "Ab@X", True),
        ("regexp", "^[[:alpha:]]+$", "", "é", False),
        ("regexp", r"a[\.]b", "", r"a\b", True),  # a backslash is none in brackets of POSIX
        ("pcre", r"a[\.]b", "", r"a\b", False),
        ("regexp", "a[.]b", "", "axb", False),
        ("regexp", "x[]y]z", "", "x]z", True),
        ("regexp", "x[^]y]z", "", "x]z", False),
        ("regexp", "[a-c&&b]", "", "a", True),
        ("regexp", r"a\/b", "", "a/b", True),
        ("regexp", r"^\w+$", "", "é", False),
        ("regexp", "[%!@].*[%!@]", "", "a%b@c", True),
        ("regexp", "a{1,2}b", "", "ab", True),
        ("regexp", "foo", "i", "FOO", False),  # i switches off what is on by default
        ("regexp", "foo", "", "FOO", True),
        ("regexp", "[[:digit:][:upper:]]", "i", "a", False),
        ("pcre", r"^\d+?\z", "", "12", True),
        ("pcre", r"^\d$", "", "٣", False),
        ("pcre", "b", "A", "ab", False),
        ("pcre", "a|b", "A", "cb", False),
        ("pcre", "a b # c", "x", "ab", True),
        ("pcre", "[[:digit:]x]", "", "7", True),
        ("pcre", r"[\]x]", "", "]", True),
        ("pcre", "(?i)foo", "i", "FOO", True),
        ("pcre", "(a)(?:b)(?P<n>c)", "EX", "abc", True),
    ],
)
def test_what_is_found(dialect: Dialect, body: str, flags: str, text: str, *, found: bool) -> None:
    assert (translate(dialect, body, flags).search(text) is not None) is found


@pytest.mark.parametrize(
    ("dialect", "body", "flags", "advice"),
    [
        # repeats of repeats: (a*)? in POSIX, the shortest in Python; possessive there, twice here
        ("regexp", "a*?", "", "a repeat of nothing or of a repeat"),
        ("regexp", "a++", "", "a repeat of nothing or of a repeat"),
        ("regexp", "a{1,3}+", "", "a repeat of nothing or of a repeat"),
        ("regexp", "*a", "", "a repeat of nothing"),
        ("regexp", "(a|*b)", "", "a repeat of nothing"),
        ("regexp", "(?:a)", "", "a repeat of nothing"),
        ("regexp", r"\d", "", "otherwise"),
        ("regexp", r"\<a", "", "otherwise"),
        ("regexp", "[abc", "", "otherwise"),
        ("regexp", "a\\", "", "no regular expression"),
        ("regexp", "[[=a=]]", "", "write the characters themselves"),
        ("regexp", "[[:letter:]]", "", "no class of characters"),
        ("regexp", "a", "z", "flag 'z'"),
        ("regexp", "a", "x", "flag 'x'"),
        ("regexp", "(a+)+\\1", "", "hostile name"),
        ("pcre", "a{,3}", "", "otherwise"),
        ("pcre", r"\v", "", "otherwise"),
        ("pcre", r"\N", "", "otherwise"),
        ("pcre", r"\h", "", "no regular expression of Python"),
        ("pcre", r"\Qa\E", "", "no regular expression of Python"),
        ("pcre", "a(?i)b", "", "no regular expression of Python"),
        ("pcre", "(?R)", "", "no regular expression of Python"),
        ("pcre", "(*UTF)a", "", "no regular expression of Python"),
        ("pcre", "a", "U", "flag 'U'"),
        ("pcre", "(a+)+\\1", "", "hostile name"),
        ("pcre", "", "", "matches everything"),
    ],
)
def test_what_is_refused(dialect: Dialect, body: str, flags: str, advice: str) -> None:
    with pytest.raises(ValueError, match=re.escape(advice)):
        translate(dialect, body, flags)


@given(st.sampled_from(["regexp", "pcre"]), st.text("ab.*+?|()[]{}^$\\:=,-&09dvx", max_size=30) | st.text())
def test_raises_nothing_but_value_errors(dialect: Dialect, body: str) -> None:
    try:
        translate(dialect, body, "")
    except ValueError as mistake:
        assert str(mistake)  # noqa: PT017
