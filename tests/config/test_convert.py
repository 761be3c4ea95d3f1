"""How each type of option is written, and what the complaint about anything else says."""

import re
from datetime import date
from typing import Any, Literal

import pytest

from policyd.config.convert import convert
from policyd.model.units import Bytes, FileMode, Seconds

Colour = Literal["red", "green"]


@pytest.mark.parametrize(
    ("hint", "value", "converted"),
    [
        (Seconds, "5m", 300),
        (Bytes, "64KiB", 65536),
        (FileMode, "0660", 0o660),
        (int, 7, 7),
        (float, 1.5, 1.5),
        (float, 2, 2.0),
        (bool, False, False),
        (str, "", ""),
        (Colour, "green", "green"),
        (tuple[str, ...], [], ()),
        (tuple[str, ...], ["a", "b"], ("a", "b")),
        (tuple[Seconds, ...], ["1m", "2m"], (60, 120)),
    ],
)
def test_what_is_right(hint: Any, value: object, converted: object) -> None:
    result = convert(value, hint, {})
    assert result == converted
    assert type(result) is type(converted)


@pytest.mark.parametrize(
    ("hint", "value", "sentence"),
    [
        (Seconds, 240, '240 has no unit; write "240s"'),
        (Seconds, -1, "is a whole number; write a text with a unit"),
        (Seconds, True, "is true or false; write a text with a unit"),
        (Seconds, 1.5, 'is a number; write a text with a unit, as in "240s" or "2d"'),
        (Seconds, "5 minutes", "'5 minutes' is not a duration"),
        (Seconds, "5M", "'5M' is not a duration"),
        (Bytes, 65536, '65536 has no unit; write "65536B"'),
        (Bytes, "64K", "'64K' is not a size"),
        (FileMode, 0o660, 'is a number; write it in quotes, as in "0660"'),
        (FileMode, "0999", "'0999' is not a file mode"),
        (FileMode, [], 'is a list; write a text, as in "0660"'),
        (int, "24", "is a text; write 24 without quotes"),
        (int, "\u0662\u0664", "is a text; write a whole number"),
        (int, True, "is true or false; write a whole number"),
        (int, 24.0, "is a number; write a whole number"),
        (float, "1.5", "is a text; write a number, as in 1.5"),
        (float, float("nan"), "nan cannot be used; write a number, as in 1.5"),
        (float, float("-inf"), "-inf cannot be used; write a number, as in 1.5"),
        (float, 10**400, "is too large a number; write a smaller one"),
        (int, -(2**64), "is too large a number; write a smaller one"),
        (tuple[Seconds, ...], [2**63], "is too large a number; write a smaller one"),
        (bool, "yes", "is a text; write true or false, without quotes"),
        (bool, 1, "is a whole number; write true or false, without quotes"),
        (str, 10030, 'is a whole number; write a text, in quotes: "..."'),
        (str, date(2026, 1, 1), "is a date; write a text"),
        (Colour, "Green", "'Green' is not one of red, green, did you mean 'green'?"),
        (Colour, "blue", "'blue' is not one of red, green"),
        (Colour, {}, "is a section; write a text"),
        (tuple[str, ...], "/a", 'is a text; write a list, in brackets: ["/a"]'),
        (tuple[str, ...], 'a"b', 'write a list, in brackets: ["..."]'),
        (tuple[str, ...], 5, 'is a whole number; write a list, as in ["...", "..."]'),
        (tuple[str, ...], ["a", 5], "element 2 is a whole number; write a text"),
    ],
)
def test_what_is_wrong(hint: Any, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        convert(value, hint, {})


@pytest.mark.parametrize(
    ("hint", "value", "metadata", "sentence"),
    [
        (int, 33, {"min": 8, "max": 32}, "33 is out of range, write 8 to 32"),
        (int, 7, {"min": 8, "max": 32}, "7 is out of range, write 8 to 32"),
        (int, 5, {"min": 1000}, "5 is out of range, write at least 1000"),
        (Seconds, "2d", {"max": 86400, "why": "because"}, "2d is out of range, write 0s to 1d: because"),
        (tuple[str, ...], [], {"nonempty": True}, "must not be empty; remove the line to have the default"),
        (tuple[str, ...], ["a", "b", "a"], {"unique": True}, "'a' stands there twice"),
        (str, "x", {"check": int}, "invalid literal for int() with base 10: 'x'"),
        (tuple[str, ...], ["1", "x"], {"check": int}, "invalid literal for int() with base 10: 'x'"),
    ],
)
def test_what_metadata_refuses(hint: Any, value: object, metadata: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        convert(value, hint, metadata)


def test_limits_themselves_are_allowed() -> None:
    metadata = {"min": 8, "max": 32, "nonempty": True, "unique": True}
    assert [convert(value, int, metadata) for value in (8, 32)] == [8, 32]


def test_a_type_that_nobody_taught_is_a_bug_not_a_mistake_of_the_administrator() -> None:
    with pytest.raises(TypeError, match="teach"):
        convert({}, dict[str, str], {})
