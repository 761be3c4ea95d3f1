"""How long a regular expression can keep Python's `re` busy: an upper bound, known before it is ever run.

Law: every state is counted that backtracking can come to in any text of `MAX_TEXT` characters; whether one text has
all of them is not asked. What a pattern means is read from the tree of Python's own parser, though `re._parser` is
private: a second parser would be longer than all the lists, and where it differed it would judge a pattern that never
runs.
"""

from collections.abc import Sequence
from itertools import zip_longest
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

MAX_TEXT: Final = 255
"""Characters a pattern is asked about: a host name has 253 (RFC 1035 2.3.4), an address 254 (RFC 5321 4.5.3.1.3)."""

_PATIENCE: Final = 5_000
"""Parts looked at: more are in patterns only that repeat groups for the sake of it."""
_OTHER: Final = 128
"""Stands for all characters beyond ASCII."""
_ALL: Final = frozenset(range(_OTHER + 1))

Chars = frozenset[int]
Spread = list[int]
"""How many ways lead to each place of the text, from its beginning; none lead behind the last element."""

_REPEATS: Final = (_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT)
SINGLE: Final = (_parser.LITERAL, _parser.NOT_LITERAL, _parser.ANY, _parser.IN)
"""What is one character."""
_CATEGORIES: Final[dict[Any, Chars]] = {
    _parser.CATEGORY_DIGIT: frozenset(b"0123456789"),
    _parser.CATEGORY_SPACE: frozenset(b" \t\n\r\v\f\x1c\x1d\x1e\x1f"),
    _parser.CATEGORY_WORD: frozenset(char for char in range(_OTHER) if chr(char).isalnum() or chr(char) == "_"),
}
_NOT: Final = {
    _parser.CATEGORY_NOT_DIGIT: _parser.CATEGORY_DIGIT,
    _parser.CATEGORY_NOT_SPACE: _parser.CATEGORY_SPACE,
    _parser.CATEGORY_NOT_WORD: _parser.CATEGORY_WORD,
}


class TooSlow(Exception):
    """More steps than were allowed."""


def steps(tree: Any, most: int, length: int = MAX_TEXT) -> int:
    """An upper bound of the steps of a search for what `_parser.parse` made this `tree` of. Raises TooSlow."""
    walk = _Walk(most, length)
    walk.sequence(list(tree), [1] * (length + 1), frozenset())
    return walk.steps


class _Walk:
    def __init__(self, most: int, length: int) -> None:
        self.steps = 0
        self._most, self._length = most, length
        self._seen = 0

    def sequence(self, items: Sequence[Any], spread: Spread, follow: Chars | None) -> Spread:
        """Where the ways lead behind `items`.

        `follow`: the characters with which a text must go on there; None if that is unknown.
        """
        for place, (operator, argument) in enumerate(items):
            spread = self._item(operator, argument, spread, _first(items[place + 1 :], follow))
        return spread

    def _item(self, operator: Any, argument: Any, spread: Spread, follow: Chars | None) -> Spread:
        self._count(sum(spread))
        if operator in SINGLE:
            return [0, *spread[: self._length]]
        if operator in _REPEATS:
            return self._repeat(argument, spread, follow)
        if operator is _parser.BRANCH:
            return _added(*(self.sequence(list(inner), spread, follow) for inner in argument[1]))
        if operator is _parser.SUBPATTERN or operator is _parser.ATOMIC_GROUP:
            return self.sequence(list(argument[-1] if operator is _parser.SUBPATTERN else argument), spread, follow)
        if operator is _parser.AT and argument in (_parser.AT_BEGINNING, _parser.AT_BEGINNING_STRING):
            return spread[:1]
        return self._other(operator, argument, spread, follow)

    def _other(self, operator: Any, argument: Any, spread: Spread, follow: Chars | None) -> Spread:
        if operator in (_parser.ASSERT, _parser.ASSERT_NOT):
            self.sequence(list(argument[1]), spread, None)
        elif operator is _parser.GROUPREF_EXISTS:
            found, absent = argument[1], argument[2] or ()
            return _added(*(self.sequence(list(inner), spread, follow) for inner in (found, absent)))
        elif operator is _parser.GROUPREF:  # it compares as many characters as the group has
            self._count(sum(spread) * self._length)
        return spread

    def _repeat(self, argument: Any, spread: Spread, follow: Chars | None) -> Spread:
        least, most, inner = argument[0], min(int(argument[1]), self._length), list(argument[2])
        if len(inner) == 1 and inner[0][0] in SINGLE:
            return self._run(least, most, _chars(*inner[0]), spread, follow)
        again = _first(inner, follow) if follow is not None else None
        ways: Spread = []
        for time in range(most + 1):
            ways = _added(ways, spread) if time >= least else ways
            if time == most or not any(spread):
                break
            spread = self.sequence(inner, spread, None if again is None else again | (follow or frozenset()))
        return ways

    def _run(self, least: int, most: int, chars: Chars, spread: Spread, follow: Chars | None) -> Spread:
        """A repeat of one character. What must follow may tell where it ends: then only one way leads on."""
        tried = _run(spread, most, self._length)
        self._count(sum(tried))
        begun = ([0] * least + spread)[: self._length + 1]
        if follow is not None and not chars & follow:
            return begun
        return _run(begun, most - least, self._length) if least else tried

    def _count(self, more: int) -> None:
        self.steps += more
        self._seen += 1
        if self.steps > self._most or self._seen > _PATIENCE:
            raise TooSlow


