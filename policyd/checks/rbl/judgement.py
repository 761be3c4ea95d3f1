"""From listings to a verdict: points, thresholds, and what may not be decided while lists are silent.

Law: what a list did not say is unknown, never a listing. Nobody is refused for good while an allow list is unknown that
might have spoken for him (Postfix: permit_dnswl_client); nobody is trusted while a block list is unknown.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from policyd.checks.rbl.answers import Listing
from policyd.checks.rbl.settings import Settings
from policyd.checks.rbl.zones import Zone
from policyd.model.evidence import DnsListEvidence

Sentence = Literal["reject", "reject later", "defer", "tag", "pass"]
"""``reject later``: it would be ``reject``, but an allow list is unknown."""


class Score(NamedTuple):
    """All that was found out about one request."""

    points: float
    listings: tuple[Listing, ...]
    """The heaviest first."""
    unknown: tuple[Zone, ...]


def score(listings: Sequence[Listing], unknown: Iterable[Zone]) -> Score:
    """The sum. Rounded, because 0.1 + 0.2 must reach a threshold of 0.3."""
    heaviest_first = sorted(listings, key=lambda listing: -listing.rule.weight)
    points = round(sum(listing.rule.weight for listing in listings), 6)
    return Score(points, tuple(heaviest_first), tuple(dict.fromkeys(unknown)))


def sentence(found: Score, settings: Settings) -> Sentence:
    """What becomes of the mail."""
    points = found.points
    if reaches(points, settings.reject_at):
        return "reject later" if any(zone.is_allow_list for zone in found.unknown) else "reject"
    if reaches(points, settings.defer_at):
        return "defer"
    return "tag" if reaches(points, settings.tag_at) else "pass"


def learned_of(found: Score, settings: Settings) -> DnsListEvidence:
    """What later checks learn."""
    contradicted = any(zone.is_block_list for zone in found.unknown)
    is_low = settings.trust_at < 0 and found.points <= settings.trust_at
    return DnsListEvidence(
        points=found.points,
        listed=tuple(dict.fromkeys(listing.zone.shown for listing in found.listings)),
        unknown=tuple(zone.shown for zone in found.unknown),
        is_suspect=reaches(found.points, settings.greylist_at),
        is_trusted=is_low and not contradicted,
    )


def reaches(points: float, threshold: float) -> bool:
    """Whether `points` are enough; a threshold of 0 is never reached."""
    return 0 < threshold <= points
