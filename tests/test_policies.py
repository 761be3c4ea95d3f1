"""Law tested: the nearest policy counts whose time it is and whose senders fit; a plan asks whom it says."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.chain import Chain
from policyd.checks import REGISTRY
from policyd.checks.greylist import Settings as Greylist
from policyd.checks.tools import Tools
from policyd.config import parse
from policyd.model.evidence import Evidence
from policyd.model.request import PolicyRequest
from policyd.model.units import Seconds
from policyd.model.verdict import NO_OPINION, Check, Decision, Verdict
from policyd.policies import (
    EVERYBODY,
    Candidate,
    Lineup,
    Plan,
    Policies,
    Policy,
    keys_of,
    make_plan,
    options_for,
    parse_key,
    stages,
)
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import TableList
from policyd.tables.windows import parse_window
from policyd.wire.request import parse_request

NOON = 1_795_348_800  # Sun, 22 Nov 2026 12:00:00 +0000
NIGHTS = parse_window("[hours=22:00-06:00 tz=UTC]")


def policy(*recipients: str, **fields: Any) -> Policy:
    return Policy("x", recipients, **fields)


def request(recipient: str = "b@y.example", sender: str = "a@x.example") -> PolicyRequest:
    return PolicyRequest(recipient=recipient, sender=sender)


# Keys


def test_the_nearest_key_comes_first() -> None:
    assert list(keys_of("User+Ext@A.b.example")) == [
        "user+ext@a.b.example", "user@a.b.example", "@a.b.example",
        "a.b.example", ".b.example", "b.example", ".example", "example", "user+ext@", "user@",
    ]  # fmt: skip
    assert list(keys_of("")) == ["<>"]
    assert list(keys_of("postmaster")) == ["postmaster@"]
    assert list(keys_of('"a@b"@c')) == ['"a@b"@c', "@c", "c", '"a@b"@']


def test_the_keys_of_a_hostile_address_are_few() -> None:
    assert len(list(keys_of("a@" + "." * 2000))) < 10
    assert sum(map(len, keys_of("a@" + "." * 253))) < 70_000


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("User@Example.org", "user@example.org"),
        ("Example.org", "example.org"),
        (".example.org", ".example.org"),
        ("*.example.org", ".example.org"),
        ("@example.org", "@example.org"),
        ("postmaster@", "postmaster@"),
        ("<>", "<>"),
    ],
)
def test_how_keys_are_written(text: str, key: str) -> None:
    assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "/spam/", "a b", "a\x07@b.example", "@", "192.0.2.1/24", "*@example.org"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"write "):
        parse_key(text)


# Which policy counts


@pytest.mark.parametrize(
    ("recipient", "number"),
    [
        ("bob@y.example", 0),
        ("bob+tag@y.example", 0),
        ("BOB@Y.EXAMPLE", 0),
        ("eve@y.example", 2),
        ("eve@z.y.example", 1),
        ("eve@other.example", 3),
        ("eve@nowhere", 4),
        ("postmaster@nowhere", 5),
        ("", 4),
    ],
)
def test_address_before_domain_before_all(recipient: str, number: int) -> None:
    policies = Policies(
        [
            policy("bob@y.example"), policy(".y.example"), policy("@y.example", "y.example"), policy("example"),
            policy(), policy("postmaster@"),
        ]
    )  # fmt: skip
    assert policies.find("a@x.example", recipient, NOON) == number


def test_without_a_policy_there_is_none() -> None:
    assert Policies([policy("y.example")]).find("a@x.example", "b@noty.example", NOON) is None


def test_the_first_whose_time_and_senders_fit() -> None:
    policies = Policies(
        [
            policy("b@y.example", window=NIGHTS),
            policy("b@y.example", senders=frozenset({"x.example"})),
            policy("y.example"),
        ]
    )
    assert policies.find("a@x.example", "b@y.example", NOON) == 1
    assert policies.find("a@mx.x.example", "b@y.example", NOON + 12 * 3600) == 0
    assert policies.find("", "b@y.example", NOON) == 2
    assert list(policies.candidates("", "b@y.example", NOON)) == [
        Candidate(0, "b@y.example", "time"),
        Candidate(1, "b@y.example", "sender"),
        Candidate(2, "y.example", ""),
    ]


def test_bounces_are_senders_too() -> None:
    policies = Policies([policy(senders=frozenset({"<>"}))])
    assert policies.find("", "b@y.example", NOON) == 0
    assert policies.find("a@x.example", "b@y.example", NOON) is None


def test_what_can_never_count() -> None:
    found = Policies(
        [policy("a@b", window=NIGHTS), policy("a@b"), policy("a@b", "c@d"), policy(), policy(window=NIGHTS)]
    )
    assert list(found.unreachable()) == [(2, "a@b", 1), (4, EVERYBODY, 3)]


@pytest.mark.parametrize("first", [{"window": NIGHTS}, {"senders": frozenset({"c@d"})}])
def test_a_policy_behind_one_that_does_not_always_count_is_reachable(first: dict[str, Any]) -> None:
    some = [policy("a@b", **first), policy("a@b", window=NIGHTS)]
    for policies in (some, [*some, policy("a@b")]):
        assert not list(Policies(policies).unreachable())


LABELS = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=3).map(".".join)
KEYS = st.sampled_from(["{0}", ".{0}", "@{0}", "a@{0}", "a@", "b@"])
SOME = st.lists(st.builds(str.format, KEYS, LABELS), max_size=3)
WINDOWS = st.sampled_from([parse_window("[]"), NIGHTS])


def rank(key: str, recipient: str) -> float | None:
    """How near `key` is to `recipient`, by the words of the manual; None if it does not name it. Less is nearer."""
    local, _, domain = recipient.rpartition("@")
    user, at, of = key.rpartition("@")
    if not key:
        return 1000
    if at and user:
        return (0 if of == domain else 900 if not of else None) if user == local else None
    if at:
        return 1 if of == domain else None
    if key.startswith("."):
        return 100 - key.count(".") if domain.endswith(key) else None
    return (
        100 - key.count(".") - 0.5 if domain == key else 99.5 - key.count(".") if domain.endswith(f".{key}") else None
    )


@given(
    st.lists(st.tuples(SOME, SOME, WINDOWS), max_size=5),
    st.sampled_from(["a", "b"]),
    LABELS,
    st.sampled_from(["", "a@a.b"]),
)
def test_found_is_what_the_manual_says(sections: list[Any], user: str, domain: str, sender: str) -> None:
    policies = [policy(*whom, senders=frozenset(who), window=window) for whom, who, window in sections]
    ranked = []
    for number, one in enumerate(policies):
        ranks = [rank(key, f"{user}@{domain}") for key in one.recipients or ("",)]
        fits = not one.senders or (sender and any(rank(key, sender) is not None for key in one.senders))
        ranked += [(near, number) for near in ranks if near is not None and fits and one.window != NIGHTS]
    assert Policies(policies).find(sender, f"{user}@{domain}", NOON) == (min(ranked)[1] if ranked else None)


# Plans


@dataclass(frozen=True)
class Named:
    name: str
    options: Any = None

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
        return NO_OPINION


def names(lineup: Lineup) -> list[str | None]:
    return [check.name if check else None for check in lineup]


def asked_of(plan: Plan, requests: list[PolicyRequest], now: int) -> list[Lineup]:
    return plan.lineups(plan.winners(requests, now), now)


def test_without_policies_all_are_asked() -> None:
    checks = (Named("a"), Named("b"))
    assert asked_of(Plan(checks), [request(), request()], NOON) == [checks, checks]


def test_a_check_is_asked_in_its_hours_only() -> None:
    plan = Plan((Named("a"), Named("b")), {1: NIGHTS})
    assert [names(asked_of(plan, [request()], now)[0]) for now in (NOON, NOON + 12 * 3600)] == [["a", None], ["a", "b"]]


FIRST, *_, LAST = REGISTRY


def plan(asked: list[str], *policies: Policy, built: list[str] | None = None, **windows: Any) -> Plan:
    def build(name: str, options: Any) -> Check:
        if built is not None:
            built.append(name)
        return Named(name, options)

    return make_plan(asked, {name: kind.settings() for name, kind in REGISTRY.items()}, windows, policies, build)


def test_opt_in_and_opt_out() -> None:
    everyone = frozenset({FIRST, LAST})
    one = plan([FIRST], policy("in@y.example", checks=everyone), policy("out@y.example"))
    asked = asked_of(one, [request(f"{who}@y.example") for who in ("in", "out", "bob")], NOON)
    assert [names(lineup) for lineup in asked] == [[FIRST, LAST], [None, None], [FIRST, None]]


def test_who_wins_has_a_name() -> None:
    one = plan([FIRST], policy("in@y.example"), policy("out@y.example"))
    numbers = one.winners([request(f"{who}@y.example") for who in ("out", "bob", "in")], NOON)
    assert numbers == [1, -1, 0]
    assert one.names == ("x", "x", "")


def test_the_hours_of_a_check_hold_for_policies_too() -> None:
    one = plan([FIRST], policy("in@y.example", checks=frozenset({FIRST, LAST})), **{LAST: NIGHTS})
    assert names(asked_of(one, [request("in@y.example")], NOON)[0]) == [FIRST, None]


def test_what_only_policies_name_stands_where_the_registry_has_it() -> None:
    assert stages([LAST], [policy(checks=frozenset({FIRST}))]) == [FIRST, LAST]
    assert stages([FIRST], [policy(checks=frozenset({LAST}))]) == [FIRST, LAST]
    assert stages([LAST, FIRST], [policy(checks=frozenset({FIRST, LAST}))]) == [LAST, FIRST]
    assert stages([], []) == []


def test_a_policy_with_a_delay_has_a_check_of_its_own_and_shares_the_others() -> None:
    built: list[str] = []
    both = frozenset({"whitelist", "greylist"})
    policies = policy("slow@y.example", checks=both, delay=600), policy("same@y.example", checks=both)
    one = plan(["whitelist", "greylist"], *policies, built=built)
    slow, same, default = asked_of(one, [request(f"{who}@y.example") for who in ("slow", "same", "bob")], NOON)
    assert (slow[1].options.delay, same[1].options.delay) == (600, 240)  # type: ignore[union-attr]
    assert slow[0] is same[0] is default[0]
    assert same[1] is default[1]
    assert sorted(built) == ["greylist", "greylist", "whitelist"]


def test_the_options_of_a_policy_must_fit_each_other() -> None:
    options = Greylist(retry_window=Seconds(3600))
    assert options_for(policy(delay=60), "greylist", options) == replace(options, delay=Seconds(60))
    assert options_for(policy(when="suspicious"), "greylist", options) == replace(options, when="suspicious")
    assert options_for(policy(delay=240, when="always"), "greylist", options) is options
    assert options_for(policy(delay=60), "whitelist", options) is options
    with pytest.raises(ValueError, match=r"^delay: longer than retry_window"):
        options_for(policy(delay=7200), "greylist", options)


# All together: a configuration, the real check, virtual time

CONFIG = """
[chain]
checks = []

