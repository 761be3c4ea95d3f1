"""The form `access`: the source text of Postfix's access(5) tables (texthash:, hash:, lmdb:), as postmap(1) reads it.

Law: the same keys with the same right-hand sides as in Postfix 3.7, the first of equal ones. What postmap warns of and
leaves out is a mistake. One thing more is understood: a window in brackets in front of a key, which no key looks like.
"""

import re
from collections.abc import Callable
from typing import Final

from policyd.tables.builder import Builder
from policyd.tables.match import ListKind
from policyd.tables.mistakes import Mistakes
from policyd.tables.rights import short
from policyd.tables.rows import BLANKS, MAX_LINE, logical_rows
from policyd.tables.windows import split_window

_PLAIN_KEY: Final = re.compile(r'([^\s"\\\[]+)\s+(?=\S)', re.ASCII)
# Blanks end a key, but not in quotes and not behind a backslash.
_KEY: Final = re.compile(r'(?>(?:[^\s"\\]|\\.|"(?>(?:[^"\\]|\\.)*)")+)', re.ASCII | re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def compile_access(kind: ListKind, builder: Builder, text: str, mistakes: Mistakes, pause: Callable[[], None]) -> None:
    """Take in all lines of `text`."""
    for number, row in logical_rows(text, pause):
        try:
            plain = _PLAIN_KEY.match(row)
            if plain is None or len(row) > MAX_LINE:
                builder.add_key(*_parse(kind, number, row))
            else:
                builder.add_key(plain[1].lower(), number, row[plain.end() :].rstrip(BLANKS))
        except ValueError as error:
            mistakes.add(number, error)


def parse_row(kind: ListKind, row: str) -> tuple[str, str]:
    """The key of a logical line as it is looked up, and what stands beside it. Raises ValueError for people."""
    if len(row) > MAX_LINE:
        raise ValueError(f"has {len(row)} characters: write at most {MAX_LINE}")
    if row[0] in BLANKS:
        raise ValueError(
            f"{short(row.strip(BLANKS))} begins with a blank, so it continues no line: move it to the left"
        )
    window, row = split_window(row) if is_window(row) else ("", row)
    key = _KEY.match(row)
    right = row[key.end() :].strip(BLANKS) if key else ""
    if key is None or row[key.end() : key.end() + 1] not in ("", *BLANKS):
        raise ValueError(f"{short(row)} has quotes that are not closed: close them, or write the key without")
    if not right:
        raise ValueError(f"{short(key[0])} has no action behind it: write one, such as REJECT, OK or DUNNO")
    return _looked_up(kind, key[0]).lower(), f"{window} {right}" if window else right


def is_window(row: str) -> bool:
    """Whether a line begins with a window, and not with an address in brackets."""
    return row.startswith("[") and "=" in row.partition("]")[0]


def _parse(kind: ListKind, number: int, row: str) -> tuple[str, int, str]:
    key, right = parse_row(kind, row)
    return key, number, right


def _looked_up(kind: ListKind, key: str) -> str:
    """`key` without the quotes around a local part: the policy protocol shows addresses without them."""
    local, _, domain = key.rpartition("@")
    if kind in ("sender", "recipient") and local.startswith('"') and local.endswith('"') and len(local) > 1:
        return f"{_ESCAPED.sub(lambda escaped: escaped[1], local[1:-1])}@{domain}"
    return key
