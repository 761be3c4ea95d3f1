"""Tables of plain values to settings.

Law: every mistake is found in one go, and none is a crash. What is wrong in a section keeps only that section from
being judged as a whole (`__post_init__`), because an option that is missing would be blamed for another's mistake.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final, get_type_hints

from policyd.config.convert import convert
from policyd.config.settings import NOT_YET, SECTIONS, Settings
from policyd.config.suggest import did_you_mean
from policyd.model.errors import ConfigError

Where = Callable[[str, str], str]
"""The place of an option (of a section, when the key is "") as mistakes name it: ``FILE:LINE``."""

_HOUSE: Final = frozenset(field.name for field in fields(Settings)) - {"checks", "source"}


def build(tables: Mapping[str, Any], source: str, where: Where) -> Settings:
    """The settings in `tables` (section -> key -> value as TOML gives it). Raises ConfigError with all mistakes."""
    mistakes: list[str] = []

    def complain(section: str, key: str, sentence: str) -> None:
        label = f"[{section}] {key}" if section and key else f"[{section}]" if section else key
        mistakes.append(f"{where(section, key)}: {label}: {sentence}")

    built = {}
    for name, value in tables.items():  # in the order of the file, and so the mistakes
        if name in SECTIONS:
            built[name] = _section(name, value, complain)
        else:
            _unknown_section(name, value, complain)
    if mistakes:
        raise ConfigError(mistakes)
    built = {name: kind() for name, kind in SECTIONS.items()} | built
    checks = {name: section for name, section in built.items() if name not in _HOUSE}
    return Settings(**{name: built[name] for name in _HOUSE}, checks=checks, source=source)


Complain = Callable[[str, str, str], None]


def _unknown_section(name: str, value: object, complain: Complain) -> None:
    if not isinstance(value, dict):
        homes = _homes(name)
        hint = f"; it belongs under {homes}" if homes else did_you_mean(name, _all_options())
        complain("", name, f"stands outside of every section{hint}")
    elif name in NOT_YET:
        complain(name, "", "not in this version; remove it or put # before its lines")
    else:
        complain(name, "", f"no such section{did_you_mean(name, SECTIONS)}")


def _section(name: str, table: object, complain: Complain) -> Any:
    """The settings of one section, or None after a complaint."""
    if not isinstance(table, dict):
        complain("", name, f"is a section; write [{name}] on a line of its own, and its options below it")
        return None
    kind = SECTIONS[name]
    values, good = _values(name, kind, table, complain)
    if not good:
        return None
    try:
        return kind(**values)
    except ValueError as error:
        key, colon, sentence = str(error).partition(": ")
        if not colon or key not in _options(kind):
            key, sentence = "", str(error)
        complain(name, key, sentence)
        return None


def _values(name: str, kind: type, table: Mapping[str, Any], complain: Complain) -> tuple[dict[str, Any], bool]:
    """The options of a section that are right, and whether all are."""
    hints = get_type_hints(kind)
    options = {field.name: field for field in fields(kind)}
    values = {}
    for key, value in table.items():
        if key not in options:
            complain(name, key, _unknown_option(key, options))
            continue
        try:
            values[key] = convert(value, hints[key], options[key].metadata)
        except ValueError as error:
            complain(name, key, str(error))
    return values, len(values) == len(table)


def _unknown_option(key: str, options: Iterable[str]) -> str:
    if near := did_you_mean(key, options):
        return f"no such option{near}"
    homes = _homes(key)
    return f"no such option here; it belongs under {homes}" if homes else "no such option"


def _homes(key: str) -> str:
    """The sections that have an option of this name: ``[store] or [log]``."""
    return " or ".join(f"[{name}]" for name, kind in SECTIONS.items() if key in _options(kind))


def _options(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


def _all_options() -> list[str]:
    return [option for kind in SECTIONS.values() for option in _options(kind)]
