r"""One /regex/ of a list, compiled only if no text can keep it busy.

Law: the text is the attacker's, so a pattern is refused that Python's `re` may need more than `MAX_STEPS` for, unless
RE2, which is never busy for long, is installed and can run it. ``^([a-z0-9]+[-_.]?)+@spam`` takes 3.9 s for 26
characters, 4 times that for 28 (measured). Whether RE2 is there changes which patterns are refused, and never what one
means.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from re import _parser  # type: ignore[attr-defined]  # see backtracking.py
from typing import Any, Final, NamedTuple

from policyd.tables.backtracking import MAX_TEXT, SINGLE, TooSlow, steps
from policyd.tables.linear import Found, Inexpressible, compile_linear, is_available

__all__ = [
    "MAX_FILE_STEPS", "MAX_PATTERN", "MAX_STEPS", "MAX_TEXT", "Budget", "Found", "Regex", "any_of", "compile_pattern",
]  # fmt: skip

MAX_PATTERN: Final = 1000
"""Characters of a pattern: longer ones are generated, and a list of names is faster and safer."""
MAX_STEPS: Final = 10_000_000
"""Steps of one search. Three repeats of anything pass (^.*.*.*x), which take 0.04 s; 0.14 s was the worst seen."""
MAX_FILE_STEPS: Final = 5 * MAX_STEPS
"""Steps of all patterns of a file together: one text may be the worst for all of them."""

_TOO_SLOW: Final = (
    "can be made to run for seconds by a hostile name (repeats in repeats, or too many): "
    "write fewer, put ^ in front, write [^.]* in place of .*, or list the names"
)


class Regex(NamedTuple):
    """A pattern that is ready to be searched for."""

    search: Callable[[str], Found | None]
    groups: int
    steps: int
    """At most so many, of Python's `re`; 0 where RE2 searches."""
    python: re.Pattern[str] | None
    """None where RE2 searches."""


class Budget:
    """What the patterns of one file may cost together."""

    def __init__(self) -> None:
        self._left = MAX_FILE_STEPS

    def spend(self, regex: Regex) -> None:
        """Take one more. Raises ValueError for people."""
        if regex.steps > self._left:
            raise ValueError(
                "is one regular expression too many: those above it can already keep policyd busy for half a second; "
                "write [^.]* in place of .* there, list names, or divide the file"
            )
        self._left -= regex.steps


def compile_pattern(body: str, flags: int = re.IGNORECASE) -> Regex:
    """The pattern between the slashes of ``/body/``: searched anywhere, in any case unless `flags` say otherwise.

    Raises ValueError, whose text continues a sentence that begins with the pattern.
    """
    if not body:
        raise ValueError("matches everything: write a name or a part of one between the slashes")
    if len(body) > MAX_PATTERN:
        raise ValueError(f"has {len(body)} characters: write at most {MAX_PATTERN}, or several lines")
    try:
        tree, pattern = _compile(body, flags)
        if _begins_with_anything(body, tree):  # found at the start or nowhere: one place to try in place of 255
            tree, pattern = _compile(f"^{body}", flags)
        return _bounded(tree, pattern)
    except RecursionError:
        raise ValueError("has too many groups in each other: write a simpler pattern") from None


def _bounded(tree: Any, pattern: re.Pattern[str]) -> Regex:
    if tree.getwidth()[0] > MAX_TEXT:
        raise ValueError(f"needs more than {MAX_TEXT} characters and can never match: write less")
    try:
        return Regex(pattern.search, pattern.groups, steps(tree, MAX_STEPS), pattern)
    except TooSlow:
        pass
    try:
        linear = compile_linear(tree)
    except Inexpressible as error:
        advice = f"; RE2 has no {error}" if is_available() else "; the extra re2 runs most of them: see docs/lists.md"
        raise ValueError(_TOO_SLOW + advice) from None
    return Regex(linear.search, linear.groups, 0, None)


def _compile(body: str, flags: int) -> tuple[Any, re.Pattern[str]]:
    try:
        # Python only warns of what other dialects read differently, such as [[:alpha:]].
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            tree = _parser.parse(body, flags)
            pattern = re.compile(body, flags)
    except (re.error, ValueError, OverflowError) as error:
        raise ValueError(f"is no regular expression of Python ({error}): correct it") from None
    if caught:
        raise ValueError(f"means something else in Python ({caught[0].message}): write it another way")
    if repeats_group_possessively(tree):
        raise ValueError("has a possessive repeat of a group, which Python can match wrongly: write (?>(x)*) for (x)*+")
    return tree, pattern


def repeats_group_possessively(tree: Any) -> bool:
    """Whether ``(x)*+`` is somewhere in a pattern; of one character it is sound, and so is ``(?>(x)*)``.

    Python 3.11.2, which Debian 12 has, finds ``(?:(?!a).)*+`` in other places (gh-106052, mended in 3.11.5), and up to
    3.13 some searches with groups in such a repeat end with SystemError (measured).
    """
    return any(
        (operator is _parser.POSSESSIVE_REPEAT and not _is_one_character(argument[2]))
        or any(map(repeats_group_possessively, _inner(argument)))
        for operator, argument in tree
    )


def _is_one_character(tree: Any) -> bool:
    return len(tree) == 1 and tree[0][0] in SINGLE


def _inner(argument: Any) -> Iterator[Any]:
    """The patterns within an element, however deep in its arguments."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for each in argument:
            yield from _inner(each)


def _begins_with_anything(body: str, tree: Any) -> bool:
    """Whether ``.*`` stands in front of all the rest. As no text has line ends, ^ changes nothing there."""
    return body.startswith(".*") and tree[0][0] in (_parser.MAX_REPEAT, _parser.MIN_REPEAT)


# Numbered and named references mean another group among others; flags must stand at the very start.
_UNJOINABLE = re.compile(r"\\[1-9]|\(\?[^:=!<]")
_INNERMOST = re.compile(r"\\.|\[[^\]]*\]|\([^()\[\]\\]*\)")


def any_of(regexes: Sequence[Regex]) -> Callable[[str], object]:
    """Two searches in place of many: whether any of `regexes` is found. Most texts match none of a whole list."""
    joinable = [regex.python.pattern for regex in regexes if regex.python and _is_joinable(regex.python)]
    anchored = [pattern for pattern in joinable if _is_anchored(pattern)]
    floating = [pattern for pattern in joinable if not _is_anchored(pattern)]
    searches: list[Callable[[str], object]] = [
        regex.search for regex in regexes if not (regex.python and _is_joinable(regex.python))
    ]
    if floating:
        searches.insert(0, _joined(floating).search)
    if anchored:
        searches.insert(0, _joined(anchored).match)
    if not searches:
        return lambda text: None
    if len(searches) == 1:
        return searches[0]
    if len(searches) == 2:  # as in most lists, on the way of every mail
        first, second = searches
        return lambda text: first(text) or second(text)
    return lambda text: any(search(text) for search in searches)


def _is_joinable(regex: re.Pattern[str]) -> bool:
    return regex.flags == _joined([]).flags and not _UNJOINABLE.search(regex.pattern)


def _is_anchored(pattern: str) -> bool:
    """Whether it can only match at the start of a text: ``^``, and no alternative outside of brackets."""
    before, outside = "", pattern
    while before != outside:
        before, outside = outside, _INNERMOST.sub("", outside)
    return outside.startswith("^") and "|" not in outside and "(" not in outside


def _joined(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)
