"""Law tested: no text of 255 characters keeps a compiled pattern busy; what is refused says what to write."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.patterns import MAX_TEXT, MAX_WAYS, any_of, compile_pattern


@pytest.mark.parametrize(
    "body",
    [
        "example",
        r"^mail[0-9]+\.example\.com$",
        r"^.*-out-.*\.example\.com$",
        r"^(?:[^.]+\.)?mx?\d*\.(foo|bar)\.com$",
        r"(mail|mx)[0-9]*\.[a-z]+\.example\.com",
        r"^(\d{1,3}[-.]){3}\d{1,3}\..*\.example\.com$",
        r"(x{3})+y",
        r"(abc)+",
        r"([abc]d)*",
        r"\A.*.*.*x",
        r"(?=.*a)b",
        r"(.)\1",
        r"(a)?(?(1)b|c)",
        r"(?>a+)b",
        r"a++b",
    ],
)
def test_usual_patterns_compile(body: str) -> None:
    assert compile_pattern(body).pattern == body


@pytest.mark.parametrize(
    "body",
    [
        "(a+)+",
        r"([a-z0-9]+[-_.]?)+",
        r"^([a-z0-9]+[-_.]?)+@spam\.example$",
        "(a*)*",
        "(a*?)*?",
        "(a?){40}",
        "(a|ab|b)*",
        "(foo|foobar)+",
        "(?:a+)++b",
        "(?>a+)+b",
        "(?i:a+)+b",
        "((((a+))))+",
        "(?=(a+)+b)c",
        "(?!(a+)+b)c",
        "(x)?(?(1)(a+)+|c)",
        "(x)?(?(1)c|(a+)+)",
        "([a-z]{1,3}){100}",
        ".*.*.*x",
        "^.*.*.*.*x",
        "^" + "a?" * 30,
        "^" + "(a|a)" * 30,
    ],
)
def test_patterns_that_could_run_for_ever_are_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"hostile name .* write fewer"):
        compile_pattern(body)


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("", "matches everything: write"),
        ("a" * 1001, "has 1001 characters: write at most 1000"),
        ("a(", "no regular expression .*: correct it"),
        ("*a", "no regular expression"),
        ("(?u)(?a)x", "no regular expression"),
        ("(?L)x", "no regular expression"),
        ("a{99999999999999999999}", "no regular expression"),
        ("[[:alpha:]]", "something else in Python .*: write"),
        ("a{256}", "can never match: write less"),
        ("(" * 490 + "a" + ")" * 490, "too many groups"),
    ],
)
def test_other_mistakes(body: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        compile_pattern(body)


def test_searches_anywhere_and_in_any_case() -> None:
    assert compile_pattern("Mx[0-9]").search("smtp.mX7.EXAMPLE")


def test_the_longest_text_that_is_asked_about_can_match() -> None:
    assert compile_pattern("^" + "a" * MAX_TEXT + "$").search("a" * MAX_TEXT)


@pytest.mark.parametrize("body", [".*.*x", "[a-z]+[a-z]+x", "^.*?.*?.*?x", "^(a|aa)a*a*c", "(.*)\\1x"])
@pytest.mark.parametrize("text", ["a" * MAX_TEXT, "ab" * 127, "1." * 127])
def test_the_worst_that_passes_ends_soon(body: str, text: str) -> None:
    pattern = compile_pattern(body)
    started = time.process_time()
    assert not pattern.search(text)
    assert time.process_time() - started < 1  # 0.04 s was seen


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "a*", "b+", ".?", "a{1,3}", "b*?"])
_REGEXES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"({'|'.join(some)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2,4}", "*?"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


def _ways_by_hand(anchored: bool, stars: int) -> int:
    return int((MAX_TEXT + 1) ** stars) * (1 if anchored else MAX_TEXT)


@pytest.mark.parametrize("anchored", [True, False])
@pytest.mark.parametrize("stars", range(6))
def test_the_bound_is_the_product_of_repeats(anchored: bool, stars: int) -> None:
    body = "^" * anchored + "x" + "a*x" * stars
    if _ways_by_hand(anchored, stars) <= MAX_WAYS:
        compile_pattern(body)
    else:
        with pytest.raises(ValueError, match="hostile name"):
            compile_pattern(body)


@given(_REGEXES)
def test_what_passes_ends_soon_whatever_it_is(body: str) -> None:
    try:
        pattern = compile_pattern(body + "x")
    except ValueError:
        return
    started = time.process_time()
    pattern.search("a" * 60)
    assert time.process_time() - started < 1


@given(st.text("ab.*+?|()[]{}^$\\:!<>=PLuxi-,0129", max_size=40) | st.text())
def test_raises_nothing_but_value_errors(body: str) -> None:
    try:
        compile_pattern(body)
    except ValueError as mistake:
        assert str(mistake)  # noqa: PT017


def test_flags_may_be_others() -> None:
    pattern = compile_pattern("a.b", re.DOTALL)
    assert pattern.search("a\nb")
    assert not pattern.search("A\nB")


def test_only_like_patterns_are_asked_together() -> None:
    exact, verbose = compile_pattern("a", 0), compile_pattern("b # c", re.VERBOSE)
    found = any_of([compile_pattern("^x"), exact, verbose, compile_pattern("y")])
    assert [text for text in ("X", "a", "A", "b", "Y", "ax", "zz") if found(text)] == ["X", "a", "b", "Y", "ax"]
