"""Law tested: no text of 255 characters keeps a compiled pattern busy; what is refused says what to write."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables import linear
from policyd.tables.patterns import MAX_FILE_STEPS, MAX_STEPS, MAX_TEXT, Budget, any_of, compile_pattern
from tests.examples import thorough
from tests.tables import regexes


@pytest.fixture
def no_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without the extra."""
    monkeypatch.setattr(linear, "re2", None)


class TestPython(regexes.Contract):
    def search(self, body: str, flags: int, text: str) -> linear.Found | None:
        return re.compile(body, flags).search(text)


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
    python = compile_pattern(body).python
    assert python is not None
    assert python.pattern == body


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
        "(foo|foobar)+x",
        "(?>a+)+b",
        "(?i:a+)+b",
        "((((a+))))+",
        "(?=(a+)+b)c",
        "(?!(a+)+b)c",
        "(x)?(?(1)(a+)+|c)",
        "(x)?(?(1)c|(a+)+)",
        "([a-z]{1,3}){100}",
        "x.*.*.*x",
        "^.*.*.*.*x",
        "^" + "a?" * 30 + "x",
        "^" + "(a|a)" * 30 + "x",
        "^.*.*.*(?:..){50}x",  # not many ways, but long ones
        "^(?:a?){24}(?:aa){100}b",
        r"^(a*)(a*)(a*)\3\2\1b",
        "^.*.*.*(?=.*x)b",
        "^[ab]*?[ab]*?[ab]*?(?:[ab][ab]){60}c",
    ],
)
@pytest.mark.usefixtures("no_re2")
def test_patterns_that_could_run_for_ever_are_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"hostile name .* write fewer, .* extra re2"):
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
        ("(?:(?!a).)*+b", "possessive repeat of a group"),
        ("x(?:y|(z(ab)?+)|c)", "possessive repeat of a group"),
        ("(?=(?:a+){1,2}+)b", "possessive repeat of a group"),
    ],
)
def test_other_mistakes(body: str, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        compile_pattern(body)


def test_searches_anywhere_and_in_any_case() -> None:
    assert compile_pattern("Mx[0-9]").search("smtp.mX7.EXAMPLE")


def test_the_longest_text_that_is_asked_about_can_match() -> None:
    assert compile_pattern("^" + "a" * MAX_TEXT + "$").search("a" * MAX_TEXT)


@pytest.mark.parametrize("body", [".*.*x", "[a-z]+[a-z]+x", "^.*?.*?.*?x", "^(a|aa)a*a*c", "(.*)\\1x", "(a?){12}a?x"])
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


@pytest.mark.usefixtures("no_re2")
@pytest.mark.parametrize(("anchored", "stars"), [(True, 3), (False, 2)])
def test_so_many_repeats_of_anything_pass_and_no_more(anchored: bool, stars: int) -> None:
    begin = "^" * anchored + "x"
    assert compile_pattern(begin + ".*" * stars + "x").steps <= MAX_STEPS
    with pytest.raises(ValueError, match="hostile name"):
        compile_pattern(begin + ".*" * (stars + 1) + "x")


def test_anything_in_front_is_looked_for_once() -> None:
    regex = compile_pattern(r".*-out-.*\.example\.com$")
    assert regex.steps < MAX_STEPS // 10
    assert regex.search("mail-OUT-7.example.com")
    assert not regex.search("mail-out-7.example.org")
    assert compile_pattern(".*|x").search("")
    assert compile_pattern(".*").search("")


def test_the_patterns_of_a_file_have_a_budget() -> None:
    budget, regex = Budget(), compile_pattern("^.*.*.*x")
    for _ in range(MAX_FILE_STEPS // regex.steps):
        budget.spend(regex)
    with pytest.raises(ValueError, match=r"one regular expression too many: .*; write"):
        budget.spend(regex)
    budget.spend(compile_pattern("^mail[0-9]+"))  # there is still room for a small one


@pytest.mark.usefixtures("no_re2")
@given(_REGEXES)
@thorough
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


def test_what_re2_runs_is_found_with_the_others() -> None:
    pytest.importorskip("re2")
    slow = compile_pattern("^(a+)+$")
    assert slow.python is None
    assert slow.steps == 0
    found = any_of([compile_pattern("x"), slow])
    assert [text for text in ("AAA", "b", "bx") if found(text)] == ["AAA", "bx"]


def test_what_re2_does_not_know_either_is_refused() -> None:
    pytest.importorskip("re2")
    with pytest.raises(ValueError, match=r"hostile name .*; RE2 has no back-references"):
        compile_pattern(r"^(a+)+\1$")
