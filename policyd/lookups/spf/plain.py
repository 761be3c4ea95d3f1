"""Records without macros, explanations and rare mechanisms, as most mail has them: read once, evaluated without pyspf.

Law: pure, and never another result than pyspf's, which tests see to with any record. What is not surely plain is none:
pyspf says what it means, or what is wrong with it.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from policyd.lookups.spf.macros import MAX_DOMAIN
from policyd.lookups.spf.networks import Network
from policyd.model.address import BITS, Address

MAX_NAMED: Final = 64
"""Terms that ask; more may never be followed, and plain records are kept."""
RESULTS: Final = {"-": "fail", "~": "softfail", "?": "neutral"}
"""By qualifier; all else lets pass."""

# What expand_domain of macros.py takes for itself, and a little less.
_NAME: Final = r"((?:[a-z0-9_-]+\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)\.?"
_PREFIX: Final = r"(0|[1-9][0-9]{0,2})"
_TERM: Final = re.compile(
    rf"[+?~-]?(?:include:{_NAME}|(all)|(a|mx)(?::{_NAME})?(?:/{_PREFIX})?(?://{_PREFIX})?)", re.ASCII | re.IGNORECASE
)
_REDIRECT: Final = re.compile(rf"redirect={_NAME}", re.ASCII | re.IGNORECASE)
_OWN: Final = re.compile(_NAME, re.ASCII | re.IGNORECASE)
_WHOLE: Final = dict(BITS)


class Term(NamedTuple):
    """``all``, ``include``, ``a`` or ``mx``."""

    term: str
    kind: str
    name: str
    """What it asks for; "" is the record's own domain."""
    prefixes: Mapping[int, int]
    """By IP version."""


class Plain(NamedTuple):
    """A plain record."""

    terms: Mapping[int, Sequence[Term | Network]]
    """By the client's IP version: networks of the other one can match nobody."""
    redirect: str
    named: Sequence[Term]
    """Those that ask."""
    authorised: Mapping[int, int]
    """By IP version, how many addresses of each host its ``a`` and ``mx`` let pass."""
    uses_own: bool
    """Whether a term asks for the record's own domain."""

    @property
    def is_leaf(self) -> bool:
        """Whether it asks for nothing: networks, and perhaps ``all``."""
        return not self.named and not self.redirect

    def match(self, client: Address) -> Term | Network | None:
        """Of a leaf, the term that matches."""
        number = client.number
        for term in self.terms[client.version]:  # each of them `holds`, without a call for each: a leaf may have fifty
            if isinstance(term, Term) or number >> term.shift == term.bits:
                return term
        return None

    def suits(self, domain: str) -> bool:
        """Whether it is plain as the record of `domain`."""
        return not self.uses_own or _OWN.fullmatch(domain) is not None


def result_of(term: Term | Network) -> str:
    """What follows if it matches."""
    return RESULTS.get(term.term[0], "pass")


def read_plain(terms: Sequence[str | Network]) -> Plain | None:
    """The plain record of these terms."""
    seen: dict[int, list[Term | Network]] = {4: [], 6: []}
    named: list[Term] = []
    redirect = ""
    for text in terms:
        if isinstance(text, Network):
            seen[text.version].append(text)
        elif (term := _read_term(text)) is not None:
            seen[4].append(term)
            seen[6].append(term)
            if term.kind != "all":
                named.append(term)
            if len(named) > MAX_NAMED:
                return None
        elif not redirect and (match := _REDIRECT.fullmatch(text)) is not None and len(match[1]) <= MAX_DOMAIN:
            redirect = match[1]
        else:
            return None
    hosts = [term for term in named if term.kind != "include"]
    authorised = {version: sum(_authorised(term, version) for term in hosts) if hosts else 0 for version in BITS}
    return Plain(seen, redirect, named, authorised, any(not term.name for term in hosts))


@lru_cache(maxsize=1024)  # the customers of a large sender all write the same
def _read_term(text: str) -> Term | None:
    match = _TERM.fullmatch(text)
    if match is None:
        return None
    included, every, kind, name, prefix4, prefix6 = match.groups()
    if len(included or name or "") > MAX_DOMAIN:
        return None
    if included:
        return Term(text, "include", included, _WHOLE)
    if every:
        return Term(text, "all", "", _WHOLE)
    prefixes = {4: int(prefix4 or 32), 6: int(prefix6 or 128)}
    return Term(text, kind.lower(), name or "", prefixes) if prefixes[4] <= 32 and prefixes[6] <= 128 else None


def _authorised(term: Term, version: int) -> int:
    return 1 << BITS[version] - term.prefixes[version] if result_of(term) == "pass" else 0
