"""Law tested: thresholds, and what is not decided while a list is unknown."""

import pytest

from policyd.checks.rbl.answers import Listing
from policyd.checks.rbl.judgement import learned_of, reaches, score, sentence
from policyd.checks.rbl.settings import Settings
from policyd.checks.rbl.zones import Zone, compile_zones

SITES = "a.example*3 b.example*0.1 c.example*0.2 d.example*1 wl.example*-2"
A, B, C, D, WL = ZONES = compile_zones([SITES], [])
SETTINGS = Settings(sites=(SITES,), tag_at=0.3, greylist_at=1, defer_at=2, reject_at=3)


def listed(*zones: Zone) -> list[Listing]:
    return [Listing(zone, zone.rules[0], "client address", "x") for zone in zones]


@pytest.mark.parametrize(
    ("zones", "unknown", "judgement"),
    [
        ([], [], "pass"),
        ([], ZONES, "pass"),
        ([B], [], "pass"),
        ([B, C], [], "tag"),
        ([D], [], "tag"),
        ([D], [WL], "tag"),
        ([A], [], "reject"),
        ([A], [B, C, D], "reject"),
        ([A], [WL], "reject later"),
        ([A, B, D], [WL], "reject later"),
        ([A, WL], [], "tag"),
        ([A, D, WL], [], "defer"),
        ([WL], [], "pass"),
    ],
)
def test_sentences(zones: list[Zone], unknown: list[Zone], judgement: str) -> None:
    assert sentence(score(listed(*zones), unknown), SETTINGS) == judgement


@pytest.mark.parametrize(
    ("zones", "unknown", "suspect", "trusted"),
    [
        ([], [], False, False),
        ([B, C], [], False, False),
        ([D], [], True, False),
        ([WL], [], False, True),
        ([WL, D], [], False, True),
        ([WL, A], [], True, False),
        ([WL], [D], False, False),
    ],
)
def test_evidence(zones: list[Zone], unknown: list[Zone], suspect: bool, trusted: bool) -> None:
    learned = learned_of(score(listed(*zones), unknown), SETTINGS)
    assert (learned.is_suspect, learned.is_trusted) == (suspect, trusted)
    assert set(learned.listed) == {zone.shown for zone in zones}
    assert learned.unknown == tuple(zone.shown for zone in unknown)


def test_the_heaviest_comes_first_and_nobody_twice() -> None:
    found = score(listed(B, A, WL), [D, D])
    assert [listing.zone for listing in found.listings] == [A, B, WL]
    assert found.unknown == (D,)
    assert found.points == 1.1


def test_no_threshold_is_never_reached_and_trust_can_be_off() -> None:
    assert not reaches(1000.0, 0.0)
    assert reaches(3.0, 3.0)
    assert not learned_of(score(listed(WL), []), Settings(sites=(SITES,), trust_at=0.0)).is_trusted
