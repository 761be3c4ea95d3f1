r"""One /regex/ of a list, compiled only if no text can keep it busy.

Law: the text is the attacker's, so a pattern is refused whose number of ways to match `MAX_TEXT` characters is not
bounded by `MAX_WAYS`. ``^([a-z0-9]+[-_.]?)+@spam`` takes 3.9 s for 26 characters, 4 times that for 28 (measured).
"""

import re
import warnings
from collections.abc import Callable, Sequence
from re import _parser  # type: ignore[attr-defined]  # see _ways
from typing import Any, Final

MAX_TEXT: Final = 255
"""Characters a pattern is asked about: a host name has 253 (RFC 1035 2.3.4), an address 254 (RFC 5321 4.5.3.1.3)."""
MAX_PATTERN: Final = 1000
"""Characters of a pattern: longer ones are generated, and a list of names is faster and safer."""
MAX_WAYS: Final = 50_000_000
"""Ways to match. Three unbounded repeats pass (0.04 s was the worst seen), a fourth does not (0.2 s with ^, else more).
The worst pattern seen to pass took 0.3 s: 17 optional letters in a row."""

_TOO_SLOW = (
    "can be made to run for seconds by a hostile name (repeats in repeats, or too many): "
    "write fewer, put ^ in front, or list the names"
)


def compile_pattern(body: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    """The pattern between the slashes of ``/body/``: searched anywhere, in any case unless `flags` say otherwise.

    Raises ValueError, whose text continues a sentence that begins with the pattern.
    """
    if not body:
        raise ValueError("matches everything: write a name or a part of one between the slashes")
    if len(body) > MAX_PATTERN:
        raise ValueError(f"has {len(body)} characters: write at most {MAX_PATTERN}, or several lines")
    try:
        tree, pattern = _compile(body, flags)
        if tree.getwidth()[0] > MAX_TEXT:
            raise ValueError(f"needs more than {MAX_TEXT} characters and can never match: write less")
        anchored = len(tree) and tree[0][0] is _parser.AT and tree[0][1] in _BEGINNINGS
        if _ways(tree) * (1 if anchored else MAX_TEXT) > MAX_WAYS:
            raise ValueError(_TOO_SLOW)
    except RecursionError:
        raise ValueError("has too many groups in each other: write a simpler pattern") from None
    return pattern


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
    return tree, pattern


_BEGINNINGS = (_parser.AT_BEGINNING, _parser.AT_BEGINNING_STRING)
_REPEATS = (_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT)


def _ways(tree: Any) -> int:
    """An upper bound of how many ways `tree` can match at one place: what backtracking may try. Capped.

    It reads the tree of Python's own parser, though `re._parser` is private: a second parser of regular expressions
    would be longer than all the lists, and where it differed from `re`, it would judge a pattern that never runs.
    """
    ways = 1
    for operator, argument in tree:
        ways = min(ways * _ways_of(operator, argument), MAX_WAYS + 1)
    return ways


def _ways_of(operator: Any, argument: Any) -> int:
    if operator in _REPEATS:
        least, most, inner = argument
        return _ways_of_repeat(least, min(int(most), MAX_TEXT), _ways(inner))
    if operator is _parser.BRANCH:
        return sum(map(_ways, argument[1]))
    if operator is _parser.GROUPREF_EXISTS:
        return sum(_ways(inner) for inner in argument[1:] if inner is not None)
    if operator is _parser.SUBPATTERN or operator in (_parser.ASSERT, _parser.ASSERT_NOT):
        return _ways(argument[-1])
    return _ways(argument) if operator is _parser.ATOMIC_GROUP else 1


def _ways_of_repeat(least: int, most: int, inner: int) -> int:
    counts = max(most - least + 1, 1)
    # 2**40 is beyond MAX_WAYS already: no need for numbers of thousands of digits.
    return counts * min(int(inner ** min(most, 40)), MAX_WAYS + 1)


# Numbered and named references mean another group among others; flags must stand at the very start.
_UNJOINABLE = re.compile(r"\\[1-9]|\(\?[^:=!<]")
_INNERMOST = re.compile(r"\\.|\[[^\]]*\]|\([^()\[\]\\]*\)")


def any_of(regexes: Sequence[re.Pattern[str]]) -> Callable[[str], object]:
    """Two searches in place of many: whether any of `regexes` is found. Most texts match none of a whole list."""
    joinable = [regex for regex in regexes if _is_joinable(regex)]
    anchored = [regex.pattern for regex in joinable if _is_anchored(regex.pattern)]
    floating = [regex.pattern for regex in joinable if not _is_anchored(regex.pattern)]
    searches: list[Callable[[str], object]] = [regex.search for regex in regexes if not _is_joinable(regex)]
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
