"""Regular expressions that backtracking could not answer in time, run by RE2: its time grows with the text only.

Law: a pattern means here what it means to Python, because RE2 is given what Python's own parser read, spelled out
character by character. What RE2 cannot express in that way is refused, never approximated. RE2 is an extra: without
the package google-re2 nothing is linear. Texts have no line ends, as no request has.
"""

import re
from collections.abc import Callable, Iterable
from re import _parser  # type: ignore[attr-defined]  # see backtracking.py
from typing import Any, Final, NamedTuple, Protocol

try:
    import re2
except ImportError:
    re2 = None

MEMORY: Final = 1 << 20
"""Bytes that RE2 may use for one pattern; the slowest one seen that fits took 4 ms."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = (" ", "\t-\r", "\x1c-\x1f", "\x85", "\xa0", "\u1680", "\u2000-\u200a", "\u2028", "\u2029", "\u202f",
                 "\u205f", "\u3000")  # fmt: skip
_ASCII: Final[dict[Any, str]] = {
    _parser.CATEGORY_DIGIT: "0-9",
    _parser.CATEGORY_NOT_DIGIT: r"\x00-/:-\x{10ffff}",
    _parser.CATEGORY_SPACE: r"\t-\r ",
    _parser.CATEGORY_NOT_SPACE: r"\x00-\x08\x0e-\x1f!-\x{10ffff}",
    _parser.CATEGORY_WORD: "0-9A-Z_a-z",
    _parser.CATEGORY_NOT_WORD: r"\x00-/:-@\x5b-\x5e`{-\x{10ffff}",
}
_ENDS: Final[dict[Any, str]] = {
    _parser.AT_BEGINNING: r"\A",
    _parser.AT_BEGINNING_STRING: r"\A",
    _parser.AT_END: r"\z",
    _parser.AT_END_STRING: r"\z",
}
_BEYOND: Final = "\u0130\u0131\u017f\u212a"
"""The letters beyond ASCII that fold to one of ASCII."""


class Found(Protocol):
    """What was found: group 0 is all of it, a group that took no part is None."""

    def __getitem__(self, group: int, /) -> str | Any:
        """The text of a group."""


class Linear(NamedTuple):
    """A pattern that RE2 runs."""

    search: Callable[[str], Found | None]
    groups: int


class Inexpressible(Exception):
    """RE2 knows no such thing; the text says which."""


def is_available() -> bool:
    """Whether RE2 is installed."""
    return re2 is not None


def compile_linear(tree: Any) -> Linear:
    """What `_parser.parse` made this `tree` of, for RE2. Raises Inexpressible, also without RE2."""
    if re2 is None:
        raise Inexpressible("RE2 is not installed")
    options = re2.Options()
    options.log_errors, options.max_mem = False, MEMORY
    flags = tree.state.flags
    if flags & re.MULTILINE:
        raise Inexpressible("lines within a text")
    try:
        regex = re2.compile(_sequence(tree, flags), options)
    except re2.error:  # too large: RE2 repeats at most 1000 times
        raise Inexpressible("so many repeats") from None

    def search(text: str) -> Found | None:
        # RE2 reads UTF-8; an invalid byte is a character to Python, which nobody can write in a list.
        found: Found | None = regex.search(text if text.isascii() else _SURROGATE.sub("\ufffd", text))
        return found

    return Linear(search, regex.groups)


def _sequence(items: Iterable[Any], flags: int) -> str:
    return "".join(_item(operator, argument, flags) for operator, argument in items)


def _item(operator: Any, argument: Any, flags: int) -> str:
    if operator is _parser.LITERAL or operator is _parser.NOT_LITERAL:
        return f"[{'^' if operator is _parser.NOT_LITERAL else ''}{_range(argument, argument, flags)}]"
    if operator is _parser.ANY:
        return "(?s:.)" if flags & re.DOTALL else r"[^\n]"
    if operator is _parser.IN:
        return _set(argument, flags)
    if operator is _parser.MAX_REPEAT or operator is _parser.MIN_REPEAT:
        least, most, inner = argument
        lazy = "?" if operator is _parser.MIN_REPEAT else ""
        last = "" if most is _parser.MAXREPEAT else int(most)
        return f"(?:{_sequence(inner, flags)}){{{least},{last}}}{lazy}"
    return _group(operator, argument, flags)


def _group(operator: Any, argument: Any, flags: int) -> str:
    if operator is _parser.BRANCH:
        return f"(?:{'|'.join(_sequence(inner, flags) for inner in argument[1])})"
    if operator is _parser.SUBPATTERN:
        group, added, removed, inner = argument
        return f"({'' if group else '?:'}{_sequence(inner, (flags | added) & ~removed)})"
    if operator is _parser.AT and argument in _ENDS:
        return _ENDS[argument]
    if operator is _parser.AT and flags & re.ASCII:
        return r"\b" if argument is _parser.AT_BOUNDARY else r"\B"
    raise Inexpressible(_NAMES.get(operator, "back-references, or what stands around"))


_NAMES: Final[dict[Any, str]] = {
    _parser.AT: r"\b, or \B",
    _parser.ATOMIC_GROUP: "atomic groups",
    _parser.POSSESSIVE_REPEAT: "possessive repeats",
}


def _set(items: Iterable[Any], flags: int) -> str:
    found = [_member(operator, argument, flags) for operator, argument in items if operator is not _parser.NEGATE]
    negated = len(found) < len(list(items))
    return f"[{'^' * negated}{''.join(found)}]"


def _member(operator: Any, argument: Any, flags: int) -> str:
    if operator is _parser.CATEGORY:
        return _category(argument, flags)
    low, high = argument if operator is _parser.RANGE else (argument, argument)
    return _range(low, high, flags)


def _category(category: Any, flags: int) -> str:
    if flags & re.ASCII:
        return _ASCII[category]
    if category is _parser.CATEGORY_DIGIT:
        return r"\p{Nd}"
    if category is _parser.CATEGORY_NOT_DIGIT:
        return r"\P{Nd}"
    if category is _parser.CATEGORY_WORD:
        return r"\p{L}\p{N}_"
    if category is _parser.CATEGORY_SPACE:
        return "".join(_SPACE)
    raise Inexpressible(r"\W and \S beyond ASCII")


def _range(low: int, high: int, flags: int) -> str:
    """The characters from `low` to `high`, letters in both cases if `flags` say so."""
    if high >= 0xD800 and low <= 0xDFFF:
        raise Inexpressible("what is not UTF-8")
    text = _char(low) if low == high else f"{_char(low)}-{_char(high)}"
    if not flags & re.IGNORECASE:
        return text
    if high > 0x7F:
        raise Inexpressible("letters beyond ASCII in any case")
    letters = (chr(number) for number in range(low, high + 1) if chr(number).isalpha())
    return text + "".join(_folded(letter, flags) for letter in letters)


def _folded(letter: str, flags: int) -> str:
    beyond = (char for char in _BEYOND if re.fullmatch(letter, char, re.IGNORECASE | flags & re.ASCII))
    return letter.swapcase() + "".join(beyond)


def _char(number: int) -> str:
    return f"\\x{{{number:x}}}"
