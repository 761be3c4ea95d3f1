"""Law tested: what is known of lists is not at odds with itself or with what every list must obey."""

import pytest

from policyd.checks.rbl.answers import is_error
from policyd.checks.rbl.filter import parse_code
from policyd.checks.rbl.profiles import DEAD, LOOK_UPS, PROFILES, UNKNOWN, Profile, death_of, profile_of
from policyd.checks.rbl.sites import parse_name
from policyd.checks.rbl.zones import Zone


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.zone)
def test_every_profile_is_sound(profile: Profile) -> None:
    assert parse_name(profile.zone) == profile.zone
    assert profile.advice
    assert set(profile.look_up) <= set(LOOK_UPS)
    zone = Zone(profile.zone, "", profile, (), test_points=True)
    codes = [
        (a, b, c, d)
        for a in profile.filter.fields[0]
        for b in profile.filter.fields[1]
        for c in profile.filter.fields[2]
        for d in profile.filter.fields[3]
    ]
    takes_errors = [code for code in codes if is_error(zone, code) and not profile.errors]
    assert not takes_errors, "its filter takes what is never a listing"
    assert not death_of(profile.zone)


@pytest.mark.parametrize(
    ("zone", "code", "counts"),
    [
        ("zen.spamhaus.org", "127.0.0.2", True),
        ("zen.spamhaus.org", "127.0.0.11", True),
        ("zen.spamhaus.org", "127.0.0.12", False),
        ("zen.spamhaus.org", "127.255.255.254", False),
        ("dbl.spamhaus.org", "127.0.1.2", True),
        ("dbl.spamhaus.org", "127.0.1.102", False),
        ("dbl.spamhaus.org", "127.0.1.255", False),
        ("multi.surbl.org", "127.0.0.8", True),
        ("multi.surbl.org", "127.0.0.72", True),
        ("multi.surbl.org", "127.0.0.4", False),
        ("multi.surbl.org", "127.0.0.1", False),
        ("multi.uribl.com", "127.0.0.14", True),
        ("multi.uribl.com", "127.0.0.255", False),
        ("list.dnswl.org", "127.0.5.3", True),
        ("list.dnswl.org", "127.0.5.0", False),
        ("list.dnswl.org", "127.0.10.3", False),
        ("list.dnswl.org", "127.0.0.255", False),
        ("bl.mailspike.net", "127.0.0.12", True),
        ("bl.mailspike.net", "127.0.0.14", False),
    ],
)
def test_which_answers_count(zone: str, code: str, counts: bool) -> None:
    profile = PROFILES[zone]
    numbers = parse_code(code)
    assert numbers
    is_listing = profile.filter.matches(numbers) and not is_error(
        Zone(zone, "", profile, (), test_points=True), numbers
    )
    assert is_listing == counts


def test_a_key_in_front_does_not_hide_a_list() -> None:
    assert profile_of("secret.zen.dq.spamhaus.net") is PROFILES["zen.dq.spamhaus.net"]
    assert profile_of("zen.spamhaus.org") is PROFILES["zen.spamhaus.org"]
    assert profile_of("secret.zen.spamhaus.org") is None, "public mirrors know no keys"
    assert profile_of("bl.example") is None


def test_the_dead_are_known_with_all_their_zones_and_a_year() -> None:
    for name in (
        "dnsbl.sorbs.net",
        "spam.dnsbl.sorbs.net",
        "ix.dnsbl.manitu.net",
        "ahbl.org",
        "rhsbl.ahbl.org",
        "bl.emailbasura.org",
    ):
        assert death_of(name)
    assert "2024" in death_of("dnsbl.sorbs.net")
    assert not death_of("notsorbs.net")
    assert all(any(character.isdecimal() for character in story) for story in DEAD.values())


def test_an_unknown_list_must_answer_as_rfc_5782_says() -> None:
    assert UNKNOWN.filter.matches((127, 0, 0, 2))
    assert not UNKNOWN.filter.matches((127, 0, 0, 1))
    assert not UNKNOWN.filter.matches((127, 0, 1, 2))
