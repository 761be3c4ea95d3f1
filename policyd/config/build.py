"""Tables of plain values to settings.

Law: every mistake is found in one go, and none is a crash. What is wrong in a section keeps only that section from
being judged as a whole (`__post_init__`), because an option that is missing would be blamed for another's mistake.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, fields, is_dataclass
from typing import Any, Final, NamedTuple, get_args, get_origin, get_type_hints

from policyd.checks import REGISTRY
from policyd.config.convert import convert
from policyd.config.locate import Place
from policyd.config.settings import ARRAYS, SECTIONS, Common, Settings
from policyd.config.suggest import did_you_mean
from policyd.model.errors import ConfigError
from policyd.model.units import format_duration
from policyd.policies import Policies, Policy, options_for, stages
from policyd.tables.windows import Window

Where = Callable[[Place], str]
"""The place of a section or an option as mistakes name it: ``FILE:LINE``."""
Complain = Callable[[Place, str, str], None]
"""Takes a mistake: the path of its table, the option in it ("" for all of it), the sentence."""


class Option(NamedTuple):
    """A field of one of the dataclasses that share a table."""

    kind: type
    field: Field[Any]
    hint: Any


_HOUSE: Final = frozenset(field.name for field in fields(Settings)) & frozenset(SECTIONS)


def build(tables: Mapping[str, Any], source: str, where: Where) -> Settings:
    """The settings in `tables` (section -> key -> value as TOML gives it). Raises ConfigError with all mistakes."""
    mistakes: list[str] = []

    def complain(table: Place, key: str, sentence: str) -> None:
        label = f"{_label(table)} {key}".strip()
        mistakes.append(f"{where((*table, key) if key else table)}: {label}: {sentence}")

    built: dict[str, Any] = {}
    for name, value in tables.items():  # in the order of the file, and so the mistakes
        if name in SECTIONS:
            built[name] = _section(name, value, complain)
        elif name in ARRAYS:
            built[name] = _array((), name, ARRAYS[name], value, complain)
        else:
            _unknown_section(name, value, complain)
    _refuse(mistakes)
    settings = _settings(built, source, where)
    _judge_policies(settings, where, complain)
    _judge_deadlines(settings, tables, complain)
    _refuse(mistakes)
    return settings


def _refuse(mistakes: list[str]) -> None:
    if mistakes:
        raise ConfigError(mistakes)


def _settings(built: Mapping[str, Any], source: str, where: Where) -> Settings:
    sections = {name: (kind(), Common()) for name, kind in SECTIONS.items()} | dict(built)
    windows = {name: sections[name][1].window() for name in REGISTRY}
    asked = sections["chain"][0].checks
    return Settings(
        **{name: sections[name][0] for name in _HOUSE},
        policies=tuple(
            policy.policy(asked, f"{policy.name or f'policy #{number}'} ({where(('policy', number - 1))})")
            for number, policy in enumerate(built.get("policy", ()), 1)
        ),
        checks={name: sections[name][0] for name in REGISTRY},
        shadowed=frozenset(name for name in REGISTRY if sections[name][1].mode == "shadow"),
        windows={name: window for name, window in windows.items() if window != Window()},
        source=source,
    )


def _judge_policies(settings: Settings, where: Where, complain: Complain) -> None:
    """What only shows when all policies are seen beside each other and beside the checks."""
    unreachable = list(Policies(settings.policies).unreachable())
    for number, policy in enumerate(settings.policies):
        for key, earlier in ((key, earlier) for late, key, earlier in unreachable if late == number):
            whom = repr(key) if key else "everybody"
            before = settings.policies[earlier].name
            complain(("policy", number), "recipients", f"{whom} always belongs to {before}; put this one before it")
        if problem := _delay_problem(policy, settings):
            complain(("policy", number), "delay", problem)
        if policy.when is not None and "greylist" not in policy.checks:
            complain(("policy", number), "when", "greylist is not asked here, so nobody waits; remove one of the two")


def _judge_deadlines(settings: Settings, tables: Mapping[str, Any], complain: Complain) -> None:
    """A check that may wait as long as the chain lets it is cut off, and what it has found by then with it."""
    server, lost = settings.server, "what it knows by then would be lost"
    for name in stages(settings.chain.checks, settings.policies):
        own = getattr(settings.checks[name], "deadline", 0)
        if own < server.patience:
            continue
        if "deadline" in tables.get(name, {}):
            limit = f"not below {server.patience:g}s, the checks' share of [server] request_deadline"
            complain((name,), "deadline", f"{format_duration(own)} is {limit}: {lost}; shorten it")
        else:
            share = f"{format_duration(server.request_deadline)} gives the checks {server.patience:g}s"
            limit = f"not more than [{name}] deadline, {format_duration(own)}"
            complain(("server",), "request_deadline", f"{share}, {limit}: {lost}; raise it")


def _delay_problem(policy: Policy, settings: Settings) -> str:
    if policy.delay is None:
        return ""
    if "greylist" not in policy.checks:
        return "greylist is not asked here, so there is no delay; remove one of the two"
    try:
        options_for(policy, "greylist", settings.checks["greylist"])
    except ValueError as error:
        return str(error).partition(": ")[2]
    return ""


def _unknown_section(name: str, value: object, complain: Complain) -> None:
    if not isinstance(value, dict):
        homes = _homes(name)
        hint = f"; it belongs under {homes}" if homes else did_you_mean(name, _all_options())
        complain((), name, f"stands outside of every section{hint}")
    else:
        complain((name,), "", f"no such section{did_you_mean(name, [*SECTIONS, *ARRAYS])}")


def _section(name: str, table: object, complain: Complain) -> tuple[Any, ...] | None:
    """The settings of one section, and of a check its timetable; None after a complaint."""
    if not isinstance(table, dict):
        complain((), name, f"is a section; write [{name}] on a line of its own, and its options below it")
        return None
    return _table((name,), _kinds(name), table, complain)


def _array(table: Place, key: str, kind: type, value: object, complain: Complain) -> tuple[Any, ...] | None:
    """The settings of each table of an array; None after a complaint."""
    if not isinstance(value, list) or not all(isinstance(element, dict) for element in value):
        head = _label((*table, key, 0))
        complain(table, key, f"may stand there several times; write {head} before each, and its options below it")
        return None
    built = [_table((*table, key, number), (kind,), element, complain) for number, element in enumerate(value)]
    return None if None in built else tuple(settings[0] for settings in built if settings)


def _table(path: Place, kinds: Sequence[type], table: Mapping[str, Any], complain: Complain) -> tuple[Any, ...] | None:
    """An instance of each of `kinds`, which share the options of one table; None after a complaint."""
    options = _options(*kinds)
    values: dict[type, dict[str, Any]] = {kind: {} for kind in kinds}
    count = 0
    for key, value in table.items():
        if key not in options:
            complain(path, key, _unknown_option(key, options))
        elif (converted := _value(path, key, value, options[key], complain)) is not None:
            values[options[key].kind][options[key].field.name] = converted
            count += 1
    if count < len(table):
        return None
    instances = tuple(_instance(path, kind, values[kind], complain) for kind in kinds)
    return None if None in instances else instances


def _value(path: Place, key: str, value: object, option: Option, complain: Complain) -> Any:
    """The value of an option, None after a complaint."""
    if isinstance(option.hint, type) and is_dataclass(option.hint):
        return _inner(path, key, option.hint, value, complain)
    element = get_args(option.hint)[0] if get_origin(option.hint) is tuple else None
    if isinstance(element, type) and is_dataclass(element):
        return _array(path, key, element, value, complain)
    try:
        return convert(value, option.hint, option.field.metadata)
    except ValueError as error:
        complain(path, key, str(error))
        return None


def _inner(path: Place, key: str, kind: type, value: object, complain: Complain) -> Any:
    """The settings of a section within a section, ``[spf.helo]``; None after a complaint."""
    if not isinstance(value, dict):
        head = _label((*path, key))
        complain(path, key, f"is a section; write {head} on a line of its own, and its options below it")
        return None
    built = _table((*path, key), (kind,), value, complain)
    return None if built is None else built[0]


def _instance(path: Place, kind: type, values: Mapping[str, Any], complain: Complain) -> Any:
    try:
        return kind(**values)
    except ValueError as error:
        key, colon, sentence = str(error).partition(": ")
        if not colon or key not in _options(kind):
            key, sentence = "", str(error)
        complain(path, key, sentence)
        return None


def _unknown_option(key: str, options: Iterable[str]) -> str:
    if near := did_you_mean(key, options):
        return f"no such option{near}"
    homes = _homes(key)
    return f"no such option here; it belongs under {homes}" if homes else "no such option"


def _label(table: Place) -> str:
    """A section as it is written: ``[greylist]``, and of an array ``[[policy]]``."""
    name = ".".join(key for key in table if isinstance(key, str))
    return f"[[{name}]]" if table and isinstance(table[-1], int) else f"[{name}]" if name else ""


def _homes(key: str) -> str:
    """The sections that have an option of this name: ``[store] or [log]``."""
    sections = [f"[{name}]" for name in SECTIONS if key in _options(*_kinds(name))]
    arrays = [f"[[{name}]]" for name, kind in ARRAYS.items() if key in _options(kind)]
    return " or ".join(sections + arrays)


def _kinds(section: str) -> tuple[type, ...]:
    return (SECTIONS[section], Common) if section in REGISTRY else (SECTIONS[section],)


def _options(*kinds: type) -> dict[str, Option]:
    """The options of `kinds` by their names in the file, where ``from`` is no keyword and needs no underscore."""
    return {
        field.name.rstrip("_"): Option(kind, field, get_type_hints(kind)[field.name])
        for kind in kinds
        for field in fields(kind)
    }


def _all_options() -> list[str]:
    return [option for name in SECTIONS for option in _options(*_kinds(name))]
