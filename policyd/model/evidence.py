"""What a check learned of a request, for those that judge after it.

Law: evidence states what was found, never what to do with it. What could not be found out is named as unknown: a later
judge must be able to tell "not listed" from "not answered".
"""

from dataclasses import dataclass
from typing import Final


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
