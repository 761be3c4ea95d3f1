"""Law tested: a fault of a list never refuses and never trusts anybody; what is known is judged at once."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from policyd.checks.rbl import Rbl, Settings, ZoneSettings, ZoneStatus, build
from policyd.checks.rbl.check import TRUST
from policyd.checks.rbl.health import BELIEVED, FRESH
from policyd.checks.rbl.questions import Questions
from policyd.checks.rbl.surge import ENOUGH
from policyd.checks.rbl.watch import SILENT
from policyd.checks.tools import Job, Tools
from policyd.checks.wiring import REQUESTS
from policyd.model.dns import Answer, RecordType
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, DnsListEvidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Verdict
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import TableList
from tests.checks.rbl.world import FAULTS, NOW, World, found, nothing, proved, request
from tests.lookups.virtual import run_virtually

ZONES = ("bl.example", "b2.example", "list.dnswl.org")
SETTINGS = Settings(sites=("bl.example*3 b2.example*1 list.dnswl.org=127.0.[0..255].[1..3]*-2",), reject_at=3.0)
LIKE_CLEAN = {"emptied", "trusts the world", "DNSWL over its limit", "DNSWL blocked"}
"""Faults of a block list that look like "not listed" until a probe finds them out."""
EVERY_FAULT = list(product(FAULTS, ZONES))
CLIENT = "9.113.0.203"
"""203.0.113.9 backwards."""


class Judged(NamedTuple):
    """A verdict, one of the constants where it is like it, and what was learned."""

    verdict: Verdict
    evidence: DnsListEvidence


def split(verdict: Verdict) -> Judged:
    plain = verdict._replace(evidence=NO_EVIDENCE, match="")
    constant = next((each for each in (NO_OPINION, TRUST) if each == plain), plain)
    return Judged(constant, verdict.evidence.dns_lists)


async def wait(answer: Verdict | Awaitable[Verdict]) -> Verdict:
    return answer if isinstance(answer, Verdict) else await answer


def judged(check: Rbl, asked: PolicyRequest | None = None, now: int = NOW) -> Judged:
    return split(run_virtually(wait(check.evaluate(asked or request(), NO_EVIDENCE, now))))


def world(*listed: str, **options: object) -> World:
    here = World(zones=ZONES, **options)  # type: ignore[arg-type]
    for zone in listed:
        here.listed[f"{CLIENT}.{zone}"] = found("127.0.5.3" if zone == "list.dnswl.org" else "127.0.0.2")
    return here


# --- verdicts ---


def test_a_listed_client_is_refused_in_postfixs_words() -> None:
    here = world("bl.example")
    here.txt[f"{CLIENT}.bl.example"] = found(b"Listed, see https://bl.example/", b"and \xff\r\nmore")
    verdict, evidence = judged(proved(SETTINGS, here))
    assert verdict.final
    assert verdict.action.reply == (
        b"action=550 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using bl.example; "
        b"Listed, see https://bl.example/ / and ?more\n\n"
    )
    assert (evidence.points, evidence.listed, evidence.is_suspect) == (3.0, ("bl.example",), True)


@pytest.mark.parametrize(
    ("options", "begin"),
    [
        ({}, "5.7.1 Service unavailable; Client host [203.0.113.9] blocked using bl.example; of bl"),
        (
            {"reject_at": 0.0, "defer_at": 1.0},
            "4.7.1 Try again later; Client host [203.0.113.9] is listed by bl.example",
        ),
    ],
)
def test_of_several_lists_the_one_with_the_most_points_has_the_word(options: dict[str, float], begin: str) -> None:
    for is_warm in (False, True):
        here = world("bl.example", "b2.example", is_warm=is_warm)
        here.txt |= {f"{CLIENT}.{zone}": found(f"of {zone[:2]}".encode()) for zone in ZONES}
        assert judged(proved(replace(SETTINGS, **options), here)).verdict.action.text.startswith(begin)


def test_the_log_is_told_which_lists_it_was() -> None:
    verdict = run_virtually(
        wait(proved(SETTINGS, world("bl.example", "b2.example")).evaluate(request(), NO_EVIDENCE, NOW))
    )
    assert verdict.match == "4 points; bl.example 3, b2.example 1"
    trusted = run_virtually(wait(proved(SETTINGS, world("list.dnswl.org")).evaluate(request(), NO_EVIDENCE, NOW)))
    assert trusted.match == "-2 points; list.dnswl.org -2"
    quiet = proved(replace(SETTINGS, tag_at=0.0), world("b2.example"))
    assert run_virtually(wait(quiet.evaluate(request(), NO_EVIDENCE, NOW))).match == ""


@pytest.mark.parametrize(
    ("listed", "verb", "final"),
    [
        ((), "DUNNO", False),
        (("b2.example",), "PREPEND", False),
        (("bl.example",), "550", True),
        (("bl.example", "b2.example"), "550", True),
        (("bl.example", "list.dnswl.org"), "PREPEND", False),
        (("list.dnswl.org",), "DUNNO", False),
        (("b2.example", "list.dnswl.org"), "DUNNO", False),
    ],
)
def test_points_of_all_lists_are_added(listed: tuple[str, ...], verb: str, final: bool) -> None:
    verdict = judged(proved(SETTINGS, world(*listed))).verdict
    assert (verdict.action.verb, verdict.final) == (verb, final)


def test_who_is_trusted_is_not_greylisted() -> None:
    verdict, evidence = judged(proved(SETTINGS, world("list.dnswl.org")))
    assert verdict is TRUST
    assert verdict.exempt == {"greylist"}
    assert evidence.is_trusted


def test_below_every_threshold_there_is_no_opinion() -> None:
    check = proved(replace(SETTINGS, tag_at=0.0), world("b2.example"))
    verdict, evidence = judged(check)
    assert verdict is NO_OPINION
    assert evidence.is_suspect, "evidence for greylisting all the same"


def test_a_deferral_by_threshold() -> None:
    verdict = judged(proved(replace(SETTINGS, defer_at=1.0), world("b2.example"))).verdict
    assert verdict.final
    assert verdict.action.text == "4.7.1 Try again later; Client host [203.0.113.9] is listed by b2.example"


def test_the_text_of_the_administrator_stands_in_place_of_the_lists_own() -> None:
    settings = Settings(sites=(), zones=(ZoneSettings("bl.example", weight=3, text="Ask us: +49 30 1234"),))
    here = world("bl.example")
    assert judged(proved(settings, here)).verdict.action.text.endswith("blocked using bl.example; Ask us: +49 30 1234")
    assert not any(kind == "TXT" for _, kind in here.asked)


def test_warm_and_cold_say_the_same() -> None:
    warm = proved(SETTINGS, world("bl.example", is_warm=True)).evaluate(request(), NO_EVIDENCE, NOW)
    assert isinstance(warm, Verdict)
    assert warm.action.rejects
    cold = proved(SETTINGS, world("bl.example")).evaluate(request(), NO_EVIDENCE, NOW)
    assert not isinstance(cold, Verdict)
    assert run_virtually(wait(cold)) == warm


def test_who_is_on_no_list_teaches_nothing() -> None:
    check = proved(SETTINGS, world(is_warm=True))
    assert check.evaluate(request(), NO_EVIDENCE, NOW) is NO_OPINION


# --- what is asked ---


def test_every_kind_of_subject_is_asked_where_it_is_wanted() -> None:
    kinds = ("client address", "client name", "reverse name", "helo", "sender domain", "recipient domain")
    settings = Settings(
        sites=(), zones=tuple(ZoneSettings(f"l{number}.example", look_up=(kind,)) for number, kind in enumerate(kinds))
    )
    asked = request(
        "2001:db8::1", name="Name.example", reverse="rev.example", helo="helo.example", sender="joe@Sender.example"
    )
    assert [subject for _, _, subject, _ in Questions(Rbl(settings, World(), str).lists)(asked)] == [
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
        "name.example",
        "rev.example",
        "helo.example",
        "sender.example",
        "example.test",
    ]


def test_what_cannot_be_asked_is_not() -> None:
    settings = Settings(sites=("dbl.spamhaus.org*2",))
    asked = request("unknown", name="unknown", reverse="unknown", helo="[192.0.2.1]", sender="")
    check = Rbl(settings, World(), lambda _: None)
    assert Questions(check.lists)(asked) == []
    assert judged(check, asked).verdict is NO_OPINION


def test_lists_of_registered_domains_are_asked_for_them() -> None:
    here = World(
        listed={
            "spam.example.multi.surbl.org": found("127.0.0.8"),
            "test.surbl.org.multi.surbl.org": found("127.0.0.254"),
        }
    )
    settings = Settings(sites=(), zones=(ZoneSettings("multi.surbl.org", weight=3, look_up=("sender domain",)),))
    verdict = judged(proved(settings, here), request(sender="joe@a.b.mail.spam.example")).verdict
    assert verdict.action.text == (
        "5.7.1 Service unavailable; Sender address [joe@a.b.mail.spam.example] blocked using multi.surbl.org"
    )


@pytest.mark.parametrize(
    "address", ["192.168.1.1", "10.9.9.9", "127.0.0.1", "169.254.1.1", "fe80::1", "fd00::1", "::1"]
)
def test_private_addresses_are_not_looked_up(address: str) -> None:
    here = World()
    assert Rbl(SETTINGS, here, lambda _: None).evaluate(request(address), NO_EVIDENCE, NOW) is NO_OPINION
    assert here.asked == []


def test_skipped_networks_are_settable() -> None:
    check = Rbl(replace(SETTINGS, skip_networks=("203.0.113.0/24",)), World(zones=ZONES), lambda _: None)
    assert check.evaluate(request(), NO_EVIDENCE, NOW) is NO_OPINION
    pending = check.evaluate(request("10.0.0.1"), NO_EVIDENCE, NOW)
    assert not isinstance(pending, Verdict)
    assert run_virtually(wait(pending)) is NO_OPINION


def test_a_gateway_in_place_of_all_clients_is_reported_and_nobody_judged() -> None:
    said = list[str]()
    check = Rbl(SETTINGS, World(), said.append)
    for number in range(2 * REQUESTS):
        assert check.evaluate(request("172.17.0.1", helo=f"mx{number}.example"), NO_EVIDENCE, NOW) is NO_OPINION
    assert len(said) == 1
    assert "172.17.0.1" in said[0]


@pytest.mark.parametrize(("address", "is_gateway"), [("203.0.113.9", False), ("unknown", True)])
def test_only_a_client_with_a_public_address_shows_that_there_is_no_gateway(address: str, is_gateway: bool) -> None:
    said = list[str]()
    check = proved(SETTINGS, World(zones=ZONES), said.append)
    for number in range(REQUESTS - 1):
        check.evaluate(request("172.17.0.1", helo=f"mx{number}.example"), NO_EVIDENCE, NOW)
    judged(check, request(address))
    check.evaluate(request("172.17.0.1", helo="mx.example"), NO_EVIDENCE, NOW)
    assert (len(said), bool(check.wiring_mistake)) == (is_gateway, is_gateway)


def test_a_busy_public_client_is_no_gateway() -> None:
    said = list[str]()
    check = proved(SETTINGS, World(zones=ZONES, is_warm=True), said.append)
    for number in range(2 * REQUESTS):
        judged(check, request(helo=f"mx{number}.example"))
    assert (said, check.wiring_mistake) == ([], "")


# --- warm and cold ---


def test_what_is_known_is_judged_without_a_task_or_a_question() -> None:
    for listed in ((), ("bl.example",), ("list.dnswl.org",)):
        here = world(*listed, is_warm=True)
        check = proved(SETTINGS, here)
        here.asked.clear()
        assert isinstance(check.evaluate(request(), NO_EVIDENCE, NOW + 1), Verdict), "no event loop runs here"
        assert here.asked == []


def test_cold_questions_are_asked_at_the_same_time() -> None:
    class Slow(World):
        async def resolve(self, name: str, kind: str) -> object:  # type: ignore[override]
            await asyncio.sleep(0.02)
            return await super().resolve(name, "A")

    sites = " ".join(f"l{number}.example" for number in range(20))
    check = Rbl(Settings(sites=(sites,)), Slow(), lambda _: None)

    async def seconds() -> float:
        clock = asyncio.get_running_loop().time
        began = clock()
        answer = check.evaluate(request(), NO_EVIDENCE, NOW)
        assert not isinstance(answer, Verdict)
        await answer
        return clock() - began

    assert run_virtually(seconds()) == pytest.approx(0.02)


def test_the_deadline_holds_and_what_is_there_counts() -> None:
    check = proved(SETTINGS, here := world("bl.example"))
    here.faults["b2.example"] = FAULTS["hang"]

    async def seconds() -> tuple[float, Judged]:
        clock = asyncio.get_running_loop().time
        began = clock()
        answer = check.evaluate(request(), NO_EVIDENCE, NOW + 1)
        assert not isinstance(answer, Verdict)
        result = await answer
        return clock() - began, split(result)

    took, (verdict, evidence) = run_virtually(seconds())
    assert took == pytest.approx(SETTINGS.deadline)
    assert verdict.action.rejects, "the silent one is a block list and could only have added points"
    assert evidence.unknown == ("b2.example",)


class Slow(World):
    """Its lists take their time."""

    pace: Mapping[RecordType, float] = {}

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        await asyncio.sleep(self.pace.get(kind, 0.0))
        return await super().resolve(name, kind)


@pytest.mark.parametrize(
    ("pace", "is_heard", "seconds"),
    [
        ({"TXT": 0.9}, True, 0.9),
        ({"TXT": 1.1}, False, 1.0),
        ({"A": 4.5, "TXT": 0.9}, False, 5.0),  # the deadline is for everything
    ],
)
def test_the_words_of_a_list_are_waited_for_a_second(
    pace: Mapping[RecordType, float], is_heard: bool, seconds: float
) -> None:
    here = Slow(zones=ZONES, listed=world("bl.example").listed)
    here.txt[f"{CLIENT}.bl.example"] = found(b"Listed, see https://bl.example/")
    check = proved(SETTINGS, here)
    here.pace = pace

    async def work() -> tuple[Verdict, float]:
        began = asyncio.get_running_loop().time()
        verdict = await wait(check.evaluate(request(), NO_EVIDENCE, NOW))
        return verdict, asyncio.get_running_loop().time() - began

    verdict, took = run_virtually(work())
    words = "; Listed, see https://bl.example/" if is_heard else ""
    assert verdict.action.text.endswith(f"blocked using bl.example{words}")
    assert took == pytest.approx(seconds)


def test_the_words_of_a_list_that_is_known_to_list_are_asked_for() -> None:
    class NoText(World):
        def cached(self, name: str, kind: RecordType) -> Answer | None:
            return super().cached(name, kind) if kind == "A" else None

    here = NoText(zones=ZONES, listed=world("bl.example").listed, is_warm=True)
    here.txt[f"{CLIENT}.bl.example"] = found(b"Listed, see https://bl.example/")
    check = proved(SETTINGS, here)
    verdict, _ = judged(check)
    assert "Listed, see" in verdict.action.text
    assert [status.listed for status in check.status()] == [1, 0, 0]


@pytest.mark.parametrize(
    ("later", "code", "zone"),
    [(1, "127.0.0.2", "bl.example"), (FRESH, "127.0.5.0", "list.dnswl.org"), (BELIEVED, "127.0.5.0", "list.dnswl.org")],
)  # the third octet is no trust
def test_a_list_is_not_probed_for_mail_that_needs_no_proof(later: int, code: str, zone: str) -> None:
    check = proved(SETTINGS, here := World(zones=ZONES))
    here.listed[f"{CLIENT}.{zone}"] = found(code)
    here.asked.clear()
    assert judged(check, now=NOW + later).evidence.unknown == ()
    assert {name for name, kind in here.asked if kind == "A"} == {f"{CLIENT}.{zone}" for zone in ZONES}


def test_an_answer_that_is_as_it_should_be_calls_no_prober() -> None:
    check = proved(SETTINGS, here := world("bl.example"))
    here.asked.clear()
    judged(check, now=NOW + 1)
    run_virtually(check.prober.round(NOW + 2))
    assert {name for name, kind in here.asked if kind == "A"} == {f"{CLIENT}.{zone}" for zone in ZONES}


# --- faults ---


def verdict_of(check: Rbl, asked: PolicyRequest | None = None, now: int = NOW) -> Verdict | None:
    """The verdict; None if the check was unavailable."""
    try:
        return judged(check, asked, now).verdict
    except Unavailable:
        return None


@pytest.mark.parametrize(("fault", "zone"), EVERY_FAULT)
def test_a_fault_from_the_start_refuses_and_trusts_nobody(fault: str, zone: str) -> None:
    here = World(zones=ZONES, faults={zone: FAULTS[fault]})
    check = Rbl(SETTINGS, here, lambda _: None)
    verdict = verdict_of(check)
    assert verdict is NO_OPINION


@pytest.mark.parametrize(("fault", "zone"), EVERY_FAULT)
def test_a_fault_that_begins_later_refuses_and_trusts_nobody(fault: str, zone: str) -> None:
    check = proved(SETTINGS, here := World(zones=ZONES))
    here.faults[zone] = FAULTS[fault]
    for later in (FRESH, 60, 599):
        verdict = verdict_of(check, request(f"198.51.100.{later % 256}"), NOW + later)
        assert verdict is NO_OPINION


@pytest.mark.parametrize("fault", FAULTS)
def test_no_refusal_is_final_while_the_allow_list_has_a_fault(fault: str) -> None:
    check = proved(SETTINGS, here := world("bl.example"))
    here.faults["list.dnswl.org"] = FAULTS[fault]
    verdict = verdict_of(check, now=NOW + FRESH)
    assert verdict
    if fault == "emptied":
        return  # an answer like any other, until a probe finds it out
    assert verdict.action.verb == "450"
    assert verdict.reason == "allow list unknown"


states = st.sampled_from(["listed", "clean", *FAULTS])


@given(st.tuples(states, states, states), st.booleans(), st.booleans())
@hypothesis_settings(max_examples=120, deadline=None)
def test_only_lists_that_work_refuse_and_trust(state: tuple[str, str, str], was_well: bool, is_warm: bool) -> None:
    here = World(zones=ZONES, is_warm=is_warm)
    check = proved(SETTINGS, here) if was_well else Rbl(SETTINGS, here, lambda _: None)
    for zone, what in zip(ZONES, state, strict=True):
        if what in FAULTS:
            here.faults[zone] = FAULTS[what]
        elif what == "listed":
            here.listed[f"{CLIENT}.{zone}"] = found("127.0.5.3" if zone == "list.dnswl.org" else "127.0.0.2")
    verdict = verdict_of(check, now=NOW + FRESH)
    honest = dict(zip(ZONES, (what == "listed" for what in state), strict=True))
    points = 3 * honest["bl.example"] + honest["b2.example"] - 2 * honest["list.dnswl.org"]
    if verdict is None:
        assert all(what in FAULTS for what in state) or not was_well
    elif verdict.action.rejects:
        assert points >= 3
        assert state[2] not in FAULTS or state[2] == "emptied"
    elif verdict is TRUST:
        assert honest["list.dnswl.org"]
        assert points <= -1
        assert not {state[0], state[1]} & (set(FAULTS) - LIKE_CLEAN)


@pytest.mark.parametrize("fault", ["lists the world", "public resolver"])
@pytest.mark.parametrize("known", ["bl.example", ""])
def test_a_list_that_hangs_leaves_time_to_find_out_another_that_lies(fault: str, known: str) -> None:
    check = proved(SETTINGS, here := World(zones=ZONES, warm=known))
    here.faults |= {"bl.example": FAULTS[fault], "b2.example": FAULTS["hang"]}
    assert verdict_of(check, now=NOW + FRESH) is NO_OPINION


def test_nobody_is_refused_by_what_caches_still_repeat_of_a_list_that_lied() -> None:
    check = proved(SETTINGS, here := World(zones=ZONES, is_warm=True))
    here.listed[f"{CLIENT}.bl.example"] = found("127.0.0.2")  # what the cache keeps
    here.faults["bl.example"] = lambda name: found("127.0.0.2")._replace(ttl=300)
    run_virtually(check.prober.round(NOW + 600))
    here.faults.clear()
    run_virtually(check.prober.round(NOW + 700))
    assert verdict_of(check, now=NOW + 700) is NO_OPINION
    run_virtually(check.prober.round(NOW + 900))
    verdict = verdict_of(check, now=NOW + 900)
    assert verdict
    assert verdict.action.rejects


def test_when_no_list_can_be_asked_the_check_is_unavailable_and_then_asks_no_more() -> None:
    here = World(faults=dict.fromkeys(ZONES, FAULTS["REFUSED"]))
    check = Rbl(SETTINGS, here, lambda _: None)
    with pytest.raises(Unavailable, match="none of the DNS lists can be believed"):
        judged(check)
    run_virtually(check.prober.round(NOW))
    here.asked.clear()
    assert verdict_of(check) is None
    assert here.asked == [], "parked lists are not asked"
    assert all(status.is_parked and status.finding == "refused" for status in check.status())


def test_an_error_in_an_answer_calls_the_prober() -> None:
    check = proved(SETTINGS, here := World(zones=ZONES))
    here.faults["bl.example"] = FAULTS["public resolver"]
    judged(check, now=NOW + 10)
    run_virtually(check.prober.round(NOW + 10))
    assert [status.zone for status in check.status() if status.is_parked] == ["bl.example"]


def test_a_surge_calls_the_prober_which_finds_a_list_that_knows_only_its_test_points() -> None:
    check = proved(SETTINGS, here := World(zones=ZONES))
    here.faults["b2.example"] = lambda name: here.listed.get(name, nothing()) if ".127." in name else found("127.0.0.2")
    for number in range(ENOUGH):
        judged(check, request(f"203.0.{number}.7"), NOW + 1)
    run_virtually(check.prober.round(NOW + 10))
    assert [status.zone for status in check.status() if status.is_parked] == ["b2.example"]


def test_status_counts_what_was_answered() -> None:
    check = proved(SETTINGS, here := world("bl.example"))
    here.faults["b2.example"] = FAULTS["SERVFAIL"]
    judged(check)
    by_zone = {status.zone: status for status in check.status()}
    assert (by_zone["bl.example"].answered, by_zone["bl.example"].listed, by_zone["bl.example"].unknown) == (1, 1, 0)
    assert (by_zone["b2.example"].answered, by_zone["b2.example"].listed, by_zone["b2.example"].unknown) == (0, 0, 1)
    assert (
        by_zone["list.dnswl.org"].answered,
        by_zone["list.dnswl.org"].listed,
        by_zone["list.dnswl.org"].unknown,
    ) == (1, 0, 0)


def test_status_counts_what_the_cache_answered_and_how_long_the_network_took() -> None:
    check = proved(SETTINGS, World(zones=ZONES, is_warm=True))
    judged(check)
    assert [(status.answered, status.asked) for status in check.status()] == [(1, 0)] * 3
    check = proved(SETTINGS, here := Slow(zones=ZONES))
    here.pace = {"A": 0.5}
    judged(check)
    assert [status.latency for status in check.status()] == [pytest.approx(0.5)] * 3


def test_a_list_that_answers_nobody_is_probed() -> None:
    check = proved(SETTINGS, here := World(zones=ZONES))
    here.faults["b2.example"] = FAULTS["hang"]
    for number in range(SILENT):
        judged(check, request(f"203.0.113.{number}"), NOW + 10)
    here.asked.clear()
    run_virtually(check.prober.round(NOW + 10))
    assert {name.rpartition("b2.example")[1] for name, _ in here.asked} == {"b2.example"}


def test_a_key_is_in_questions_only() -> None:
    settings = Settings(sites=(), zones=(ZoneSettings("bl.example", "secretkey", weight=3),))
    here, said = World(zones=("secretkey.bl.example",)), list[str]()
    here.listed[f"{CLIENT}.secretkey.bl.example"] = found("127.0.0.2")
    here.txt[f"{CLIENT}.secretkey.bl.example"] = found(b"https://bl.example/?key=SecretKey")
    check = proved(settings, here, said.append)
    verdict, evidence = judged(check)
    assert verdict.action.rejects
    here.faults["bl.example"] = FAULTS["REFUSED"]
    run_virtually(check.prober.round(NOW + 600))
    shown = f"{verdict} {evidence} {said} {check.status()} {settings}"
    assert said
    assert "secretkey" not in shown.lower()


def test_a_reload_forgets_nothing_of_lists_that_stay() -> None:
    here = world("bl.example")
    former = proved(SETTINGS, here)
    judged(former)
    here.faults["b2.example"] = FAULTS["REFUSED"]
    run_virtually(former.prober.round(NOW + 600))
    settings = replace(SETTINGS, sites=("bl.example*3 b2.example*2 new.example",))

    def heir(resolver: World) -> dict[str, ZoneStatus]:
        tools = Tools(MemoryStore(StoreOptions()), "mx", "1", lambda k, f: TableList(k), resolver, former=former)
        check = build(settings, tools)
        assert isinstance(check, Rbl)
        return {status.zone: status for status in check.status()}

    same = heir(here)
    assert (same["bl.example"].listed, same["bl.example"].good_at) == (1, NOW + 600)
    assert same["b2.example"].is_parked
    assert (same["new.example"].answered, same["new.example"].finding) == (0, None)
    other = heir(World())
    assert not any(status.is_parked or status.good_at for status in other.values()), "refusals are the resolver's"


def test_it_is_built_with_the_work_of_its_prober() -> None:
    jobs = list[Job]()
    resolver = World(zones=ZONES)
    tools = Tools(
        MemoryStore(StoreOptions()), "mx", "1", lambda kind, files: TableList(kind), resolver, work=jobs.append
    )
    check = build(SETTINGS, tools)
    (job,) = jobs
    assert isinstance(check, Rbl)

    async def run() -> None:
        work = asyncio.create_task(job(lambda: NOW))
        while not all(status.good_at == NOW for status in check.status()):
            await asyncio.sleep(0)
        work.cancel()

    run_virtually(run())
