"""Who looks suspicious: points for what an honest mail server seldom shows, and trust that outweighs them.

Law: pure. What could not be found out gives no point (a fault of DNS must delay nobody) and no trust. SPF alone is no
trust: spammers publish it. A reason is a phrase of ours, or the name of a list; never what the client said.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from policyd.model.evidence import DnsListEvidence, Evidence, SpfEvidence
from policyd.model.identity import RegisteredDomain, identity_of_name
from policyd.model.request import PolicyRequest

_UNKNOWN: Final = ("unknown", "")
_HOST_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?\.)+[a-z][-a-z0-9]{0,62}\.?", re.ASCII)
Point = tuple[int, str]


class Suspicion(NamedTuple):
    """What speaks against a client, and whether something outweighs it."""

    score: int
    reasons: tuple[str, ...]
    trust: str = ""
    """Why it is trusted, whatever the score; "" if it is not."""

    def __str__(self) -> str:
        """For the log: ``trusted: SPF of a provider`` or ``3: no reverse name, SPF softfail``."""
        if self.trust:
            return f"trusted: {self.trust}"
        return f"{self.score}: {', '.join(self.reasons)}" if self.reasons else str(self.score)


def suspect(
    request: PolicyRequest, evidence: Evidence, providers: Collection[str], registered_domain: RegisteredDomain
) -> Suspicion:
    """What speaks for and against the client of `request`, by what the checks before learned."""
    named = _identity(request, registered_domain)
    if trust := _trust(evidence, named, providers):
        return Suspicion(0, (), trust)
    points = [
        *_of_names(request, named),
        *_of_helo(request, named, registered_domain),
        *_of_spf(evidence.spf),
        *_of_lists(evidence.dns_lists),
    ]
    return Suspicion(sum(score for score, _ in points), tuple(reason for _, reason in points))


def _identity(request: PolicyRequest, registered_domain: RegisteredDomain) -> str:
    address = request.client_address
    return identity_of_name(request.client_name, address, registered_domain) if address is not None else ""


def _trust(evidence: Evidence, named: str, providers: Collection[str]) -> str:
    # What the administrator sentences to greylisting is not trusted for its SPF.
    vouched = evidence.spf.identity if evidence.spf is not None and not evidence.spf.is_suspect else ""
    if evidence.dns_lists.is_trusted:
        return "an allow list"
    if vouched in providers:
        return "SPF of a provider"
    if vouched and named and evidence.dns_lists.points <= 0 and not evidence.dns_lists.is_suspect:
        return "SPF and a name of its own"
    return ""


def _of_names(request: PolicyRequest, named: str) -> Iterator[Point]:
    if request.reverse_client_name in _UNKNOWN and request.client_name in _UNKNOWN:
        yield 2, "no reverse name"
    elif request.client_name in _UNKNOWN:
        yield 1, "unconfirmed reverse name"
    elif not named:
        yield 2, "generic reverse name"


def _of_helo(request: PolicyRequest, named: str, registered_domain: RegisteredDomain) -> Iterator[Point]:
    helo = request.helo_name.lower().rstrip(".")
    if not _HOST_NAME.fullmatch(helo):
        yield 1, "HELO is no host name"
        return
    # A server may call itself by another of its domains, but not by one that nobody connects with it.
    sender = request.sender.rpartition("@")[2].lower()
    if named and registered_domain(helo) not in (named, registered_domain(sender)):
        yield 1, "HELO of another domain"


def _of_spf(spf: SpfEvidence | None) -> Iterator[Point]:
    if spf is None or (spf.is_temporary and not spf.is_suspect):
        return
    if spf.is_suspect or spf.result in ("fail", "softfail"):
        yield 2, f"SPF {spf.result}"
    elif spf.result == "pass" and spf.is_wide:
        yield 2, "SPF lets everybody pass"
    elif spf.result in ("none", "neutral", "permerror"):
        yield 1, f"SPF {spf.result}"


def _of_lists(lists: DnsListEvidence) -> Iterator[Point]:
    if lists.points > 0 or lists.is_suspect:
        yield 2, f"listed by {lists.listed[0]}" if lists.listed else "DNS lists"
