"""Durations and sizes as administrators write them: "240s", "5m", "2h", "35d"; "64KiB"; and numbers as they read them.

Law: text in, numbers out; every mistake is a ValueError whose text says what would have been right.
"""

import re
from typing import NewType

Seconds = NewType("Seconds", int)
Bytes = NewType("Bytes", int)
FileMode = NewType("FileMode", int)

_DURATION_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_QUANTITY = re.compile(r"([0-9]{1,12}) ?([A-Za-z]+)", re.ASCII)


def parse_duration(text: str) -> Seconds:
    """Seconds of a duration such as ``"240s"``, ``"5m"``, ``"2h"``, ``"35d"``, ``"1w"``."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _DURATION_UNITS:
        raise ValueError(f'{text!r} is not a duration: a whole number and one of s, m, h, d, w, as in "240s" or "2d"')
    return Seconds(int(match[1]) * _DURATION_UNITS[match[2]])


def parse_size(text: str) -> Bytes:
    """Bytes of a size such as ``"64KiB"``."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _SIZE_UNITS:
        raise ValueError(f'{text!r} is not a size: a whole number and one of B, KiB, MiB, GiB, as in "64KiB"')
    return Bytes(int(match[1]) * _SIZE_UNITS[match[2]])


def parse_mode(text: str) -> FileMode:
    """The permission bits of an octal mode such as ``"0660"``."""
    if not re.fullmatch(r"0?[0-7]{3}", text, re.ASCII):
        raise ValueError(f'{text!r} is not a file mode: write three octal digits, as in "0660"')
    return FileMode(int(text, 8))


def number_of(number: float, one: str, many: str) -> str:
    """A number of things in words: ``1 entry``, ``2 entries``, ``0.5 points``."""
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    return f"{shown} {one if number == 1 else many}"


def format_duration(seconds: int) -> str:
    """The shortest exact way to write a duration: 86400 is ``"1d"``, 240 is ``"4m"``; 0 is ``"0s"``."""
    for unit, length in reversed(_DURATION_UNITS.items()):
        if unit != "w" and seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
