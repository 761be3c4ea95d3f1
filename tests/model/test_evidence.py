"""Law tested: who was asked nothing is neither suspect nor trusted."""

from dataclasses import FrozenInstanceError

import pytest

from policyd.model.evidence import NO_LISTS, DnsListEvidence


def test_no_lists_say_nothing() -> None:
    assert DnsListEvidence(points=0.0, listed=(), unknown=(), is_suspect=False, is_trusted=False) == NO_LISTS


def test_evidence_stays_as_it_was_found() -> None:
    with pytest.raises(FrozenInstanceError):
        NO_LISTS.points = 3.0  # type: ignore[misc]