def _added(*spreads: Spread) -> Spread:
    return [sum(ways) for ways in zip_longest(*spreads, fillvalue=0)]


def _run(spread: Spread, most: int, length: int) -> Spread:
    """Up to `most` characters further."""
    total, ways = 0, list[int]()
    for place in range(min(len(spread) + most, length + 1)):
        total += spread[place] if place < len(spread) else 0
        total -= spread[place - most - 1] if place > most else 0
        ways.append(total)
    return ways


def _first(items: Sequence[Any], follow: Chars | None) -> Chars | None:
    """With what a text begins that matches `items` and what follows them; None if that is unknown.

    Known is only what a character or two decide: all that fails there must fail at once.
    """
    found: Chars = frozenset()
    for operator, argument in items:
        if operator in SINGLE:
            return found | _chars(operator, argument)
        if operator is _parser.AT:
            if argument in (_parser.AT_END, _parser.AT_END_STRING):
                return found
        elif operator is _parser.SUBPATTERN:
            inner = _first(list(argument[-1]), frozenset())
            if inner is None or not len(argument[-1]) or argument[-1].getwidth()[0] == 0:
                return None
            return found | inner
        elif operator in _REPEATS and argument[2].getwidth()[0] > 0:
            inner = _first(list(argument[2]), frozenset())
            if inner is None:
                return None
            found |= inner
            if argument[0] > 0:
                return found
        else:
            return None
    return None if follow is None else found | follow


def _chars(operator: Any, argument: Any) -> Chars:
    """The characters that match, at least these: any letter is taken in both cases, and for some beyond ASCII."""
    if operator is _parser.ANY:
        return _ALL
    if operator is _parser.NOT_LITERAL:
        return _ALL - {argument} | {_OTHER}
    if operator is _parser.LITERAL:
        return _cased(argument, argument)
    negated = argument[0][0] is _parser.NEGATE
    return _ALL - _named(argument[1:], exact=True) | {_OTHER} if negated else _named(argument, exact=False)


def _named(items: Sequence[Any], *, exact: bool) -> Chars:
    found: Chars = frozenset()
    for operator, argument in items:
        if operator is _parser.CATEGORY:
            found |= _category(argument)
        else:
            low, high = argument if operator is _parser.RANGE else (argument, argument)
            found |= frozenset(range(low, min(high, _OTHER - 1) + 1)) if exact else _cased(low, high)
    return found


def _category(category: Any) -> Chars:
    return _ALL - _CATEGORIES[_NOT[category]] if category in _NOT else _CATEGORIES[category] | {_OTHER}


def _cased(low: int, high: int) -> Chars:
    chars = frozenset(range(low, min(high, _OTHER - 1) + 1))
    letters = {char for char in chars if chr(char).isalpha()}
    beyond = {_OTHER} if letters or high >= _OTHER else set()
    return chars | {char ^ 0x20 for char in letters} | beyond
