"""On which line a key stands: tomllib reads values and forgets where they were.

Law: the text is TOML that tomllib has read without a complaint, so this need only find where statements begin and
end, not whether they are right.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

Place = tuple[str | int, ...]
"""The way to a key. The tables of an array, ``[[policy]]``, are numbered from 0: ``("policy", 0, "hours")``."""

_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_DOTTED: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_TABLE: Final = rf"(?P<array>\[?)\[[ \t]*(?P<table>{_DOTTED})[ \t]*\]"
_STATEMENT: Final = re.compile(rf"[ \t]*(?:{_TABLE}|(?P<key>{_DOTTED})[ \t]*=)")
# Strings and comments are single tokens, so that no bracket, quote or line end inside one is taken for a real one.
_TOKEN: Final = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? \"{3,5}  # a quote or two may stand before the closing three (TOML 1.0, String)
    | '{3} .*? '{3,5}
    | " (?: \\. | [^"\\\n] )* "
    | ' [^'\n]* '
    | \# [^\n]*
    | (?P<open> [\[{] ) | (?P<close> [\]}] ) | (?P<end> \n )
    """,
    re.DOTALL | re.VERBOSE,
)


def locate(text: str) -> dict[Place, int]:
    """The line (from 1) of every section and key in `text`, by its path: ``("greylist", "delay")``."""
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    line = 1
    for statement in _statements(text):
        if match := _STATEMENT.match(statement):
            path = _whole(() if match["table"] else table, _path(match["table"] or match["key"]), counts)
            if match["array"]:
                counts[path] = counts.get(path, 0) + 1
                path += (counts[path] - 1,)
            table = path if match["table"] else table
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], line)
        line += statement.count("\n")
    return lines


def _whole(table: Place, keys: Place, counts: Mapping[Place, int]) -> Place:
    """The path of `keys` in `table`, with the number of the last table of every array on its way."""
    path = table
    for key in keys[:-1]:
        path += (key,)
        path += (counts[path] - 1,) if path in counts else ()
    return path + keys[-1:]


def _statements(text: str) -> Iterator[str]:
    """`text`, cut at every line end that ends a statement."""
    begin = depth = 0
    for token in _TOKEN.finditer(text):
        if token["end"] and depth == 0:
            yield text[begin : token.end()]
            begin = token.end()
        depth += (token["open"] is not None) - (token["close"] is not None)
    yield text[begin:]


def _path(dotted: str) -> Place:
    """The parts of a key such as ``a."b.c"``, read by the one who knows how."""
    parts = []
    value: Mapping[str, Any] | int = tomllib.loads(f"{dotted} = 0")
    while isinstance(value, dict):
        ((part, value),) = value.items()
        parts.append(part)
    return tuple(parts)
