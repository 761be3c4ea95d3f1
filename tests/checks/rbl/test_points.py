"""Law tested: what a probe asks, and what each kind of answer says of a list."""

import re

import pytest

from policyd.checks.rbl.health import FRESH
from policyd.checks.rbl.points import SAMPLE, TOO_MANY, Answers, Found, judge, judge_sample, points, sample, unheard
from policyd.checks.rbl.zones import Zone, ZoneSettings, compile_zones
from policyd.model.dns import Answer
from tests.checks.rbl.world import NOW, found, nothing

ZEN, DBL, DNSWL, SURBL, OWN = compile_zones(
    ["zen.spamhaus.org dbl.spamhaus.org list.dnswl.org*-2 multi.surbl.org"],
    [ZoneSettings("own.example", test_points=False)],
)


def answers(zone: Zone, listed: Answer | str, unlisted: Answer | str, control: Answer | str) -> Answers:
    asked = points(zone, NOW)
    said = dict(zip(asked.unlisted, (unlisted, control), strict=True))
    return said | dict.fromkeys(asked.listed, listed)


def test_what_is_asked_of_lists_of_addresses_and_of_domains() -> None:
    zen = points(ZEN, NOW)
    assert zen.listed == ("2.0.0.127.zen.spamhaus.org",)
    assert zen.unlisted[0] == "1.0.0.127.zen.spamhaus.org"
    assert zen.unlisted[1].endswith(".127.zen.spamhaus.org")
    assert points(DBL, NOW).listed == ("dbltest.com.dbl.spamhaus.org",)
    assert points(DBL, NOW).unlisted[0] == "invalid.dbl.spamhaus.org"
    assert points(OWN, NOW).listed == ()
    assert points(OWN, NOW).unlisted[0] == "1.0.0.127.own.example"


def test_a_list_of_domains_that_nobody_knows_has_the_test_points_of_its_kind() -> None:
    (zone,) = compile_zones([], [ZoneSettings("uri.example", look_up=("sender domain",))])
    asked = points(zone, NOW)
    assert asked.listed == ("test.uri.example",)
    assert asked.unlisted[0] == "invalid.uri.example"
    assert re.fullmatch(r"zqx[a-z]{6}j\.invalid\.uri\.example", asked.unlisted[1])
    assert all(re.fullmatch(r"zqx[a-z]{6}j\.com\.uri\.example", name) for name in sample(zone, NOW))


def test_a_control_is_asked_once_and_is_never_a_test_point() -> None:
    controls = {points(ZEN, NOW + turn * FRESH).unlisted[1] for turn in range(100)}
    assert len(controls) == 100
    for name in controls:
        octets = [int(octet) for octet in name.removesuffix(".zen.spamhaus.org").split(".")]
        assert octets[3] == 127
        assert octets[2] >= 128
    assert points(ZEN, NOW) == points(ZEN, NOW + FRESH - 1), "NOW is a multiple of it"
    assert points(ZEN, NOW).unlisted[1] != points(DNSWL, NOW).unlisted[1].replace("list.dnswl.org", "zen.spamhaus.org")


CLEAN = nothing()
HIT = found("127.0.0.2")


@pytest.mark.parametrize(
    ("zone", "listed", "unlisted", "control", "finding", "detail"),
    [
        (ZEN, HIT, CLEAN, CLEAN, "good", ""),
        (ZEN, found("127.0.0.2", "127.0.0.4", "127.0.0.10"), CLEAN, CLEAN, "good", ""),
        (ZEN, CLEAN, CLEAN, CLEAN, "empty", "2.0.0.127"),
        (ZEN, HIT, HIT, HIT, "lists all", "1.0.0.127"),
        (ZEN, HIT, HIT, CLEAN, "lists all", "1.0.0.127"),
        (ZEN, found("127.255.255.254"), found("127.255.255.254"), CLEAN, "refused", "127.255.255.254"),
        (ZEN, found("192.0.2.1"), found("192.0.2.1"), CLEAN, "strange", "192.0.2.1"),
        (ZEN, HIT, found("192.0.2.1"), CLEAN, "strange", "192.0.2.1"),
        (ZEN, "timeout", CLEAN, CLEAN, "silent", "timeout"),
        (ZEN, HIT, CLEAN, "servfail", "silent", "servfail"),
        (ZEN, "refused", "refused", "refused", "refused", "refused"),
        (ZEN, "timeout", found("127.255.255.255"), "timeout", "refused", "127.255.255.255"),
        (ZEN, "timeout", HIT, "timeout", "lists all", "1.0.0.127"),
        (DBL, found("127.0.1.2"), CLEAN, CLEAN, "good", ""),
        (DBL, found("127.0.1.255"), CLEAN, CLEAN, "refused", "127.0.1.255"),
        (SURBL, found("127.0.0.1"), CLEAN, CLEAN, "refused", "127.0.0.1"),
        # measured by others: 2.0.0.127.list.dnswl.org is 127.0.10.0, and 127.0.10.3 is a refusal of all
        (DNSWL, found("127.0.10.0"), CLEAN, CLEAN, "good", ""),
        (DNSWL, found("127.0.10.3"), found("127.0.10.3"), found("127.0.10.3"), "refused", "127.0.10.3"),
        (DNSWL, found("127.0.10.0"), found("127.0.10.0"), CLEAN, "refused", "127.0.10.0"),
        (DNSWL, found("127.0.0.255"), found("127.0.0.255"), CLEAN, "refused", "127.0.0.255"),
        (DNSWL, "servfail", "servfail", "servfail", "silent", "servfail"),
        (OWN, CLEAN, CLEAN, CLEAN, "good", ""),
        (OWN, CLEAN, HIT, HIT, "lists all", "1.0.0.127"),
    ],
)
def test_findings(
    zone: Zone, listed: Answer | str, unlisted: Answer | str, control: Answer | str, finding: str, detail: str
) -> None:
    judged = judge(zone, points(zone, NOW), answers(zone, listed, unlisted, control))
    assert (judged.finding, judged.detail) == (finding, detail)
    assert judged.ttl == (60 if finding == "lists all" else 0)


