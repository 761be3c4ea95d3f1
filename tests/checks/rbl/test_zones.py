"""Law tested: one list is asked once whatever its lines, and its key is in the question and nowhere else."""

import pytest

from policyd.checks.rbl.zones import MAX_ZONES, Zone, ZoneSettings, compile_zones

KEY = "abc1def2ghi3"


def only(zones: tuple[Zone, ...]) -> Zone:
    (zone,) = zones
    return zone


def test_lines_of_one_list_are_one_zone_with_several_rules() -> None:
    zone = only(
        compile_zones(["bl.example=127.0.0.2*2, bl.example=127.0.0.3*-1"], [ZoneSettings("BL.example.", weight=4)])
    )
    assert [rule.weight for rule in zone.rules] == [2, -1, 4]
    assert len({rule.number for rule in zone.rules}) == 3
    assert zone.is_allow_list
    assert zone.is_block_list


def test_what_is_left_out_is_the_profiles() -> None:
    surbl, own = compile_zones(["multi.surbl.org*2 bl.example"], [])
    assert surbl.look_up == ("reverse name", "helo", "sender domain")
    assert surbl.rules[0].filter.matches((127, 0, 0, 8))
    assert own.look_up == ("client address",)
    assert own.rules[0].filter.matches((127, 0, 0, 2))
    assert not own.rules[0].filter.matches((127, 0, 0, 1))


def test_a_list_is_asked_about_all_that_its_lines_want() -> None:
    tables = [ZoneSettings("bl.example", look_up=(word,)) for word in ("sender domain", "helo")]
    zone = only(compile_zones([], tables))
    assert zone.look_up == ("helo", "sender domain")
    assert [rule.look_up for rule in zone.rules] == [{"sender domain"}, {"helo"}]


def test_there_may_be_many_lists() -> None:
    assert len(compile_zones([f"l{number}.example" for number in range(MAX_ZONES)], [])) == MAX_ZONES


def test_an_option_is_stronger_than_the_profile() -> None:
    table = ZoneSettings("dbl.spamhaus.org", look_up=("sender domain",), filter="127.0.1.2", weight=0.5, text="So so")
    rule = only(compile_zones([], [table])).rules[0]
    assert rule.look_up == {"sender domain"}
    assert not rule.filter.matches((127, 0, 1, 4))
    assert (rule.weight, rule.text) == (0.5, "So so")


@pytest.mark.parametrize(
    ("site", "table", "asked", "shown"),
    [
        (f"{KEY}.zen.dq.spamhaus.net", None, f"{KEY}.zen.dq.spamhaus.net", "zen.dq.spamhaus.net"),
        (None, ZoneSettings("zen.dq.spamhaus.net", KEY), f"{KEY}.zen.dq.spamhaus.net", "zen.dq.spamhaus.net"),
        (None, ZoneSettings(f"{KEY}.zen.dq.spamhaus.net", KEY), f"{KEY}.zen.dq.spamhaus.net", "zen.dq.spamhaus.net"),
        (None, ZoneSettings("bl.example", KEY), f"{KEY}.bl.example", "bl.example"),
        (None, ZoneSettings(f"x.{KEY}.bl.example", KEY.upper()), f"x.{KEY}.bl.example", "x.bl.example"),
        (None, ZoneSettings("zen.example", "en"), "en.zen.example", "zen.example"),
        (None, ZoneSettings(f"{KEY}.{KEY}.bl.example", KEY), f"{KEY}.{KEY}.bl.example", "bl.example"),
        ("bl.example", None, "bl.example", "bl.example"),
    ],
)
def test_keys_are_asked_and_never_shown(site: str | None, table: ZoneSettings | None, asked: str, shown: str) -> None:
    zone = only(compile_zones([site] if site else [], [table] if table else []))
    assert (zone.name, zone.shown) == (asked, shown)
    if KEY in asked:
        assert KEY not in zone.hide(f"see https://list.example/?k={KEY.upper()}&ip=2").lower()


def test_settings_do_not_print_a_key() -> None:
    assert KEY not in repr(ZoneSettings("bl.example", KEY))


@pytest.mark.parametrize(
    ("sites", "tables", "complaint"),
    [
        (["dnsbl.sorbs.net=127.0.0.2"], [], "sites: dnsbl.sorbs.net is no more .closed in 2024"),
        ([], [ZoneSettings("ix.dnsbl.manitu.net")], "zones: number 1: .*closed in 2025"),
        (["zen.dq.spamhaus.net"], [], "sites: .*write your key"),
        ([], [ZoneSettings()], 'zones: number 1: zone is missing: write zone = "bl.example.org"'),
        (["bl.example=126.0.0.2"], [], "sites: 126.0.0.2: lists answer with addresses that begin with 127"),
        ([], [ZoneSettings("bl.example", filter="[0..126].0.0.2")], "zones: number 1: .* begin with 127"),
        (["bl.example*3, bl.example*3"], [], "sites: bl.example stands there twice with the same weight"),
        (["bl.example"], [ZoneSettings("bl.example")], "zones: bl.example stands there twice"),
        ([], [ZoneSettings("bl.example", KEY)] * 2, "zones: bl.example stands there twice"),
        ([], [ZoneSettings("bl.example", weight=0)], "zones: number 1: the weight 0 is out of range"),
        ([], [ZoneSettings("a.example"), ZoneSettings("b.example", filter="127")], "zones: number 2: .*no filter"),
        ([], [ZoneSettings("bl.example", "k.k")], "zones: number 1: the key is no label"),
        ([f"l{number}.example" for number in range(MAX_ZONES + 1)], [], "sites: 65 lists are too many"),
    ],
)
def test_what_is_refused(sites: list[str], tables: list[ZoneSettings], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        compile_zones(sites, tables)


def test_the_same_list_with_other_weights_is_no_twin() -> None:
    (zone,) = compile_zones(["bl.example=127.0.0.2*3, bl.example=127.0.0.3*3, bl.example*1"], [])
    assert len(zone.rules) == 3


def test_no_complaint_shows_a_key() -> None:
    for site in (f"{KEY}.dnsbl.sorbs.net", f"{KEY}.zen.dq.spamhaus.net=1"):
        with pytest.raises(ValueError, match="sites: ") as caught:
            compile_zones([site], [])
        assert KEY not in str(caught.value)


def test_test_points_are_probed_unless_the_list_is_known_or_said_to_have_none() -> None:
    plain, own, known = compile_zones(
        ["bl.example", "wl.mailspike.net*-1"], [ZoneSettings("own.example", test_points=False)]
    )
    tables = [ZoneSettings("bl.example", weight=2, test_points=False), ZoneSettings("bl.example", weight=3)]
    assert not only(compile_zones([], tables)).test_points
    assert plain.test_points
    assert not own.test_points
    assert not known.test_points
