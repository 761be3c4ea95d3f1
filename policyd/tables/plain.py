"""The form `policyd`: postgrey's list syntax, with windows and actions.

Law: a line that is plain is read by one regular expression and a few string operations, because a list may have a
million of them; it is read in the same way by `parse_line`, which knows every other line, too, and every mistake.
"""

import re
from collections.abc import Callable
from typing import Final

from policyd.tables.builder import Builder
from policyd.tables.match import ListKind
from policyd.tables.mistakes import Mistakes
from policyd.tables.networks import parse_network
from policyd.tables.rows import rows
from policyd.tables.syntax import MAX_NAME, Entry, parse_key, split_line

_NAME = r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}(?<!-)\.)+[A-Za-z]{2,63}"
_NETWORK = r"[0-9]+\.[0-9.]*[0-9](?:/[0-9]+)?"
_LOCAL = r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,63}@"
_RIGHT = r'(?:[ \t]+([A-Z0-9][!"$-~]*(?: [!"$-~]+)*))?'  # without '#', which may begin a comment
_PLAIN_HOST: Final = re.compile(rf"(?:({_NAME})|({_NETWORK})){_RIGHT}")
_PLAIN_MAIL: Final = re.compile(rf"((?:{_LOCAL})?{_NAME}|{_LOCAL}){_RIGHT}")
_BARE_CODES: Final = frozenset(map(str, range(400, 600)))
"""Postfix takes a code without a text for an OK, which nobody means who writes one."""


def compile_plain(kind: ListKind, builder: Builder, text: str, mistakes: Mistakes, pause: Callable[[], None]) -> None:
    """Take in all lines of `text`."""
    take = _take_host if kind in ("client", "helo") else _take_mail
    for number, line in rows(text, pause):
        try:
            if not take(builder, number, line):
                _take_any(kind, builder, number, line)
        except ValueError as error:
            mistakes.add(number, error)


def parse_line(kind: ListKind, line: str) -> tuple[Entry, str] | None:
    """The entry and what stands beside it (as `parse_right` reads it); None if there is only a comment or nothing.

    Raises ValueError for people.
    """
    window, key, action = split_line(line)
    if not key:
        return None
    if action in _BARE_CODES:
        raise ValueError(f"{action} alone lets pass, as in Postfix: write {action} TEXT to refuse, or DUNNO")
    entry = parse_key(kind, key)
    return entry, f"{window} {action}".rstrip() if window else action


def _take_any(kind: ListKind, builder: Builder, number: int, line: str) -> None:
    parsed = parse_line(kind, line)
    if parsed is not None:
        builder.add(parsed[0], number, parsed[1])


def _take_host(builder: Builder, number: int, line: str) -> bool:
    """Whether the line was plain, and is taken."""
    plain = _PLAIN_HOST.fullmatch(line)
    if plain is None:
        return False
    name, network, right = plain.groups("")
    if len(name) > MAX_NAME or right in _BARE_CODES:
        return False
    if name:
        builder.add_key(name.lower(), number, right)
    else:
        builder.add_network(*parse_network(network), number, right)
    return True


def _take_mail(builder: Builder, number: int, line: str) -> bool:
    """Whether the line was plain, and is taken."""
    plain = _PLAIN_MAIL.fullmatch(line)
    if plain is None:
        return False
    key, right = plain.groups("")
    if len(key) > MAX_NAME or right in _BARE_CODES:
        return False
    builder.add_key(key.lower(), number, right)
    return True
