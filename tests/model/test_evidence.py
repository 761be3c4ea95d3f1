"""Law tested: who was asked nothing is neither suspect nor trusted; what one check learned, another does not undo."""

from dataclasses import FrozenInstanceError

import pytest

from policyd.model.evidence import NO_EVIDENCE, NO_LISTS, DnsListEvidence, Evidence, SpfEvidence

LISTED = Evidence(dns_lists=DnsListEvidence(points=2.0))
SPF = Evidence(spf=SpfEvidence("pass", "example.org", "mx"))
BOTH = Evidence(LISTED.dns_lists, SPF.spf)


def test_no_lists_say_nothing() -> None:
    assert DnsListEvidence(points=0.0, listed=(), unknown=(), is_suspect=False, is_trusted=False) == NO_LISTS


def test_evidence_stays_as_it_was_found() -> None:
    with pytest.raises(FrozenInstanceError):
        NO_LISTS.points = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("before", "learned", "after"),
    [
        (NO_EVIDENCE, LISTED, LISTED),
        (LISTED, NO_EVIDENCE, LISTED),
        (LISTED, SPF, BOTH),
        (SPF, LISTED, BOTH),
        (BOTH, Evidence(dns_lists=DnsListEvidence(points=1.0)), Evidence(DnsListEvidence(points=1.0), SPF.spf)),
    ],
)
def test_evidence_is_added_up(before: Evidence, learned: Evidence, after: Evidence) -> None:
    assert before.merged(learned) == after


def test_where_nothing_is_learned_nothing_is_made() -> None:
    assert NO_EVIDENCE.merged(NO_EVIDENCE) is NO_EVIDENCE
    assert LISTED.merged(NO_EVIDENCE) is LISTED
