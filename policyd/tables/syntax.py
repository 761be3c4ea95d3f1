"""One line of a list file -> an entry, or a sentence that says what to write instead.

Law: postgrey's syntax, and what postgrey accepts but can never match is either understood as meant
(``.example.com``, ``*.example.com``, ``@example.com``) or refused. Nothing is skipped in silence.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from policyd.tables.networks import Network, parse_network
from policyd.tables.patterns import compile_pattern

MAX_NAME: Final = 253
"""Characters of a host name or domain (RFC 1035 2.3.4, less the length bytes at both ends)."""


class Key(NamedTuple):
    """An entry that is looked up as it stands, in lower case.

    ``example.com`` (it and its subdomains), ``.example.com`` (subdomains only), ``@example.com`` (that domain only),
    ``user@``, ``user@example.com``.
    """

    text: str


class Pattern(NamedTuple):
    """A /regex/, searched in the client's name or in the whole address."""

    text: str
    regex: re.Pattern[str]


Entry = Key | Network | Pattern

# The shortest pattern behind which only a comment follows: '#' and blanks inside /.../ belong to the pattern.
_PATTERN = re.compile(r"/(.*?)/(?:\s++#.*)?")
_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
_NUMERIC = re.compile(r"[0-9.]+(?:/.*)?", re.ASCII)
_LABEL_ASCII = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LABEL_UTF8 = re.compile(r"[a-z0-9_\x80-\U0010ffff](?:[a-z0-9_\x80-\U0010ffff-]{0,61}[a-z0-9_\x80-\U0010ffff])?")


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a list file with their numbers, without comments and empty ones. CRLF and a BOM are harmless."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        content = line.strip()
        if not content.startswith("/"):
            content = _COMMENT.sub("", content).rstrip()
        if content:
            yield number, content


def parse_client(line: str) -> Entry:
    """An entry of a list of clients. Raises ValueError for people."""
    if line.lower() in ("unknown", "/^unknown$/"):
        raise ValueError("Postfix says 'unknown' of clients without a verified name: write their addresses instead")
    if line.startswith("/"):
        return _pattern(line)
    _refuse_blanks(line)
    if "[" in line:
        raise ValueError(f"{_short(line)} has brackets: write the address without them")
    if ":" in line or _NUMERIC.fullmatch(line):
        return parse_network(line)
    if "@" in line:
        raise ValueError(
            f"{_short(line)} is a mail address, a client is a host: write a name, an IP address or a network"
        )
    return Key(_domain(line, _LABEL_ASCII))


def parse_recipient(line: str) -> Entry:
    """An entry of a list of recipients. Raises ValueError for people."""
    if line.startswith("/"):
        return _pattern(line)
    _refuse_blanks(line)
    local, at, domain = line.lower().rpartition("@")
    if not at:
        return Key(_domain(line, _LABEL_UTF8))
    if not local and not domain:
        raise ValueError("'@' names nobody: write user@, user@example.com or @example.com")
    if '"' in local or "@" in local:
        raise ValueError(f"{_short(line)}: Postfix shows addresses without quotes: write it without them, or a /regex/")
    if domain.startswith((".", "*.")):
        raise ValueError(
            f"{_short(line)} has '@' and subdomains: write {_subdomains(domain)!r} for all users, or a /regex/"
        )
    return Key(f"{local}@{_name(domain, _LABEL_UTF8) if domain else ''}")


def _pattern(line: str) -> Pattern:
    match = _PATTERN.fullmatch(line)
    if match is None:
        raise ValueError(
            f"{_short(line)} is no /regex/: end it with '/' (case is ignored, there are no flags behind it)"
        )
    if not match[1].isprintable():
        raise ValueError(f"{_short(line)} has characters that cannot be seen: write them as escapes, in UTF-8")
    text = f"/{match[1]}/"
    try:
        return Pattern(text, compile_pattern(match[1]))
    except ValueError as error:
        raise ValueError(f"{_short(text)} {error}") from None


def _refuse_blanks(line: str) -> None:
    first, *rest = line.split(None, 1)
    if rest:
        raise ValueError(f"{_short(line)} has blanks inside: write only {_short(first)}, or a comment behind '#'")
    if not line.isprintable():
        raise ValueError(f"{_short(line)} has characters that cannot be seen or are not UTF-8: type the line anew")


def _domain(text: str, label: re.Pattern[str]) -> str:
    """A name, or ``.name`` for its subdomains; ``*.name`` means the same."""
    if text.startswith((".", "*.")):
        return "." + _name(_subdomains(text)[1:], label)
    return _name(text, label)


def _subdomains(text: str) -> str:
    return text.removeprefix("*")


def _name(text: str, label: re.Pattern[str]) -> str:
    """`text` in lower case, if a host or domain can be called so (Postfix's valid_hostname, RFC 1123 2.1)."""
    name = text.lower()
    labels = name.split(".")
    if not name or "" in labels:
        better = ".".join(filter(None, labels)) or "example.com"
        raise ValueError(f"{_short(text)} has a dot without a name beside it: write {_short(better)}")
    if "*" in name:
        raise ValueError(f"{_short(text)}: '*' may only stand in front, as in *.example.com: write a /regex/ instead")
    if len(name) > MAX_NAME or not all(map(label.fullmatch, labels)):
        raise ValueError(
            f"{_short(text)} is no host name: write letters, digits, '-' and '_' between dots, "
            f"at most 63 of them and {MAX_NAME} in all; other letters of a host's name in their xn-- form"
        )
    if labels[-1].isdecimal():
        raise ValueError(f"{_short(text)} ends in a number, as no name does: write a network as ADDRESS/PREFIX")
    return name


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