def test_only_the_control_shows_it_while_the_test_points_are_still_in_a_cache() -> None:
    found_out = judge(ZEN, points(ZEN, NOW), answers(ZEN, HIT, CLEAN, HIT))
    assert found_out.finding == "lists all"
    assert found_out.detail.endswith(".127")


@pytest.mark.parametrize("zone", [ZEN, DBL])
def test_a_sample_is_of_subjects_nobody_chose(zone: Zone) -> None:
    names = sample(zone, NOW)
    assert len(set(names)) == SAMPLE
    assert all(len(name) <= 253 and name.endswith(f".{zone.name}") for name in names)
    assert not set(names) & set(sample(zone, NOW + 60))
    assert names == sample(zone, NOW // 60 * 60), "the same for a minute"
    if zone is ZEN:
        assert all(11 <= int(name.split(".")[3]) <= 99 for name in names)


def test_a_sample_is_of_all_public_networks() -> None:
    first = {int(name.split(".")[3]) for turn in range(100) for name in sample(ZEN, NOW + 60 * turn)}
    assert first == set(range(11, 100))


@pytest.mark.parametrize(
    ("listed", "silent", "finding"),
    [(SAMPLE, 0, "lists all"), (TOO_MANY, 0, "lists all"), (TOO_MANY - 1, 0, None), (0, 0, None), (0, 2, None),
     (17, 3, "silent"), (0, SAMPLE, "silent"), (TOO_MANY - 2, 2, "silent"), (TOO_MANY - 2, 1, None)],
)  # fmt: skip
def test_a_sample_speaks_when_almost_all_of_it_is_listed(listed: int, silent: int, finding: str | None) -> None:
    names = sample(ZEN, NOW)
    said = [HIT] * listed + ["timeout"] * silent
    said += [CLEAN] * (SAMPLE - len(said))
    judged = judge_sample(names, dict(zip(names, said, strict=True)))
    assert (judged and judged.finding) == finding


def test_what_a_sample_shows_is_remembered_as_long_as_caches_do() -> None:
    names = sample(ZEN, NOW)
    said: Answers = dict.fromkeys(names[:TOO_MANY], HIT) | dict.fromkeys(names[TOO_MANY:], "timeout")
    judged = judge_sample(names, {**said, names[0]: HIT._replace(ttl=900), names[1]: HIT._replace(ttl=1)})
    assert judged is not None
    assert judged.ttl == 900


def test_an_answer_that_our_guess_of_a_filter_does_not_take_is_told() -> None:
    guessed, wished, both = compile_zones(
        ["guess.example wish.example=127.0.0.9 both.example both.example=127.0.0.9"], []
    )
    for zone, code, told in (
        (guessed, "127.0.1.2", "127.0.1.2"),
        (guessed, "127.0.0.2", ""),
        (wished, "127.0.1.2", ""),
        (both, "127.0.1.2", "127.0.1.2"),
        (both, "127.0.0.2", ""),
    ):
        asked = points(zone, NOW)
        clean = dict.fromkeys(asked.names, CLEAN)
        assert unheard(zone, asked, clean | {asked.listed[0]: found(code)}) == told
        assert unheard(zone, asked, clean) == ""


def test_a_list_that_nobody_knows_may_be_one_of_ipv6_addresses() -> None:
    (zone,) = compile_zones(["bl6.example"], [])
    asked = points(zone, NOW)
    nibbles = "0.0.0.0.0.f.7.f.f.f.f" + ".0" * 20
    assert asked.listed == ("2.0.0.127.bl6.example", f"2.{nibbles}.bl6.example")
    assert asked.unlisted[::2] == ("1.0.0.127.bl6.example", f"1.{nibbles}.bl6.example")
    clean = dict.fromkeys(asked.names, CLEAN)
    assert judge(zone, asked, clean) == Found("empty", "2.0.0.127")
    assert judge(zone, asked, clean | {asked.listed[1]: HIT}).finding == "good"
    assert judge(zone, asked, clean | {asked.listed[0]: HIT}).finding == "good"
    assert judge(zone, asked, dict.fromkeys(asked.names, HIT)).finding == "lists all"
    assert judge(zone, asked, clean | {asked.listed[0]: HIT, asked.unlisted[2]: HIT}).finding == "lists all"
