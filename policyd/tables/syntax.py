"""One line of a list file of our own form -> an entry, or a sentence that says what to write instead.

Law: postgrey's syntax with a window in front and an action behind; what postgrey accepts but can never match is either
understood as meant (``.example.com``, ``*.example.com``, ``@example.com``) or refused. Nothing is skipped in silence.
"""

import re
from typing import Final, NamedTuple

from policyd.tables.match import ListKind
from policyd.tables.networks import Network, parse_network
from policyd.tables.patterns import Regex, compile_pattern
from policyd.tables.rights import VERBS, short
from policyd.tables.rows import MAX_LINE
from policyd.tables.windows import split_window

MAX_NAME: Final = 253
"""Characters of a host name or domain (RFC 1035 2.3.4, less the length bytes at both ends)."""


class Key(NamedTuple):
    """An entry that is looked up as it stands, in lower case.

    ``example.com`` (it and its subdomains), ``.example.com`` (subdomains only), ``@example.com`` (that domain only),
    ``user@``, ``user@example.com``; ``<>`` is the null sender.
    """

    text: str

    @property
    def plain(self) -> str:
        """Its plainest spelling."""
        return self.text


class Pattern(NamedTuple):
    """A /regex/, searched in the client's name or in the whole address."""

    text: str
    regex: Regex

    @property
    def plain(self) -> str:
        """Its plainest spelling."""
        return self.text


Entry = Key | Network | Pattern

# The shortest pattern behind which only an action and a comment follow: '#' and blanks inside belong to the pattern.
_PATTERN = re.compile(r"(/.*?/)(?:\s++([A-Za-z0-9_]+(?:\s.*?)??))?(?:\s++#.*)?")
_COMMENT = re.compile(r"(?:^|\s)#.*", re.DOTALL)
_NUMERIC = re.compile(r"[0-9.]+(?:/.*)?", re.ASCII)
_STARRED_NETWORK = re.compile(r"[0-9]+(?:\.[0-9]+)*(?:\.\*)+", re.ASCII)
_LABEL_ASCII = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LABEL_UTF8 = re.compile(r"[a-z0-9_\x80-\U0010ffff](?:[a-z0-9_\x80-\U0010ffff-]{0,61}[a-z0-9_\x80-\U0010ffff])?")


class Line(NamedTuple):
    """A line taken apart: the window in front of the key, the key, the action behind it. Each may be ""."""

    window: str
    key: str
    action: str


def split_line(line: str) -> Line:
    """The parts of a line without its comment; all are "" if there is nothing else. Raises ValueError for people."""
    content = line.strip()
    if len(content) > MAX_LINE:
        raise ValueError(f"has {len(content)} characters: write at most {MAX_LINE}")
    window = ""
    if content.startswith("[") and "=" in content.partition("]")[0]:
        window, content = split_window(content)
    if content.startswith("/"):
        return _split_pattern(window, content)
    key, *action = _COMMENT.sub("", content).split(None, 1) or [""]
    if window and not key:
        raise ValueError(f"{short(window)} has no entry behind it: write one in the same line")
    if key in VERBS:
        raise ValueError(f"{short(key)} is an action without a key in front: write both in one line")
    return Line(window, key, action[0].rstrip() if action else "")


def _split_pattern(window: str, content: str) -> Line:
    match = _PATTERN.fullmatch(content)
    if match is None:
        raise ValueError(
            f"{short(content)} is no /regex/: end it with '/' (case is ignored, there are no flags behind it)"
        )
    return Line(window, match[1], match[2] or "")


def parse_key(kind: ListKind, key: str) -> Entry:
    """The entry with this key, in the form `policyd`. Raises ValueError for people."""
    if kind == "client":
        return parse_client(key)
    if kind == "helo":
        return _host(key)
    if kind == "sender" and key == "<>":
        return Key(key)
    return parse_recipient(key)


def parse_client(key: str) -> Entry:
    """An entry of a list of clients. Raises ValueError for people."""
    if key.lower() in ("unknown", "/^unknown$/"):
        raise ValueError("Postfix says 'unknown' of clients without a verified name: write their addresses instead")
    return _host(key)


def _host(key: str) -> Entry:
    if key.startswith("/"):
        return _pattern(key)
    _refuse_unseen(key)
    if "[" in key:
        raise ValueError(f"{short(key)} has brackets: write the address without them")
    if ":" in key or _NUMERIC.fullmatch(key):
        return parse_network(key)
    if "@" in key:
        raise ValueError(
            f"{short(key)} is a mail address, a client is a host: write a name, an IP address or a network"
        )
    return Key(_domain(key, _LABEL_ASCII))


def parse_recipient(key: str) -> Entry:
    """An entry of a list of senders or recipients. Raises ValueError for people."""
    if key.startswith("/"):
        return _pattern(key)
    _refuse_unseen(key)
    local, at, domain = key.lower().rpartition("@")
    if not at:
        return Key(_domain(key, _LABEL_UTF8))
    if not local and not domain:
        raise ValueError("'@' names nobody: write user@, user@example.com or @example.com")
    if '"' in local or "@" in local:
        raise ValueError(f"{short(key)}: Postfix shows addresses without quotes: write it without them, or a /regex/")
    if domain.startswith((".", "*.")):
        raise ValueError(
            f"{short(key)} has '@' and subdomains: write {_subdomains(domain)!r} for all users, or a /regex/"
        )
    if local == "*" and domain:
        raise ValueError(f"{short(key)}: write {short('@' + domain)} for everybody there")
    if "*" in local:
        raise ValueError(f"{short(key)}: '*' stands for nothing here: write whole addresses, or a /regex/")
    return Key(f"{local}@{_name(domain, _LABEL_UTF8) if domain else ''}")


def _pattern(text: str) -> Pattern:
    if not text.isprintable():
        raise ValueError(f"{short(text)} has characters that cannot be seen: write them as escapes, in UTF-8")
    try:
        return Pattern(text, compile_pattern(text[1:-1]))
    except ValueError as error:
        raise ValueError(f"{short(text)} {error}") from None


def _refuse_unseen(key: str) -> None:
    if not key.isprintable():
        raise ValueError(f"{short(key)} has characters that cannot be seen or are not UTF-8: type the line anew")


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
        raise ValueError(f"{short(text)} has a dot without a name beside it: write {short(better)}")
    if _STARRED_NETWORK.fullmatch(name):
        raise ValueError(f"{short(text)}: write {name.rstrip('.*')}, which names that network")
    if "#" in name:
        raise ValueError(f"{short(text)} has '#' in it: put a blank in front if a comment begins there")
    if "*" in name:
        raise ValueError(f"{short(text)}: '*' may only stand in front, as in *.example.com: write a /regex/ instead")
    if len(name) > MAX_NAME or not all(map(label.fullmatch, labels)):
        raise ValueError(
            f"{short(text)} is no host name: write letters, digits, '-' and '_' between dots, "
            f"at most 63 of them and {MAX_NAME} in all; other letters of a host's name in their xn-- form"
        )
    if labels[-1].isdecimal():
        raise ValueError(f"{short(text)} ends in a number, as no name does: write a network as ADDRESS/PREFIX")
    return name
