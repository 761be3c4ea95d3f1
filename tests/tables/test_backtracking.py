"""Law tested: the bound is one. A matcher that counts what it tries, slow and obvious, never tries more."""

import re
from collections.abc import Iterator
from re import _parser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.tables.backtracking import MAX_TEXT, TooSlow, steps
from tests.examples import thorough

LENGTH = 12
ENOUGH = 10**9


def bound(body: str, length: int = MAX_TEXT) -> int:
    return steps(_parser.parse(body, re.IGNORECASE), ENOUGH, length)


class Counter:
    """Searches as `re` does, and counts. It knows literals, sets, repeats, groups, alternatives, ^, $ and (?=)."""

    def __init__(self, text: str) -> None:
        self.text, self.tried = text, 0

    def search(self, tree: Any) -> bool:
        return any(True for start in range(len(self.text) + 1) for _ in self.ends(list(tree), start))

    def ends(self, items: list[Any], at: int) -> Iterator[int]:
        if not items:
            yield at
            return
        for place in self.item(items[0], at):
            yield from self.ends(items[1:], place)

    def item(self, item: Any, at: int) -> Iterator[int]:
        operator, argument = item
        self.tried += 1
        if operator is _parser.BRANCH:
            for inner in argument[1]:
                yield from self.ends(list(inner), at)
        elif operator is _parser.SUBPATTERN:
            yield from self.ends(list(argument[-1]), at)
        elif operator in (_parser.MAX_REPEAT, _parser.MIN_REPEAT):
            yield from self.repeat(*argument, at, 0, lazy=operator is _parser.MIN_REPEAT)
        elif operator is _parser.AT:
            yield from (at,) if at == (0 if argument is _parser.AT_BEGINNING else len(self.text)) else ()
        elif operator is _parser.ASSERT:
            yield from (at for _ in [next(self.ends(list(argument[1]), at), None)] if _ is not None)
        elif at < len(self.text) and self.is_one(item, self.text[at]):
            yield at + 1

    def repeat(self, least: int, most: Any, inner: Any, at: int, done: int, *, lazy: bool) -> Iterator[int]:
        if lazy and done >= least:
            yield at
        if done < most:
            for end in self.ends(list(inner), at):
                if end > at or done < least:
                    yield from self.repeat(least, most, inner, end, done + 1, lazy=lazy)
        if not lazy and done >= least:
            yield at

    @staticmethod
    def is_one(item: Any, char: str) -> bool:
        operator, argument = item
        if operator is _parser.ANY:
            return True
        if operator is _parser.LITERAL:
            return ord(char) == argument
        if operator is _parser.NOT_LITERAL:
            return ord(char) != argument
        negated = argument[0][0] is _parser.NEGATE
        found = any(low <= ord(char) <= high for low, high in map(_range, argument[negated:]))
        return found != negated


def _range(item: Any) -> tuple[int, int]:
    operator, argument = item
    return argument if operator is _parser.RANGE else (argument, argument)


_ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "[a-c]", "a*", "b+", ".?", "a{1,3}", "b*?", "[ab]+", "[^.]*", r"\.", "(?=a+b)", "$"]
)
_REGEXES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"({'|'.join(some)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2,4}", "*?"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)


@given(_REGEXES, st.text("ab.c", min_size=LENGTH, max_size=LENGTH), st.booleans())
@example("a*a*b", "a" * LENGTH, False)
@example("[ab]+[^.]*", "ab" * 6, True)
@example("(?:a+b)+", "aabaabaabaab", False)
@thorough
def test_nobody_tries_more_than_the_bound(body: str, text: str, anchored: bool) -> None:
    tree = _parser.parse(f"{'^' * anchored}{body}x")
    try:
        most = steps(tree, 200_000, LENGTH)
    except TooSlow:
        return
    counter = Counter(text)
    found = counter.search(tree)
    assert found == bool(re.search(f"{'^' * anchored}{body}x", text))
    # An item that is a group counts itself and what is in it; so do the turns of a repeat.
    assert counter.tried <= most * 2


@pytest.mark.parametrize(
    ("body", "less", "more"),
    [
        ("^example", 300, 10),
        ("example", 2500, 255),
        ("^a*x", 1500, 256),
        ("^a*a*x", 80_000, 30_000),
        ("^.*.*.*x", 10_000_000, 2_000_000),
        (r"^([12]?[0-9]{1,2}\.){4}dynamic\.example\.com$", 2000, 100),
        (r"^(?:[0-9]+[-.])+x", 200_000, 1000),  # each repeat ends where it must
        (r"^[^.]+\.[^.]+\.dyn\.", 2000, 500),
    ],
)
def test_how_much_it_is(body: str, less: int, more: int) -> None:
    assert more < bound(body) < less


@pytest.mark.parametrize(
    "body",
    ["(a+)+x", "(a|ab|b)*x", "(a*)*x", "(?:a?){40}x", "^(a|a){30}x", r"(.*)\1{9}x", r"^.*.*.*(?=.*x)(?=.*y)b"],
)
def test_what_grows_without_end_is_too_slow(body: str) -> None:
    with pytest.raises(TooSlow):
        steps(_parser.parse(body), 10_000_000)


def test_it_is_told_soon_also_of_patterns_that_only_repeat_nothing() -> None:
    with pytest.raises(TooSlow):
        bound("(?:(?:(?:(?:){255}){255}){255}){255}x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[^A]", "a"),  # in any case
        (r"\D", "[0-9]|."),
        (r"\w", "K"),  # the Kelvin sign is a word's character, and a k
        ("[^a]", "é"),
        (r"\s", r"\W"),
        ("a", "a|b"),
    ],
)
def test_what_may_be_the_same_character_is_no_end(one: str, other: str) -> None:
    assert bound(f"^{one}*(?:{other}){one}*(?:{other})x") > 30_000


def test_what_cannot_be_the_same_is_one() -> None:
    for one, other in [("[^-]", "-"), (r"\d", "-"), (r"\w", r"\."), ("[a-z]", "[0-9]"), (r"\S", " ")]:
        assert bound(f"^{one}*{other}{one}*{other}x") < 5000
