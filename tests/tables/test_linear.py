"""Law tested: RE2 means what Python means, or refuses; and it is never busy for long."""

import re
import time
from re import _parser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables import linear
from policyd.tables.linear import Found, Inexpressible, compile_linear
from tests.system.parts import give_up
from tests.tables import regexes


@pytest.fixture(autouse=True)
def _re2() -> None:
    if not linear.is_available():
        give_up("RE2 is not installed: pip install google-re2")


class TestRe2(regexes.Contract):
    def search(self, body: str, flags: int, text: str) -> Found | None:
        return compile_linear(_parser.parse(body, flags)).search(text)


_TEXTS = st.text("abAB.-1\xe9\u212a", max_size=12)
_ATOMS = st.sampled_from(
    ["a", "B", r"\.", ".", "[ab]", "[^a]", "[a-c1]", r"\d", r"\w", "^", "$", "-", "(?:)", r"[^\W]", r"(?i:b)", "\xe9"]
)
_BODIES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"(?:{'|'.join(some)})"),
        inner.map(lambda body: f"({body})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2,4}", "*?", "??"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@given(_BODIES, _TEXTS, st.sampled_from([0, re.IGNORECASE, regexes.ASCII]))
def test_it_finds_what_python_finds(body: str, text: str, flags: int) -> None:
    expected = re.search(body, text, flags)
    try:
        found = compile_linear(_parser.parse(body, flags)).search(text)
    except Inexpressible:
        return
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found[0] == expected[0]


@pytest.mark.parametrize(
    ("body", "flags", "what"),
    [
        (r"(a+)+\1", 0, "back-references"),
        ("(?=a)b", 0, "stands around"),
        ("(?<!a)b", 0, "stands around"),
        ("(a)?(?(1)b|c)", 0, "back-references"),
        ("(?>a+)b", 0, "atomic"),
        ("a++b", 0, "possessive"),
        (r"\bb", re.IGNORECASE, r"\\b"),
        ("^a", re.MULTILINE, "lines"),
        ("(?m)^a", 0, "lines"),
        ("\xe9", re.IGNORECASE, "beyond ASCII"),
        ("[\xe0-\xe9]", re.IGNORECASE, "beyond ASCII"),
        (r"[^\S]", 0, "beyond ASCII"),
        ("\udc80", 0, "UTF-8"),
        ("(?:a{900}){900}", 0, "repeats"),
    ],
)
def test_what_it_has_not_is_refused(body: str, flags: int, what: str) -> None:
    with pytest.raises(Inexpressible, match=what):
        compile_linear(_parser.parse(body, flags))


def test_groups_are_counted() -> None:
    assert compile_linear(_parser.parse("(a)(?:b)((c))")).groups == 3


def test_without_the_package_nothing_is_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "re2", None)
    assert not linear.is_available()
    with pytest.raises(Inexpressible, match="not installed"):
        compile_linear(_parser.parse("a"))


@pytest.mark.parametrize(
    "body", ["(a+)+x", "(a|a)*x", "(?:a?){500}x", "(.*.*.*.*)*x", "^(a|aa)+$|x", "([a-z]+)*[^a]", "(?:.|..){400}x"]
)
def test_it_is_never_busy_for_long(body: str) -> None:
    search = compile_linear(_parser.parse(body, re.IGNORECASE)).search
    for text in ("a" * 255, "ab" * 127, "a\xe9" * 127):
        started = time.process_time()
        search(text)
        assert time.process_time() - started < 0.2  # 0.004 s was the worst seen
