"""What checks learned of a request, for those that judge after them.

Law: evidence states what was found, never what to do with it. What could not be found out is named as unknown: a later
judge must be able to tell "not listed" from "not answered". Most mail teaches nothing and shares `NO_EVIDENCE`.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class DnsListEvidence:
    """What the DNS lists said of one request."""

    points: float = 0.0
    """The sum of the weights of all listings that count; allow lists weigh less than nothing."""
    listed: tuple[str, ...] = ()
    """The lists with such a listing, the heaviest first, without any key."""
    unknown: tuple[str, ...] = ()
    """The lists that would have been asked and gave no answer that can be trusted."""
    is_suspect: bool = False
    """Whether the points reach `greylist_at`: reason enough to greylist."""
    is_trusted: bool = False
    """Whether an allow list vouches for the client and every list that could contradict has answered."""


NO_LISTS: Final = DnsListEvidence()
"""Nothing was asked."""


SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]
"""RFC 7208 2.6."""


@dataclass(frozen=True, slots=True)
class SpfEvidence:
    """What SPF said of one request."""

    result: SpfResult
    domain: str
    """The domain that was judged, in A-labels and lower case."""
    mechanism: str = ""
    """The one that matched, as the record has it."""
    is_wide: bool = False
    """Whether the record lets far too much pass (``+all``, or more than a /8): then a pass proves nothing."""
    is_temporary: bool = False
    """Whether another try may give another result."""
    is_suspect: bool = False
    """Whether the administrator wants such a result greylisted."""
    is_secure: bool = False
    """Whether DNSSEC vouches for every answer that it rests on."""

    @property
    def identity(self) -> str:
        """The domain that vouches for the client; "" if none does, or if it vouches for everybody."""
        return self.domain if self.result == "pass" and not self.is_wide else ""


class Evidence(NamedTuple):
    """All that was learned of one request, a field for each check that learns something."""

    dns_lists: DnsListEvidence = NO_LISTS
    spf: SpfEvidence | None = None
    """None: SPF was not asked."""

    def merged(self, learned: "Evidence") -> "Evidence":
        """All of this, and what was `learned` since."""
        if self is NO_EVIDENCE or learned is NO_EVIDENCE:
            return learned if self is NO_EVIDENCE else self
        return Evidence(
            self.dns_lists if learned.dns_lists is NO_LISTS else learned.dns_lists,
            self.spf if learned.spf is None else learned.spf,
        )


NO_EVIDENCE: Final = Evidence()
"""Nothing was learned. Compare with `is`."""
