"""Who is asked about: the domain and the local part of an identity.

Law: pure and total. What has no domain that the DNS could know is ``none`` without a question (RFC 7208 4.3): no name
of one label, none with an empty label, none that is too long, no address in place of a name.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from policyd.model.address import Address
from policyd.model.domain import a_labels
from policyd.model.spf import SpfQuestion

_NAME: Final = re.compile(r"(?=.{3,253}$)(?:[!-,/-~-]{1,63}\.)+(?![0-9]+$)[0-9a-z_-]{1,63}", re.ASCII)
MAX_LOCAL: Final = 512
"""Characters of a local part that macros may expand; RFC 5321 4.5.3.1.1 allows 64."""


class Subject(NamedTuple):
    """One identity of one client."""

    client: Address
    helo: str
    local: str
    domain: str
    """In A-labels, in lower case; "" if there is none that could be asked."""


def make_subject(question: SpfQuestion) -> Subject:
    """The subject of a question."""
    client, helo, sender = question
    if not sender:
        return Subject(client, helo, "postmaster", domain_name(helo))
    # The last @: Postfix sends `"u@evil"@victim` without its quotes, and pyspf would ask evil@victim (measured).
    local, _, domain = sender.rpartition("@")
    # RFC 7208 4.3: without a local part it is postmaster's.
    return Subject(client, helo, local or "postmaster", domain_name(domain) if "@" in sender else "")


def domain_name(text: str) -> str:
    """The domain in `text` as the DNS knows it; "" if it is none."""
    return _domain_name(text) if len(text) <= 254 else ""  # before anything else: IDNA is slow on what is long


@lru_cache(maxsize=4096)
def _domain_name(text: str) -> str:
    name = a_labels(text).removesuffix(".")
    return name if _NAME.fullmatch(name) else ""
