r"""Postfix's regular expressions (POSIX extended, and PCRE) -> the same in Python's.

Law: what Python would read in another way is rewritten or refused with a sentence, never misread. Letters match in any
case unless a flag says otherwise; ``\w`` and its like know ASCII only, as there. What Python does not know at all
(``\h``, ``(?R)``) it refuses itself, and where it reads a set of characters in an unusual way it warns.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

from policyd.tables.patterns import Regex, compile_pattern

Dialect = Literal["regexp", "pcre"]

_FLAGS: Final[dict[Dialect, dict[str, re.RegexFlag]]] = {
    "regexp": {"i": re.IGNORECASE, "m": re.MULTILINE},
    "pcre": {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE, "E": re.NOFLAG, "X": re.NOFLAG},
}
_CLASSES: Final = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": r" \t", "cntrl": r"\x00-\x1f\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\s", "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}  # fmt: skip

# In brackets a backslash stands for itself (POSIX), or begins an escape (PCRE).
_PIECE: Final = {
    "regexp": re.compile(r"(\[\^?+\]?(?>(?:\[:\w+:\]|[^\]])*)\])|\\.|\{[0-9,]*\}|.", re.DOTALL),
    "pcre": re.compile(r"(\[\^?+\]?(?>(?:\[:\w+:\]|\\.|[^\]\\])*)\])|\\.|\{,|.", re.DOTALL),
}
_ELEMENT: Final = {
    "regexp": re.compile(r"\[:(\w+):\]|.", re.DOTALL),
    "pcre": re.compile(r"\[:(\w+):\]|\\.|.", re.DOTALL),
}
_QUANTIFIER: Final = re.compile(r"[*+?{].*", re.DOTALL)
_MISREAD: Final = {
    # GNU has \< \> \' \` too, and makes a d of \d.
    "regexp": re.compile(r"\\[^wWsSbB1-9.*+?()\[\]{}|^$/\\@!#%&,:;=~\"_ -]", re.DOTALL),
    # Any vertical space, not a line break, nothing; and {,3} is text before PCRE2 10.43.
    "pcre": re.compile(r"\\[vNuU]|\{,"),
}


def translate(dialect: Dialect, body: str, flags: str) -> Regex:
    """The pattern of ``/body/flags``. Raises ValueError, whose text continues a sentence that begins with it."""
    switched, known = re.IGNORECASE | re.DOTALL, _FLAGS[dialect]
    for flag in flags.replace("A", "") if dialect == "pcre" else flags:
        if flag not in known:
            raise ValueError(f"has the flag {flag!r}, which is not understood here: write none, or of {''.join(known)}")
        switched ^= known[flag]
    translated = "".join(_translated(dialect, body))
    if "A" in flags:
        translated = rf"\A(?:{translated})"
    return compile_pattern(translated, switched | re.ASCII)


def _translated(dialect: Dialect, body: str) -> Iterator[str]:
    previous = ""
    for found in _PIECE[dialect].finditer(body):
        piece = found[0]
        if piece == "[" or _MISREAD[dialect].match(piece):
            raise ValueError(f"has {piece!r}, which Python would read otherwise: write it in another way")
        # Two in a row mean something new in Python, and PCRE; one that repeats nothing is text to some.
        if dialect == "regexp" and _QUANTIFIER.match(piece) and (previous in "(|^" or _QUANTIFIER.match(previous)):
            raise ValueError(f"has {previous + piece!r}, a repeat of nothing or of a repeat: write it in another way")
        yield _set(dialect, piece) if found[1] else r"\Z" if piece == r"\z" else piece
        previous = piece


def _set(dialect: Dialect, text: str) -> str:
    """A bracket expression: classes such as ``[:digit:]`` spelled out, and nothing left that is special to Python."""
    start = 2 if text.startswith("[^") else 1
    if "[." in text[start:] or "[=" in text[start:]:
        raise ValueError(f"has {text[:60]!r}: write the characters themselves")
    return text[:start] + "".join(_element(found) for found in _ELEMENT[dialect].finditer(text[start:-1])) + "]"


def _element(found: re.Match[str]) -> str:
    if found[1]:
        if found[1] not in _CLASSES:
            raise ValueError(f"has {found[0]!r}, which is no class of characters: write one such as [:alpha:]")
        return _CLASSES[found[1]]
    return f"\\{found[0]}" if found[0] in "\\[]^&~|" else found[0]
