"""The terms of a record before pyspf sees them.

Law: pure; sizes are bounded here, so that no code behind this page meets a long text. Raises pyspf's own PermError.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple, cast

import spf

from policyd.lookups.spf.macros import MacroError, check_macros
from policyd.model.address import parse_address

MAX_TERM: Final = 512
"""Characters of a term; a domain name has 253."""
MAX_RECORD: Final = 8192
"""Characters of a record. RFC 7208 3.4 asks owners for 450."""

_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)", re.ASCII)
_NETWORK: Final = re.compile(r"[+?~-]?ip[46]:", re.ASCII | re.IGNORECASE)
_OF_CLIENT: Final = re.compile(r"%\{[ip]", re.ASCII | re.IGNORECASE)
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


def split_terms(record: str) -> list[str]:
    """The version and the terms that pyspf must see, modifiers in lower case (RFC 5234 2.3)."""
    version, *terms = record.split(" ")
    found = [version]
    for term in terms:
        if len(term) > MAX_TERM:
            raise spf.PermError(f"A term has more than {MAX_TERM} characters")
        match = _MODIFIER.fullmatch(term)
        if match is None:
            found.append(term)
        elif (modifier := match[1].lower()) in ("redirect", "exp"):
            found.append(f"{modifier}={match[2]}")
        else:  # RFC 7208 6: it is ignored wherever and however often it stands there, if it is a macro-string
            _check_modifier(match[2])
    return found


def network_term(term: str, version: int) -> Mechanism | None:
    """The parts of an ip4 or ip6 term for a client of this IP version; None: it is another term."""
    return _network_term(term, version) if _NETWORK.match(term) else None


def lets_all_pass(mechanism: str) -> bool:
    """Whether a term matches every client: ``all``, and an ``exists`` that does not depend on the client."""
    term = mechanism.lower().removeprefix("+")
    return term == "all" or (term.startswith("exists:") and not _OF_CLIENT.search(term))


def _check_modifier(value: str) -> None:
    try:
        check_macros(value)
    except MacroError as error:
        raise spf.PermError(str(error), value) from None


# Bounded: the terms of the largest senders come again and again, and depend on nothing else.
@lru_cache(maxsize=4096)
def _network_term(term: str, version: int) -> Mechanism:
    reader = spf.query("192.0.2.1" if version == 4 else "2001:db8::1", "a@b.example", "b.example")
    mechanism = Mechanism(*cast(tuple[str, str, str, int, str], reader.validate_mechanism(term)))
    if parse_address(mechanism.argument) is None:
        raise spf.PermError("Invalid address", term)
    return mechanism
