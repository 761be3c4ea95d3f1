"""Reply filters: which answers of a list are a listing, as Postfix's `postscreen_dnsbl_sites` writes them.

Law: ``d.d.d.d``, each d a number or ``[n;n..m]``, as in Postfix's ip_match(3). Beyond Postfix, a d may be ``&n``: any
number that has one of the bits of n, for lists whose answer is a set of bits (SURBL, URIBL).
"""

import re
from typing import Final, NamedTuple

Code = tuple[int, int, int, int]
"""An answer of a list: the four numbers of an IPv4 address."""

_FIELD: Final = re.compile(r"\[[^\[\]]*\]|&?[0-9]+", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_LONGEST: Final = 1000
"""Characters of a filter; nobody types more."""


class Filter(NamedTuple):
    """The codes whose four numbers each lie in their set."""

    text: str
    fields: tuple[frozenset[int], ...]

    def matches(self, code: Code) -> bool:
        """Whether this answer is one of them."""
        return all(number in field for number, field in zip(code, self.fields, strict=True))


def parse_filter(text: str) -> Filter:
    """The filter in ``127.0.0.[2..11]`` or ``127.0.0.&14``. Raises ValueError for people."""
    if len(text) > _LONGEST:
        raise ValueError(f"the filter has {len(text)} characters: write at most {_LONGEST}")
    fields, rest = [], text
    for number in range(4):
        match = _FIELD.match(rest)
        if match is None:
            raise ValueError(_complaint(text))
        fields.append(_field(match[0], text))
        rest = rest[match.end() :]
        if number < 3:
            if not rest.startswith("."):
                raise ValueError(_complaint(text))
            rest = rest[1:]
    if rest:
        raise ValueError(_complaint(text))
    return Filter(text, tuple(fields))


def parse_code(text: str) -> Code | None:
    """The numbers of an IPv4 address in its canonical form, None if it is none."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdecimal() and len(part) <= 3 for part in parts):
        return None
    a, b, c, d = map(int, parts)
    return (a, b, c, d) if max(a, b, c, d) <= 255 else None


def _field(field: str, text: str) -> frozenset[int]:
    if field.startswith("&"):
        mask = _number(field[1:], text)
        if not mask:
            raise ValueError(f"{text[:60]!r}: &0 has no bit that could be set: write the sum of the bits, as in &14")
        return frozenset(number for number in range(256) if number & mask)
    if not field.startswith("["):
        return frozenset((_number(field, text),))
    numbers: set[int] = set()
    for member in field[1:-1].split(";"):
        first, dots, last = member.partition("..")
        low = _number(first, text)
        high = _number(last, text) if dots else low
        if low > high:
            raise ValueError(f"{text[:60]!r}: {member!r} runs backwards: write the smaller number first")
        numbers.update(range(low, high + 1))
    return frozenset(numbers)


def _number(digits: str, text: str) -> int:
    if not _NUMBER.fullmatch(digits):
        raise ValueError(_complaint(text))
    if int(digits) > 255:
        raise ValueError(f"{text[:60]!r}: {digits} is too much, the largest number is 255")
    return int(digits)


def _complaint(text: str) -> str:
    return f"{text[:60]!r} is no filter: write four numbers or [n;n..m] between dots, as in 127.0.0.[2;4..7]"
