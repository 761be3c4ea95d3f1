"""The terms of a record before pyspf sees them.

Law: pure; sizes are bounded here, so that no code behind this page meets a long text. Raises pyspf's own PermError.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import spf

from policyd.lookups.spf.macros import MacroError, check_macros
from policyd.lookups.spf.networks import Network, read_network
from policyd.lookups.spf.plain import Plain, read_plain
from policyd.model.address import BITS, Address

MAX_TERM: Final = 512
"""Characters of a term; a domain name has 253."""
MAX_RECORD: Final = 8192
"""Characters of a record. RFC 7208 3.4 asks owners for 450."""

WIDE: Final = {4: 1 << 24, 6: 1 << 112}
"""Addresses of a /8, and of an IPv6 /16: no network of one owner is larger."""
MODIFIERS: Final = ("redirect=", "exp=")
"""Those that somebody knows (RFC 7208 6)."""

MAX_REMEMBERED: Final = 2048
"""Characters of a record whose terms are remembered."""

_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.ASCII)
_OF_CLIENT: Final = re.compile(r"%\{[ip]", re.ASCII | re.IGNORECASE)
_NAMED: Final = re.compile(
    r"[+?~-]?(a|mx|include)(?::([a-z0-9._-]+))?(?:/[0-9]+)?(?://[0-9]+)?", re.ASCII | re.IGNORECASE
)
_ALL: Final = re.compile(r"[+?~-]?all", re.ASCII | re.IGNORECASE)
_VISIBLE: Final = re.compile(r"[ -~]*", re.ASCII)


class Mechanism(NamedTuple):
    """A mechanism as pyspf takes it apart."""

    term: str
    name: str
    argument: str
    prefix: int
    """Of the client's kind of address."""
    result: str


def check_record(record: str, domain: str) -> str:
    """`record`, if it can be one."""
    if len(record) > MAX_RECORD or not _VISIBLE.fullmatch(record):
        raise spf.PermError(f"The record of {domain} is too long or has strange characters")
    return record


def record_of(texts: Sequence[bytes], domain: str) -> str | None:
    """The record among the TXT of a domain, of which there may be one (RFC 7208 4.5). Raises PermError."""
    found = [text for text in texts if spf.RE_SPF.match(text)]
    if not found:
        return None
    if len(found) > 1:
        raise spf.PermError("Two or more type TXT spf records found.")
    record = _decoded(found[0]) if len(found[0]) <= MAX_REMEMBERED else None
    return record or check_record(spf.to_ascii(found[0]), domain)


@lru_cache(maxsize=1024)
def _decoded(text: bytes) -> str | None:
    """The record if there is nothing wrong with its characters. The same object each time: its hash is known then."""
    record = text.decode("latin-1")
    return record if _VISIBLE.fullmatch(record) else None


class Record(NamedTuple):
    """A record taken apart as far as it depends on nobody."""

    version: str
    terms: tuple[str | Network, ...]
    """Modifiers in lower case (RFC 5234 2.3), without those that nobody knows."""
    authorised: Mapping[int, int]
    """By IP version, how many addresses its networks and its ``all`` let pass."""
    named: tuple[tuple[str, str], ...]
    """The mechanisms a, mx and include with the names that they will ask for, where those depend on nobody; "" is the
    record's own domain."""
    is_wide: bool
    """Whether those are more than one owner has, of either version."""
    names_first: bool
    """Whether one of them is the first mechanism behind the networks, which is asked for if no network matches."""
    plain: Plain | None
    """What needs no pyspf; None: it must be asked."""

    def seen_by(self, client: Address) -> str:
        """The record without the networks that do not hold `client`: they would only cost time."""
        words = [self.version]
        for term in self.terms:
            if isinstance(term, str):
                words.append(term)
            elif term.holds(client):
                words.append(term.term)
        return " ".join(words)

    @property
    def redirects(self) -> bool:
        """Whether it has a redirect=."""
        return any(isinstance(term, str) and term.startswith("redirect=") for term in self.terms)


def read_record(record: str) -> Record:
    """The terms of a record. Raises PermError."""
    # Those of large senders come again and again. The longest are not kept: memory must not be the attacker's choice.
    return _remembered(record) if len(record) <= MAX_REMEMBERED else _read_record(record)


def leaf_of(texts: Sequence[bytes]) -> tuple[str, Record] | None:
    """The only TXT of a domain if it is a record that asks for nothing, and its terms; None: it needs a closer look."""
    return _leaf_of(texts[0]) if len(texts) == 1 and len(texts[0]) <= MAX_REMEMBERED else None


@lru_cache(maxsize=1024)
def _leaf_of(text: bytes) -> tuple[str, Record] | None:
    if not spf.RE_SPF.match(text) or (record := _decoded(text)) is None:
        return None
    try:
        read = read_record(record)
    except spf.PermError:
        return None
    return (record, read) if read.plain is not None and read.plain.is_leaf else None


def split_terms(record: str) -> list[str]:
    """The version and the terms that count, modifiers in lower case. Raises PermError."""
    version, *terms = record.split(" ")
    found = [version]
    for term in filter(None, terms):  # there may be thousands of blanks
        if len(term) > MAX_TERM:
            raise spf.PermError(f"A term has more than {MAX_TERM} characters")
        modifier = modifier_of(term)
        if modifier is None:
            found.append(term)
        elif (name := modifier[0].lower()) in ("redirect", "exp"):
            found.append(f"{name}={modifier[1]}")
        else:  # RFC 7208 6: it is ignored wherever and however often it stands there, if it is a macro-string
            _check_modifier(modifier[1])
    return found


def modifier_of(term: str) -> tuple[str, str] | None:
    """Name and value of a modifier; None: the term is none."""
    match = _MODIFIER.fullmatch(term) if "=" in term else None
    return None if match is None else (match[1], match[2])


def lets_all_pass(mechanism: str) -> bool:
    """Whether a term matches every client: ``all``, and an ``exists`` that does not depend on the client."""
    term = mechanism.lower().removeprefix("+")
    return term == "all" or (term.startswith("exists:") and not _OF_CLIENT.search(term))


def _check_modifier(value: str) -> None:
    try:
        check_macros(value)
    except MacroError as error:
        raise spf.PermError(str(error), value) from None


def _read_record(record: str) -> Record:
    version, *terms = split_terms(record)
    read = tuple(read_network(term) or term for term in terms)
    authorised = {4: 0, 6: 0}
    for each in read:
        if isinstance(each, Network) and each.term[0] not in "-~?":
            authorised[each.version] += 1 << each.shift
    every = next((term for term in read if isinstance(term, str) and _ALL.fullmatch(term)), "")
    if every and lets_all_pass(every):
        authorised = {version: authorised[version] + (1 << bits) for version, bits in BITS.items()}
    is_wide = any(authorised[version] > most for version, most in WIDE.items())
    first = next((term for term in read if isinstance(term, str) and not term.startswith(MODIFIERS)), "")
    names_first = _NAMED.fullmatch(first) is not None
    plain = read_plain(read)
    if plain is not None:
        named = tuple((term.kind, term.name) for term in plain.named)
    else:
        named = tuple((match[1].lower(), match[2] or "") for match in map(_NAMED.fullmatch, terms) if match)
    return Record(version, read, authorised, named, is_wide, names_first, plain)


_remembered = lru_cache(maxsize=1024)(_read_record)
