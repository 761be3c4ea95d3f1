"""The names by which a list is asked: addresses backwards, domains as they are, and what must never be asked.

Law: total and bounded. Everything here is the client's word, so what is no name of a host in the public DNS is None:
literals and numbers make some lists answer with an error ("no IP queries"), unqualified names can be nobody's.
"""

import re
from functools import lru_cache
from typing import Final

from policyd.model.address import Address
from policyd.model.domain import a_labels

MAX_NAME: Final = 253
"""Characters of a name (RFC 1035 2.3.4, less the length bytes at both ends)."""

LISTED_ADDRESS: Final = "2.0.0.127"
"""The address that every list of addresses lists, backwards (RFC 5782 5)."""

_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII
)
_HEX: Final = tuple(f"{byte & 15:x}.{byte >> 4:x}" for byte in range(256))


def backwards(address: Address) -> str:
    """``1.2.0.192`` of 192.0.2.1, the 32 nibbles of an IPv6 address (RFC 5782 2.1, 2.4)."""
    if address.version == 4:
        number = address.number
        return f"{number & 255}.{number >> 8 & 255}.{number >> 16 & 255}.{number >> 24}"
    return ".".join(_HEX[byte] for byte in reversed(address.number.to_bytes(16, "big")))


# Names are the attacker's: both their length and their number are bounded.
@lru_cache(maxsize=4096)
def _askable(text: str) -> str | None:
    name = a_labels(text).removesuffix(".")
    if not _NAME.fullmatch(name):
        return None
    # "Some Spamhaus RHSBL rejects lookups with No IP queries" (Postfix, smtpd_check.c); RFC 3696 2.
    return None if name.rpartition(".")[2].isdecimal() else name


def askable(text: str) -> str | None:
    """The domain in `text` in A-labels and lower case, if a list may be asked about it."""
    return _askable(text) if len(text) <= MAX_NAME + 1 else None


def domain_of(address: str) -> str | None:
    """The domain of a mail address, if a list may be asked about it."""
    return askable(address[-(MAX_NAME + 2) :].rpartition("@")[2]) if "@" in address else None


def shortened(name: str) -> tuple[str, ...]:
    """What a list of registered domains is asked about ``a.b.example.co.uk``: its last two and its last three labels.

    Which of them was registered only a list of public suffixes would know; the other one is never listed.
    """
    labels = name.split(".")
    return (name,) if len(labels) <= 2 else (".".join(labels[-2:]), ".".join(labels[-3:]))
