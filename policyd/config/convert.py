"""What TOML gave, as the type of an option asks for it.

Law: the type hint decides how an option is written; nothing here knows an option. Every mistake is a ValueError that
says what to write. A value is repeated only where the type cannot hold a secret (`str` options check themselves).

What `metadata` of a field may say: `min`, `max` of numbers, durations and sizes, with `why`; `check`, called with the
value or with each element of a tuple, raises ValueError; `nonempty` and `unique` of tuples.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any, Final, Literal, get_args, get_origin

from policyd.config.suggest import did_you_mean
from policyd.model.units import Bytes, FileMode, Seconds, format_duration, parse_duration, parse_mode, parse_size

_WORDS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "a section",
    datetime: "a date",
    date: "a date",
    time: "a time of day",
}


def convert(value: object, hint: Any, metadata: Mapping[str, Any]) -> Any:
    """`value` (as tomllib gives it) as an option with this type hint and this metadata. Raises ValueError."""
    if type(None) in get_args(hint):  # ``X | None``: None is for a line that is not there
        hint = get_args(hint)[0]
    converted = _typed(value, hint)
    elements = converted if isinstance(converted, tuple) else (converted,)
    if not elements and metadata.get("nonempty"):
        raise ValueError("must not be empty; remove the line to have the default")
    if metadata.get("unique"):
        _refuse_twins(elements)
    for element in elements:
        _refuse_outside(element, hint, metadata)
        if check := metadata.get("check"):
            check(element)
    return converted


def _typed(value: object, hint: Any) -> Any:
    if type(value) is int and value.bit_length() > 63:  # more than TOML 1.0 has room for, and perhaps than a float
        raise ValueError("is too large a number; write a smaller one")
    if reader := _READERS.get(hint):
        return reader(value)
    if get_origin(hint) is Literal:
        return _choice(value, get_args(hint))
    if get_origin(hint) is tuple:
        return _tuple(value, get_args(hint)[0])
    raise TypeError(f"no option can have the type {hint!r}; teach policyd/config/convert.py to read it")


def _quantity(example: str, unit: str, parse: Callable[[str], Any]) -> Callable[[object], Any]:
    """The reader of numbers with a unit."""

    def read(value: object) -> Any:
        if type(value) is int and value >= 0:
            raise ValueError(f'{value} has no unit; write "{value}{unit}"')
        if not isinstance(value, str):
            raise ValueError(f"is {_words(value)}; write a text with a unit, as in {example}")
        return parse(value)

    return read


def _mode(value: object) -> FileMode:
    if type(value) is int:
        raise ValueError('is a number; write it in quotes, as in "0660"')
    if not isinstance(value, str):
        raise ValueError(f'is {_words(value)}; write a text, as in "0660"')
    return parse_mode(value)


def _int(value: object) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isdecimal() and value.isascii():
        raise ValueError(f"is a text; write {value} without quotes")
    raise ValueError(f"is {_words(value)}; write a whole number")


def _float(value: object) -> float:
    # TOML knows nan and inf; no option can use them.
    if isinstance(value, float):
        if value - value != 0:
            raise ValueError(f"{value} cannot be used; write a number, as in 1.5")
        return value
    if type(value) is int:
        return float(value)
    raise ValueError(f"is {_words(value)}; write a number, as in 1.5")


def _bool(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"is {_words(value)}; write true or false, without quotes")


def _str(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f'is {_words(value)}; write a text, in quotes: "..."')


def _choice(value: object, choices: tuple[str, ...]) -> str:
    text = _str(value)
    if text in choices:
        return text
    raise ValueError(f"{text!r} is not one of {', '.join(choices)}{did_you_mean(text, choices)}")


def _tuple(value: object, hint: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        raise ValueError(f"is a text; write a list, in brackets: [{_quoted(value)}]")
    if not isinstance(value, list):
        raise ValueError(f'is {_words(value)}; write a list, as in ["...", "..."]')
    return tuple(_element(number, element, hint) for number, element in enumerate(value, 1))


def _element(number: int, value: object, hint: Any) -> Any:
    try:
        return _typed(value, hint)
    except ValueError as error:
        raise ValueError(f"element {number} {error}") from None


def _quoted(text: str) -> str:
    return '"..."' if len(text) > 60 or not text.isprintable() or {'"', "\\"} & set(text) else f'"{text}"'


def _words(value: object) -> str:
    return _WORDS.get(type(value), "something else")


def _refuse_twins(elements: tuple[Any, ...]) -> None:
    for number, element in enumerate(elements):
        if element in elements[:number]:
            raise ValueError(f"{element!r} stands there twice")


def _refuse_outside(value: Any, hint: Any, metadata: Mapping[str, Any]) -> None:
    low, high = metadata.get("min"), metadata.get("max")
    if (low is None or value >= low) and (high is None or value <= high):
        return
    show: Callable[[Any], str] = format_duration if hint is Seconds else str
    limits = f"at least {show(low)}" if high is None else f"{show(low or 0)} to {show(high)}"
    why = f": {metadata['why']}" if "why" in metadata else ""
    raise ValueError(f"{show(value)} is out of range, write {limits}{why}")


_READERS: Final[Mapping[Any, Callable[[object], Any]]] = {
    Seconds: _quantity('"240s" or "2d"', "s", parse_duration),
    Bytes: _quantity('"64KiB"', "B", parse_size),
    FileMode: _mode,
    int: _int,
    float: _float,
    bool: _bool,
    str: _str,
}
