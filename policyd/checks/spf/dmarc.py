"""Whether a domain has a DMARC policy of its own, which judges its mail better than SPF alone can (RFC 7489 6).

Law: only read, never enforced. The record of the domain counts, else that of the nearest parent which has one, down to
two labels, as in the tree walk of DMARCbis. What could not be found out is None.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from policyd.model.dns import Answer, DnsUnavailable, Record, Resolver

MAX_WALK: Final = 8
"""Names that are asked for one domain; longer ones go on at their last seven labels."""
ENFORCING: Final = frozenset({"quarantine", "reject"})

_VERSION: Final = re.compile(rb"v[ \t]*=[ \t]*dmarc1[ \t]*(?:;|$)", re.IGNORECASE)
"""How a record begins (RFC 7489 6.4)."""
_TAG: Final = re.compile(r"[ \t]*([a-z]+)[ \t]*=[ \t]*([^;]*?)[ \t]*(?:;|$)", re.ASCII)


async def enforces(resolver: Resolver, domain: str) -> bool | None:
    """Whether `domain` publishes ``p=quarantine`` or ``p=reject``; None if that cannot be found out now."""
    for name in walk(domain):
        try:
            answer = resolver.cached(f"_dmarc.{name}", "TXT") or await resolver.resolve(f"_dmarc.{name}", "TXT")
        except DnsUnavailable as error:
            if error.reason == "bad name":  # too long to have one
                continue
            return None
        if (policy := read_policy(answer, is_parent=name != domain)) is not None:
            return policy in ENFORCING
    return False


def walk(domain: str) -> Iterator[str]:
    """The names that may hold the policy of `domain`, the nearest first."""
    labels = domain.split(".")
    yield domain
    for length in range(min(len(labels) - 1, MAX_WALK - 1), 1, -1):
        yield ".".join(labels[-length:])


def read_policy(answer: Answer, *, is_parent: bool) -> str | None:
    """The policy in a record (for names below it if `is_parent`); None if there is not exactly one record."""
    found = [tags for record in answer.records if (tags := _tags(record))]
    if len(found) != 1:
        return None
    policy = found[0].get("p", "none")
    return found[0].get("sp", policy) if is_parent else policy


def _tags(record: Record) -> dict[str, str]:
    """The tags of a DMARC record, in lower case; none if it is something else."""
    if not isinstance(record, bytes) or len(record) > 2048 or not _VERSION.match(record):
        return {}
    pairs: Sequence[tuple[str, str]] = _TAG.findall(record.decode("ascii", "replace").lower())
    return dict(pairs)
