"""On which line a key stands: tomllib reads values and forgets where they were.

Law: the text is TOML that tomllib has read without a complaint, so this need only find where statements begin and
end, not whether they are right.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

Path = tuple[str, ...]

_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')"""
_DOTTED: Final = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_STATEMENT: Final = re.compile(rf"[ \t]*(?:\[\[?[ \t]*(?P<table>{_DOTTED})[ \t]*\]|(?P<key>{_DOTTED})[ \t]*=)")
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


def locate(text: str) -> dict[Path, int]:
    """The line (from 1) of every section and key in `text`, by its path: ``("greylist", "delay")``."""
    lines: dict[Path, int] = {}
    table: Path = ()
    line = 1
    for statement in _statements(text):
        if match := _STATEMENT.match(statement):
            path = _path(match["table"] or match["key"])
            table, path = (path, path) if match["table"] else (table, table + path)
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], line)
        line += statement.count("\n")
    return lines


def _statements(text: str) -> Iterator[str]:
    """`text`, cut at every line end that ends a statement."""
    begin = depth = 0
    for token in _TOKEN.finditer(text):
        if token["end"] and depth == 0:
            yield text[begin : token.end()]
            begin = token.end()
        depth += (token["open"] is not None) - (token["close"] is not None)
    yield text[begin:]


def _path(dotted: str) -> Path:
    """The parts of a key such as ``a."b.c"``, read by the one who knows how."""
    parts = []
    value: Mapping[str, Any] | int = tomllib.loads(f"{dotted} = 0")
    while isinstance(value, dict):
        ((part, value),) = value.items()
        parts.append(part)
    return tuple(parts)
