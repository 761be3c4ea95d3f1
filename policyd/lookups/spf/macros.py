"""Macros (RFC 7208 7): the text of a record becomes a domain name, or an explanation.

Law: pure, and linear in what it is given, which is the attacker's. A text is taken by the grammar as a whole or
refused; pyspf's own expansion searches all of it once per label, which is quadratic, and takes more than the grammar.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

MAX_DOMAIN: Final = 253
"""Characters of a domain name (RFC 7208 7.3)."""

# RFC 7208 7.1: macro-expand. A number of parts must not be zero; c, r and t are for explanations only.
_MACRO: Final = r"%\{{([{letters}])(0*[1-9][0-9]*)?(r?)([-.+,/_=]*)\}}|%([%_-])"
_IN_DOMAIN: Final = re.compile(_MACRO.format(letters="slodiphv"), re.ASCII | re.IGNORECASE)
_IN_TEXT: Final = re.compile(_MACRO.format(letters="slodiphvcrt"), re.ASCII | re.IGNORECASE)
_LITERAL: Final = re.compile(r"[!-$&-~]*", re.ASCII)
_WORDS: Final = re.compile(r"[ -$&-~]*", re.ASCII)
_PLAIN: Final = {"%": "%", "_": " ", "-": "%20"}
# RFC 7208 7.1: not all digits, no dash at either end.
_TOP_LABEL: Final = re.compile(
    r"(?=[0-9a-z-]{1,63}$)(?![0-9]+$)[0-9a-z]([0-9a-z-]*[0-9a-z])?", re.ASCII | re.IGNORECASE
)

Value = Callable[[str], str]
"""What a macro letter, in lower case, stands for."""


class MacroError(ValueError):
    """The text is not what the grammar allows."""


def expand_domain(spec: str, value: Value) -> str:
    """The name that a domain-spec stands for, without its last dot. Raises MacroError."""
    expanded, tail = _expanded(spec, value, _IN_DOMAIN, _LITERAL)
    if tail is not None and not _ends_well(tail):
        raise MacroError("no fully qualified domain")
    return shortened(expanded.removesuffix("."))


def expand_text(text: str, value: Value) -> str:
    """The explanation that a text stands for. Raises MacroError."""
    return _expanded(text, value, _IN_TEXT, _WORDS)[0]


def check_macros(text: str) -> None:
    """Refuse what is no macro-string: even modifiers that nobody knows must be (RFC 7208 6). Raises MacroError."""
    _expanded(text, lambda letter: "", _IN_DOMAIN, _LITERAL)


def shortened(name: str) -> str:
    """`name` without as many of its left labels as it is too long (RFC 7208 7.3)."""
    while len(name) > MAX_DOMAIN and "." in name:
        name = name[max(name.find(".", 0, -MAX_DOMAIN), name.index(".")) + 1 :]
    return name


def _expanded(text: str, value: Value, macro: re.Pattern[str], literal: re.Pattern[str]) -> tuple[str, str | None]:
    """The expansion, and the literal text at its end; None if a macro stands there."""
    parts: list[str] = []
    tail: str | None = ""
    end = 0
    while end < len(text):
        if (match := macro.match(text, end)) is not None:
            parts.append(_PLAIN[match[5]] if match[5] else _of_macro(match, value))
            tail = None
        elif (match := literal.match(text, end)) is not None and match.end() > end:
            parts.append(tail := match[0])
        else:
            raise MacroError("no macro or no character that may stand there")
        end = match.end()
    return "".join(parts), tail


def _of_macro(match: re.Match[str], value: Value) -> str:
    letter, count, reverse, delimiters, _ = match.groups()
    expanded = value(letter.lower())
    if count or reverse or delimiters:
        parts = re.split(f"[{re.escape(delimiters or '.')}]", expanded)
        if reverse:
            parts.reverse()
        expanded = ".".join(parts[-int(count) :] if count else parts)
    # RFC 7208 7.3: an upper-case letter asks for URL escaping (RFC 3986 2.3).
    return quote(expanded, safe="~", errors="surrogateescape") if letter.isupper() else expanded


def _ends_well(tail: str) -> bool:
    _, dot, label = tail.removesuffix(".").rpartition(".")
    return bool(dot) and _TOP_LABEL.fullmatch(label) is not None
