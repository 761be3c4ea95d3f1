"""Law tested: the check names the right triplet, words safe answers, and adds nothing to what the store decided."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.greylist import Settings, build, reply
from policyd.checks.greylist import check as room
from policyd.checks.greylist.reply import TEXT_LIMIT
from policyd.checks.tools import Tools
from policyd.model.action import DUNNO
from policyd.model.address import parse_address
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, Evidence, SpfEvidence
from policyd.model.greylist import Change, Entry, Identities, Observation, Rules, Triplet
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Verdict
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import TableList
from tests.examples import thorough

NOW = 1_795_370_400  # Sun, 22 Nov 2026 18:00:00 +0000
DAY = 86400


class Pending:
    """A commit on its way."""

    def then(self, done: Callable[[bool], None]) -> None:
        done(True)


class Oracle:
    """A store that gives one answer, and keeps what it was asked."""

    def __init__(self, outcome: Any = "new", seconds: int = 240, commit: Any = None) -> None:
        self.answer = Observation(outcome, seconds, commit)
        self.asked: list[tuple[Triplet, Rules, int]] = []

    def observe(
        self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None
    ) -> Observation | Awaitable[Observation]:
        self.asked.append((triplet, rules, now))
        self.others = tuple(others()) if others else ()
        return self.answer

    def amend(self, keys: Sequence[Triplet], change: Change) -> Pending:
        assert change(None) is None  # what was forgotten meanwhile stays so
        self.amended = Pending()
        return self.amended


class SlowOracle(Oracle):
    async def observe(  # type: ignore[override]
        self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None
    ) -> Observation:
        await asyncio.sleep(0)
        return self.answer


class BrokenStore(Oracle):
    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        raise Unavailable("disk full")


def tools(store: Oracle, hostname: str = "mx.y.example") -> Tools:
    return Tools(store, hostname, "1.2.3", lambda kind, files: TableList(kind))


def request(
    client: str = "192.0.2.77", sender: str = "a@x.example", recipient: str = "b@y.example", named: bool = True
) -> PolicyRequest:
    return PolicyRequest(
        protocol_state="RCPT",
        client_name="unknown",
        sender=sender,
        recipient=recipient,
        instance="i1",
        client_address=parse_address(client),
        attributes={"sender": sender} if named else {},
    )


def ask(store: Oracle, asked: PolicyRequest | None = None, **options: Any) -> Verdict:
    verdict = build(Settings(**options), tools(store)).evaluate(asked or request(), NO_EVIDENCE, NOW)
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    reply.date.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    reply.date.cache_clear()


# The triplet


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:DB8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_a_client_is_its_network(client: str, network: str) -> None:
    ask(store := Oracle(), request(client))
    assert store.asked[0][0].client == network


# The identities


def named(name: str) -> PolicyRequest:
    return request()._replace(client_name=name)


def heard(spf: SpfEvidence | None) -> Evidence:
    return NO_EVIDENCE._replace(spf=spf) if spf else NO_EVIDENCE


PASS = SpfEvidence("pass", "x.example", "ip4:192.0.2.0/24")


@pytest.mark.parametrize(
    ("name", "spf", "wanted"),
    [
        ("unknown", None, ()),
        ("mx1.mail.host.example", None, ("mail.host.example",)),  # without the list of public suffixes: the parent
        ("host-192-0-2-77.mail.host.example", None, ()),
        ("unknown", PASS, ("x.example",)),
        ("mx1.mail.host.example", PASS, ("x.example", "mail.host.example")),
        ("mx1.a.x.example", SpfEvidence("pass", "a.x.example"), ("a.x.example",)),  # once is enough
        ("unknown", SpfEvidence("pass", "x.example", "all", is_wide=True), ()),
        ("unknown", SpfEvidence("softfail", "x.example"), ()),
        ("unknown", SpfEvidence("temperror", "x.example", is_temporary=True), ()),
    ],
)
def test_a_client_is_also_the_domains_that_vouch_for_it(
    name: str, spf: SpfEvidence | None, wanted: tuple[str, ...]
) -> None:
    build(Settings(), tools(store := Oracle())).evaluate(named(name), heard(spf), NOW)
    assert store.others == wanted


@pytest.mark.parametrize(
    ("identities", "wanted"), [((), ()), (("spf",), ("x.example",)), (("name",), ("mail.host.example",))]
)
def test_an_administrator_chooses_what_counts(identities: Any, wanted: tuple[str, ...]) -> None:
    check = build(Settings(identities=identities), tools(store := Oracle()))
    check.evaluate(named("mx1.mail.host.example"), heard(PASS), NOW)
    assert store.others == wanted


def test_networks_can_be_other_ones() -> None:
    ask(store := Oracle(), request("192.0.2.77"), ipv4_prefix=32)
    ask(store, request("2001:db8:1:2::1"), ipv6_prefix=48)
    assert [asked[0].client for asked in store.asked] == ["192.0.2.77/32", "2001:db8:1::/48"]


def test_senders_are_normalised_and_recipients_only_lowered() -> None:
    ask(store := Oracle(), request(sender="User+Tag@X.Example", recipient="Bob+Ext@Y.Example"))
    assert store.asked == [(Triplet("192.0.2.0/24", "user@x.example", "bob+ext@y.example"), Settings().rules(), NOW)]


def test_the_null_sender_is_greylisted_like_any_other() -> None:
    assert ask(store := Oracle(), request(sender="")).reason == "new"
    assert store.asked[0][0].sender == ""


def test_the_store_judges_by_the_settings() -> None:
    ask(
        store := Oracle(),
        delay=60,
        retry_window=600,
        max_age=9 * DAY,
        auto_whitelist_clients=2,
        auto_whitelist_interval=0,
        group_after=4,
        replies="domain",
        replies_for=2 * DAY,
        trap_delay=70,
        trap_action="reject",
        max_new_per_network=8,
    )
    assert store.asked[0][1] == Rules(60, 600, 9 * DAY, 2, 0, 4, 2 * DAY, 70, refuses_trapped=True, max_new=8)


# What it does not judge


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (request(client="unknown"), "no client address"),
        (request(recipient=""), "incomplete request"),
        (request(sender="", named=False), "incomplete request"),
    ],
)
def test_an_incomplete_request_is_left_to_others(asked: PolicyRequest, reason: str) -> None:
    verdict = ask(store := Oracle(), asked)
    assert (verdict.action, verdict.reason, verdict.final) == (DUNNO, reason, False)
    assert store.asked == []


def test_a_store_that_cannot_answer_is_the_chains_business() -> None:
    with pytest.raises(Unavailable, match="disk full"):
        ask(BrokenStore())


# The answers


@pytest.mark.parametrize(
    ("outcome", "seconds", "reason", "line"),
    [
        ("new", 240, "new", "DEFER_IF_PERMIT 4.2.0 Greylisted, please try again later"),
        ("early", 7, "early-retry", "DEFER_IF_PERMIT 4.2.0 Greylisted, please try again later"),
        ("known", 0, "triplet found", "DUNNO"),
        ("auto-whitelisted", 0, "client AWL", "DUNNO"),
        ("group", 0, "domain AWL", "DUNNO"),
        ("reply", 0, "reply", "DUNNO"),
        ("crowded", 240, "network limit", "DEFER_IF_PERMIT 4.2.0 Greylisted, please try again later"),
        ("crowd passed", 0, "network limit", "DUNNO"),
        ("trapped", 0, "spam trap", reply.TRAP_REFUSAL.reply.decode()[7:].strip()),
    ],
)
def test_answers(outcome: str, seconds: int, reason: str, line: str) -> None:
    for commit in (None, Pending()):
        verdict = ask(Oracle(outcome, seconds, commit))
        assert verdict.action.reply == f"action={line}\n\n".encode()
        assert (verdict.reason, verdict.delay, verdict.final) == (reason, seconds, True)
        assert verdict.commit is commit


@pytest.mark.usefixtures("utc")
def test_the_first_pass_says_how_long_it_took() -> None:
    verdict = ask(Oracle("passed", 301))
    assert verdict.action == (
        "PREPEND",
        "X-Greylist: delayed 301 seconds by policyd-1.2.3 at mx.y.example; Sun, 22 Nov 2026 18:00:00 +0000",
    )
    assert (verdict.reason, verdict.delay) == ("triplet found", 301)


def test_the_date_is_local_time(monkeypatch: pytest.MonkeyPatch, utc: None) -> None:
    monkeypatch.setenv("TZ", "NPT-5:45")
    time.tzset()
    reply.date.cache_clear()  # a running daemon never changes its time zone
    assert ask(Oracle("passed", 0)).action.text.endswith("; Sun, 22 Nov 2026 23:45:00 +0545")


def test_the_header_can_be_off() -> None:
    verdict = ask(Oracle("passed", 301), header=False)
    assert (verdict.action, verdict.reason, verdict.delay) == (DUNNO, "triplet found", 301)


def test_every_placeholder_counts() -> None:
    """postgrey replaces the first of each only."""
    text = ask(Oracle("early", 7), text="%s %s %r %r 100%").action.text
    assert text == "4.2.0 7 7 y.example y.example 100%"
    header = ask(Oracle("passed", 9), header_text="X-A: %t%t %v%v %h%h %z").action.text
    assert header == "X-A: 99 1.2.31.2.3 mx.y.examplemx.y.example %z"


def test_a_value_brings_in_no_placeholder() -> None:
    assert ask(Oracle("early", 7), request(recipient="b@%s.example"), text="%r").action.text == "4.2.0 %s.example"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("Later", "4.2.0 Later"),
        ("4.7.1 Later", "4.7.1 Later"),
        ("450 Later", "4.2.0 450 Later"),
        ("4.2.0 %r", "4.2.0 ?"),
    ],
)
def test_the_status_code_is_the_administrators_or_ours(text: str, sent: str) -> None:
    assert ask(Oracle(), request(recipient="nobody@"), text=text).action.text == sent


@pytest.mark.parametrize("action", ["DEFER_IF_PERMIT", "DEFER", "451"])
def test_the_action_can_be_another_deferral(action: str) -> None:
    assert ask(Oracle(), action=action).action.verb == action


@given(recipient=st.text(min_size=1, max_size=600), sender=st.text(max_size=600))
@thorough
def test_nothing_in_a_request_breaks_an_answer(recipient: str, sender: str) -> None:
    action = ask(Oracle(), request(sender=sender, recipient=recipient), text="4.2.0 %r %r %s").action
    assert action.defers
    assert len(action.text) <= TEXT_LIMIT


@given(st.text(max_size=400))
@thorough
def test_no_host_name_breaks_the_header(hostname: str) -> None:
    check = build(Settings(), tools(Oracle("passed", 1), hostname))
    verdict = check.evaluate(request(), NO_EVIDENCE, NOW)
    assert isinstance(verdict, Verdict)
    assert verdict.action.verb == "PREPEND"


def test_who_came_along_waits_for_its_commit_and_says_why() -> None:
    store = Oracle("passed", 240)
    check = build(Settings(when="suspicious"), tools(store))
    assert evaluated(check, request()).reason == "triplet found"
    store.answer = Observation("new", 240)
    verdict = evaluated(check, to("r2@y.example", "i1"))
    assert (verdict.reason, verdict.commit) == ("same message", store.amended)
    assert verdict.why == "3: no reverse name, HELO is no host name"


def test_a_store_may_have_to_wait() -> None:
    check = build(Settings(), tools(SlowOracle("early", 7)))

    async def wait() -> Verdict:
        verdict = check.evaluate(request(), NO_EVIDENCE, NOW)
        assert not isinstance(verdict, Verdict)
        return await verdict

    verdict = asyncio.run(wait())
    assert (verdict.reason, verdict.delay) == ("early-retry", 7)


# What is spared, with a real store in memory


def evaluated(check: Any, asked: PolicyRequest, at: int = 0, evidence: Evidence = NO_EVIDENCE) -> Verdict:
    verdict = check.evaluate(asked, evidence, NOW + at)
    assert isinstance(verdict, Verdict)
    return verdict


def real(**options: Any) -> Any:
    return build(Settings(**options), tools(MemoryStore(StoreOptions())))  # type: ignore[arg-type]


def to(recipient: str, instance: str = "i2", sender: str = "a@x.example") -> PolicyRequest:
    return request(sender=sender, recipient=recipient)._replace(instance=instance)


def test_the_delay_is_served_once_for_a_message() -> None:
    check = real()
    assert evaluated(check, to("r1@y.example", "i1")).reason == "new"
    assert evaluated(check, to("r1@y.example"), 240).reason == "triplet found"
    assert evaluated(check, to("r2@y.example"), 241).reason == "same message"
    assert evaluated(check, to("r3@y.example", "i3"), 242).reason == "new"
    # Who came along is known; a recipient that was only known opens the door for nobody.
    assert evaluated(check, to("r2@y.example", "i4"), 243).reason == "triplet found"
    assert evaluated(check, to("r4@y.example", "i4"), 243).reason == "new"


def test_who_came_along_has_passed_once() -> None:
    check = real()
    evaluated(check, to("r1@y.example", "i1"))
    evaluated(check, to("r2@y.example", "i1"), 10)
    evaluated(check, to("r1@y.example"), 240)
    assert evaluated(check, to("r2@y.example"), 241).reason == "same message"
    assert check.store._entries[Triplet("192.0.2.0/24", "a@x.example", "r2@y.example")] == Entry(NOW + 10, NOW + 241, 1)


def test_messages_without_an_instance_have_nothing_in_common() -> None:
    check = real()
    evaluated(check, to("r1@y.example", ""))
    assert evaluated(check, to("r1@y.example", ""), 240).reason == "triplet found"
    assert evaluated(check, to("r2@y.example", ""), 241).reason == "new"


def test_each_recipient_may_have_to_wait_for_itself() -> None:
    check = real(whole_messages=False)
    evaluated(check, to("r1@y.example", "i1"))
    evaluated(check, to("r1@y.example"), 240)
    assert evaluated(check, to("r2@y.example"), 241).reason == "new"


def test_messages_that_passed_are_forgotten_in_their_turn() -> None:
    check = real(delay=0)
    for number in range(room.REMEMBERED_MESSAGES + 10):
        evaluated(check, to("r@y.example", f"i{number}", f"s{number}@x{number}.example"))
    assert len(check._through) == room.REMEMBERED_MESSAGES


@pytest.mark.parametrize(
    ("null_sender", "state", "reason"),
    [
        ("rcpt", "RCPT", "new"),
        ("data", "RCPT", "null sender"),
        ("data", "DATA", "new"),
        ("never", "RCPT", "null sender"),
        ("never", "DATA", "null sender"),
    ],
)
def test_bounces(null_sender: str, state: str, reason: str) -> None:
    check = real(null_sender=null_sender)
    bounce = request(sender="")._replace(protocol_state=state)
    verdict = evaluated(check, bounce)
    assert (verdict.reason, verdict.final) == (reason, reason == "new")
    assert evaluated(check, request()._replace(protocol_state=state)).reason == "new"
    assert check.asks_at_data is (null_sender == "data")


def test_who_mails_a_trap_is_refused_or_waits_longer() -> None:
    refusing = real(traps=("trap@y.example",), trap_action="reject")
    assert evaluated(refusing, request()).reason == "new"
    assert evaluated(refusing, to("Trap@y.example"), 1).action.rejects
    assert evaluated(refusing, request(), 300).reason == "spam trap"
    assert evaluated(refusing, request(), 300 + DAY).reason == "triplet found"
    delaying = real(traps=("trap@y.example",))
    assert evaluated(delaying, to("trap@y.example")).delay == 7200
    assert evaluated(delaying, request(), 1).delay == 7200


@pytest.mark.parametrize(
    ("evidence", "reason", "why"),
    [
        (heard(PASS), "new", "3: no reverse name, HELO is no host name"),
        (heard(SpfEvidence("pass", "gmail.com")), "not suspicious", "trusted: SPF of a provider"),
    ],
)
def test_only_the_suspicious_are_remembered(evidence: Evidence, reason: str, why: str) -> None:
    store = MemoryStore(StoreOptions())
    check = build(Settings(when="suspicious"), tools(store))  # type: ignore[arg-type]
    verdict = evaluated(check, request(), evidence=evidence)
    assert (verdict.reason, verdict.why) == (reason, why)
    assert bool(store.stats().entries) is (reason == "new")


@pytest.mark.parametrize(("at", "reason"), [(3, "new"), (4, "not suspicious")])
def test_the_score_that_is_asked_for_is_enough(at: int, reason: str) -> None:
    assert evaluated(real(when="suspicious", suspicious_at=at), request()).reason == reason


def test_why_a_client_was_suspicious_stands_beside_its_pass() -> None:
    check = real(when="suspicious", header=False)
    said = [evaluated(check, request(), at) for at in (0, 240, 241)]
    assert [verdict.reason for verdict in said] == ["new", "triplet found", "triplet found"]
    assert {verdict.why for verdict in said} == {"3: no reverse name, HELO is no host name"}


def test_a_look_sees_who_may_come_along() -> None:
    check = real()
    evaluated(check, to("r1@y.example", "i1"))
    evaluated(check, to("r1@y.example"), 240)
    assert check.peek(to("r2@y.example"), NO_EVIDENCE, NOW + 241).reason == "same message"
    assert check.peek(to("r2@y.example", "i3"), NO_EVIDENCE, NOW + 241).reason == "new"


def test_a_look_lets_nobody_come_along() -> None:
    check = real()
    evaluated(check, to("r1@y.example", "i1"))
    assert check.peek(to("r1@y.example"), NO_EVIDENCE, NOW + 240).reason == "triplet found"
    assert evaluated(check, to("r2@y.example"), 241).reason == "new"


def test_a_look_changes_nothing() -> None:
    store = MemoryStore(StoreOptions())
    check: Any = build(Settings(traps=("b@y.example",), trap_action="reject"), tools(store))  # type: ignore[arg-type]
    assert check.peek(request(), NO_EVIDENCE, NOW).reason == "new"
    assert store.stats().entries == 0


def test_a_refused_client_begins_anew_under_all_its_identities() -> None:
    check = real(auto_whitelist_clients=1, auto_whitelist_interval=0)
    asked = named("mx1.mail.host.example")
    evaluated(check, asked)
    evaluated(check, asked, 240)
    stranger = asked._replace(client_address=parse_address("203.0.113.5"), recipient="other@y.example")
    assert evaluated(check, stranger, 241).reason == "client AWL"
    check.saw_rejection(asked, NO_EVIDENCE, NOW + 250)
    assert evaluated(check, stranger._replace(instance="i9"), 251).reason == "new"


def test_a_refused_network_begins_anew_whatever_its_version() -> None:
    check = real(auto_whitelist_clients=1, auto_whitelist_interval=0, ipv6_prefix=48)
    evaluated(check, request("2001:db8:1:2::3"))
    evaluated(check, request("2001:db8:1:2::3"), 240)
    stranger = request("2001:db8:1:9::1", recipient="other@y.example")._replace(instance="i9")
    assert evaluated(check, stranger, 241).reason == "client AWL"
    check.saw_rejection(request("2001:db8:1:2::3"), NO_EVIDENCE, NOW + 250)
    assert evaluated(check, stranger, 251).reason == "new"


def test_a_refused_client_of_unknown_address_is_nobody() -> None:
    real().saw_rejection(request("unknown"), NO_EVIDENCE, NOW)


def test_whom_a_user_of_ours_writes_to_may_answer() -> None:
    check = real(replies="address")
    check.saw_outbound(request(sender="b@y.example", recipient="a@x.example"), NOW)
    assert evaluated(check, request(), 1).reason == "reply"
