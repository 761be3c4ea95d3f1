"""``domain=filter*weight``: the lists of an administrator, in the syntax of Postfix's `postscreen_dnsbl_sites`.

Law: what postscreen reads means the same here. Beyond it, a weight may have a fraction. Complaints quote the part that
is wrong, and of a name only what cannot be a key.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from policyd.checks.rbl.filter import Filter, parse_filter

MAX_WEIGHT: Final = 1000.0
MAX_NAME: Final = 200
"""Characters of a list's name: behind 32 nibbles and their dots, 253 must not be passed (RFC 1035 2.3.4)."""

_WEIGHT: Final = re.compile(r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})", re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_SEPARATOR: Final = re.compile(r"[,\s]+")


class Site(NamedTuple):
    """One list: its name as it is asked, the answers that count (None: what its profile says), its weight."""

    name: str
    filter: Filter | None
    weight: float


def parse_sites(texts: Iterable[str]) -> tuple[Site, ...]:
    """All sites in all `texts`, each of which may hold several between commas or blanks. Raises ValueError."""
    return tuple(parse_site(word) for text in texts for word in _words(text))


def _words(text: str) -> list[str]:
    words = [word for word in _SEPARATOR.split(text) if word]
    if not words:
        raise ValueError(f"{text!r} names no list: write one as in zen.spamhaus.org, or nothing at all: sites = []")
    return words


def parse_site(text: str) -> Site:
    """The site in ``zen.spamhaus.org=127.0.0.[2..11]*3``. Raises ValueError for people."""
    rest, star, weight = text.partition("*")
    name, equals, pattern = rest.partition("=")
    return Site(parse_name(name), parse_filter(pattern) if equals else None, parse_weight(weight) if star else 1.0)


def parse_name(text: str) -> str:
    """The name of a list in lower case. Raises ValueError, which shows two labels at most: keys stand in front."""
    name = text.lower().removesuffix(".")
    labels = name.split(".")
    if len(name) > MAX_NAME or len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)) or labels[-1].isdecimal():
        end = ".".join(labels[-2:])[-60:]
        raise ValueError(f"the name that ends in {end!r} is no name of a list: write one as in zen.spamhaus.org")
    return name


def parse_weight(text: str) -> float:
    """The number behind the ``*``; negative for an allow list. Raises ValueError for people."""
    if not _WEIGHT.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is no weight: write a number behind the '*', as in *3, *0.5 or *-2")
    return check_weight(float(text))


def check_weight(weight: float) -> float:
    """`weight`, if it is one. Raises ValueError for people."""
    if not weight or not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
        raise ValueError(f"the weight {weight:g} is out of range: write {-MAX_WEIGHT:g} to {MAX_WEIGHT:g}, but not 0")
    return weight