[greylist]
delay = "5m"
hours = "08:00-18:00"
tz = "UTC"

[[policy]]
recipients = ["y.example"]
on = ["greylist"]

[[policy]]
recipients = ["slow@y.example"]
on = ["greylist"]
delay = "10m"

[[policy]]
recipients = ["boss@y.example"]
until = "2026-11-22T12:00Z"
"""


def test_a_configuration_in_virtual_time() -> None:
    settings = parse(CONFIG, "f.toml")
    tools = Tools(MemoryStore(StoreOptions()), "mx.y.example", "1", lambda kind, sources: TableList(kind))
    plan = make_plan(
        settings.chain.checks, settings.checks, settings.windows, settings.policies,
        lambda name, options: REGISTRY[name].build(options, tools),
    )  # fmt: skip
    chain = Chain(plan, [], lambda check, error: pytest.fail(str(error)), 0)

    def reasons(now: int, *users: str) -> list[str]:
        requests = [
            parse_request(
                b"protocol_state=RCPT\nclient_address=192.0.2.1\nsender=a@x.example\nrecipient=%b" % user.encode()
            )
            for user in users
        ]
        return [answer.reason for answer in chain.decide(requests, now) if isinstance(answer, Decision)]

    everybody = "bob@y.example", "slow@y.example", "boss@y.example", "eve@other.example"
    nothing = "no check objected"
    assert reasons(NOON - 60, *everybody) == ["new", "new", nothing, nothing]
    assert reasons(NOON, *everybody) == ["early-retry", "early-retry", "new", nothing]
    assert reasons(NOON + 299, *everybody) == ["triplet found", "early-retry", "early-retry", nothing]
    assert reasons(NOON + 540, *everybody) == ["triplet found", "triplet found", "triplet found", nothing]
    assert reasons(NOON + 6 * 3600, "new@y.example") == [nothing]
