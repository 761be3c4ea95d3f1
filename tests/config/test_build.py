"""Tables to settings: all mistakes at once, each with its place, in the order of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from policyd.checks import REGISTRY
from policyd.config.build import build
from policyd.config.locate import Place
from policyd.config.settings import SECTIONS, Settings
from policyd.model.errors import ConfigError
from policyd.policies import Policy
from policyd.tables.windows import Window, parse_window


def where(place: Place) -> str:
    return f"<{'.'.join(map(str, place))}>"


def mistakes(tables: Mapping[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build(tables, "x", where)
    return caught.value.mistakes


HOURS = "write them as in 08:00-17:30, or 08:00-12:00,13:00-17:00"
ZONES = "write hours or days, too, or remove it"
TIMED = f"{' or '.join(f'[{name}]' for name in REGISTRY)} or [[policy]]"


def test_nothing_gives_the_defaults() -> None:
    assert build({}, "x", where) == Settings(source="x")


def test_values_reach_their_section_and_their_check() -> None:
    settings = build({"server": {"backlog": 7}, "greylist": {"delay": "5m"}}, "x", where)
    assert settings.server.backlog == 7
    assert settings.checks["greylist"].delay == 300
    assert settings.checks["greylist"].ipv4_prefix == 24


@pytest.mark.parametrize(
    ("tables", "mistake"),
    [
        ({"gerylist": {}}, "<gerylist>: [gerylist]: no such section, did you mean 'greylist'?"),
        (
            {"spf": {"helo": 3}},
            "<spf.helo>: [spf] helo: is a section; write [spf.helo] on a line of its own, and its options below it",
        ),
        ({"spf": {"helo": {"fial": "tag"}}}, "<spf.helo.fial>: [spf.helo] fial: no such option, did you mean 'fail'?"),
        (
            {"spf": {"domain": [{"fail": "tag"}]}},
            "<spf.domain.0.names>: [[spf.domain]] names: is missing; name the domains",
        ),
        ({"delay": "5m"}, "<delay>: delay: stands outside of every section; it belongs under [greylist] or [[policy]]"),
        ({"privacy": True}, "<privacy>: privacy: stands outside of every section; it belongs under [store] or [log]"),
        ({"dely": "5m"}, "<dely>: dely: stands outside of every section, did you mean 'delay'?"),
        ({"store": 3}, "<store>: store: is a section; write [store] on a line of its own, and its options below it"),
        ({"store": {"backlog": 3}}, "<store.backlog>: [store] backlog: no such option here; it belongs under [server]"),
        ({"store": {"frob": 3}}, "<store.frob>: [store] frob: no such option"),
        ({"store": {"ulr": "memory:"}}, "<store.ulr>: [store] ulr: no such option, did you mean 'url'?"),
        ({"log": {"format": 1}}, '<log.format>: [log] format: is a whole number; write a text, in quotes: "..."'),
        ({"greylist": {"hours": "8"}}, f"<greylist.hours>: [greylist] hours: '8' are no hours: {HOURS}"),
        ({"whitelist": {"tz": "UTC"}}, f"<whitelist.tz>: [whitelist] tz: no time stands beside it; {ZONES}"),
        ({"store": {"hours": ""}}, f"<store.hours>: [store] hours: no such option here; it belongs under {TIMED}"),
        (
            {"greylist": {"delay": "1h", "retry_window": "30m"}},
            "<greylist.delay>: [greylist] delay: longer than retry_window, so no retry could ever pass; shorten it",
        ),
    ],
)  # fmt: skip
def test_one_mistake(tables: Mapping[str, Any], mistake: str) -> None:
    assert mistakes(tables) == (mistake,)


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = mistakes({"greylist": {"delay": 240, "x": 1}, "sfp": {}, "store": {"url": ""}})
    assert [mistake.split(":")[0] for mistake in found] == ["<greylist.delay>", "<greylist.x>", "<sfp>", "<store.url>"]


def test_a_section_within_a_section_reaches_its_own_dataclass() -> None:
    settings = build(
        {"spf": {"helo": {"fail": "tag", "pass": "none"}, "domain": [{"names": ["a.example"]}]}}, "x", where
    )
    spf = settings.checks["spf"]
    assert (spf.helo.fail, spf.helo.pass_, spf.mail_from.fail) == ("tag", "none", "reject")
    assert spf.domain[0].names == ("a.example",)


def test_an_option_is_not_blamed_for_the_mistake_of_another() -> None:
    # retry_window is wrong, so its default stands in for it; delay, compared with that, would look wrong too.
    found = mistakes({"greylist": {"delay": "1d", "retry_window": "1s"}})
    assert [mistake.split(":")[0] for mistake in found] == ["<greylist.retry_window>"]


# Policies, which are an array of tables


def policies(*tables: Mapping[str, Any], **sections: Any) -> Settings:
    return build({"policy": list(tables), **sections}, "x", where)


def test_policies_know_their_names_and_resolve_their_checks() -> None:
    chain = {"chain": {"checks": ["greylist"]}}
    first, second, third = policies(
        {
            "name": "sales",
            "recipients": ["Sales@Example.org", "*.example.org"],
            "off": ["greylist"],
            "on": ["whitelist"],
        },
        {"senders": ["<>"], "from": "2026-12-01", "tz": "UTC", "checks": []},
        {"delay": "10m"},
        **chain,
    ).policies
    assert first == Policy(
        "sales (<policy.0>)", ("sales@example.org", ".example.org"), frozenset(), Window(), frozenset({"whitelist"})
    )
    assert second == Policy(
        "policy #2 (<policy.1>)", (), frozenset({"<>"}), parse_window("[from=2026-12-01 tz=UTC]"), frozenset()
    )
    assert (third.checks, third.delay) == (frozenset({"greylist"}), 600)


@pytest.mark.parametrize(
    ("tables", "mistake"),
    [
        ([{}, {"frob": 1}], "<policy.1.frob>: [[policy]] frob: no such option"),
        ([{"delay": 600}], '<policy.0.delay>: [[policy]] delay: 600 has no unit; write "600s"'),
        ([{"recipients": ["a b"]}], "<policy.0.recipients>: [[policy]] recipients: 'a b' names nobody"),
        ([{"recipients": ["/a/"]}], "<policy.0.recipients>: [[policy]] recipients: '/a/' is a pattern: write"),
        ([{"recipients": ["<>"]}], "<policy.0.recipients>: [[policy]] recipients: '<>' is the sender of bounces"),
        ([{"from": "x"}], "<policy.0.from>: [[policy]] from: 'x' is no date"),
        ([{"from_": "x"}], "<policy.0.from_>: [[policy]] from_: no such option, did you mean 'from'?"),
        ([{"name": "x" * 65}], "<policy.0.name>: [[policy]] name: is no name; write at most 64 characters"),
        ([{"off": ["greylsit"]}], "<policy.0.off>: [[policy]] off: no check is named 'greylsit', did you mean"),
        ([{"checks": [], "on": ["greylist"]}], "<policy.0.checks>: [[policy]] checks: says already which checks"),
        (
            [{"off": ["greylist"], "on": ["greylist"]}],
            "<policy.0.off>: [[policy]] off: 'greylist' is switched on, too; write it once",
        ),
        ([{"delay": "3d"}], "<policy.0.delay>: [[policy]] delay: 3d is out of range, write 0s to 1d"),
        (
            [{"delay": "1h", "off": ["greylist"]}],
            "<policy.0.delay>: [[policy]] delay: greylist is not asked here, so there is no delay; remove",
        ),
        (
            [{"name": "all"}, {"off": ["greylist"]}],
            "<policy.1.recipients>: [[policy]] recipients: everybody always belongs to all (<policy.0>)",
        ),
        (
            [{"recipients": ["a@b"], "hours": "08:00-09:00"}, {"recipients": ["a@b"]}, {"recipients": ["x@b", "A@b"]}],
            "<policy.2.recipients>: [[policy]] recipients: 'a@b' always belongs to policy #2 (<policy.1>)",
        ),
    ],
)  # fmt: skip
def test_one_mistake_in_a_policy(tables: list[Mapping[str, Any]], mistake: str) -> None:
    (found,) = mistakes({"policy": tables})
    assert found.startswith(mistake)


def test_a_policy_without_greylisting_says_not_who_waits() -> None:
    (found,) = mistakes({"policy": [{"when": "suspicious", "off": ["greylist"]}]})
    assert found == (
        "<policy.0.when>: [[policy]] when: greylist is not asked here, so nobody waits; remove one of the two"
    )


def test_the_delay_of_a_policy_must_fit_the_check() -> None:
    (found,) = mistakes({"greylist": {"retry_window": "1h"}, "policy": [{"delay": "2h"}]})
    assert found == (
        "<policy.0.delay>: [[policy]] delay: longer than retry_window, so no retry could ever pass; shorten it"
    )


@pytest.mark.parametrize("value", [{"off": ["greylist"]}, 3, [3], ["x"]])
def test_an_array_that_is_none(value: object) -> None:
    assert mistakes({"policy": value}) == (
        "<policy>: policy: may stand there several times; write [[policy]] before each, and its options below it",
    )


def test_a_section_that_stands_there_as_an_array() -> None:
    assert mistakes({"greylist": [{}]}) == (
        "<greylist>: greylist: is a section; write [greylist] on a line of its own, and its options below it",
    )


@dataclass(frozen=True)
class Inner:
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    lists: tuple[Inner, ...] = ()


def test_an_option_may_be_an_array_of_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SECTIONS, "log", Outer)  # type: ignore[index]
    settings = build({"log": {"lists": [{"files": ["a"]}, {}]}}, "x", where)
    assert settings.log == Outer((Inner(("a",)), Inner()))
    assert mistakes({"log": {"lists": [{}, {"files": "a"}, {"x": 1}]}}) == (
        '<log.lists.1.files>: [[log.lists]] files: is a text; write a list, in brackets: ["a"]',
        "<log.lists.2.x>: [[log.lists]] x: no such option",
    )
    assert mistakes({"log": {"lists": {}}})[0].startswith(
        "<log.lists>: [log] lists: may stand there several times; write"
    )


# The hours of a check


def test_every_check_may_have_its_hours() -> None:
    settings = build({name: {"hours": "22:00-06:00"} for name in REGISTRY} | {"store": {}}, "x", where)
    assert settings.windows == {name: parse_window("[hours=22:00-06:00]") for name in REGISTRY}
    assert settings.checks == Settings().checks
    assert build({"greylist": {}}, "x", where).windows == {}
