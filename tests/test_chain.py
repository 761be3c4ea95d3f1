"""The chain with checks that are values: order, excuses, one header per message, faults that never reject."""

import asyncio
import re
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

import pytest

from policyd.chain import REMEMBERED_MESSAGES, Chain
from policyd.model.action import DUNNO, MAX_TEXT, Action
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, DnsListEvidence, Evidence, SpfEvidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Decision, Verdict, Would
from policyd.policies import Plan, Policy
from policyd.shadow import Shadow
from policyd.tables.windows import Window
from policyd.wire.request import parse_request

DEFER = Verdict(Action("DEFER_IF_PERMIT", "4.2.0 Greylisted"), "new", delay=240)
HEADER = Verdict(Action("PREPEND", "X-Greylist: delayed"), "triplet found", delay=300)
TAG = Verdict(Action("PREPEND", "X-Tag: yes"), "triplet found", final=False)


@dataclass
class Says:
    """A check that always says the same, at once or later, or fails."""

    what: Verdict | Exception
    name: str = "greylist"
    waits: bool = False
    asked: list[int] = field(default_factory=list)
    heard: list[Evidence] = field(default_factory=list)

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        self.asked.append(now)
        self.heard.append(evidence)
        if self.waits:
            return self._later()
        return self._now()

    def _now(self) -> Verdict:
        if isinstance(self.what, Exception):
            raise self.what
        return self.what

    async def _later(self) -> Verdict:
        await asyncio.sleep(0)
        return self._now()


def request(**attributes: str) -> PolicyRequest:
    everything = {
        "request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": "192.0.2.1",
        "sender": "a@example", "recipient": "b@example", "instance": "1.2.3",
    } | attributes  # fmt: skip
    return parse_request("\n".join(f"{name}={value}" for name, value in everything.items()).encode())


def chain(*checks: Says, complaints: list[str] | None = None, plan: Plan | None = None) -> Chain:
    heard = complaints if complaints is not None else []
    return Chain(
        plan or checks, ["127.0.0.0/8", "::1"], lambda name, error: heard.append(f"{name}: {error}"), first_id=0
    )


def decide(a_chain: Chain, a_request: PolicyRequest | None = None) -> Decision:
    (decision,) = a_chain.decide([a_request or request()], 1000)
    if isinstance(decision, Decision):
        return decision

    async def wait() -> Decision:
        return await decision

    return asyncio.run(wait())


@pytest.mark.parametrize("waits", [False, True])
def test_the_first_final_verdict_ends_the_chain(waits: bool) -> None:
    first, second, third = Says(NO_OPINION, "whitelist"), Says(DEFER, waits=waits), Says(HEADER, "later")
    decision = decide(chain(first, second, third))
    assert (decision.check, decision.reason, decision.delay) == ("greylist", "new", 240)
    assert (first.asked, second.asked, third.asked) == ([1000], [1000], [])


def test_without_any_objection_there_is_no_opinion() -> None:
    decision = decide(chain(Says(NO_OPINION)))
    assert (decision.action, decision.check, decision.reason) == (DUNNO, "chain", "no check objected")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"protocol_state": "VRFY"}, "not a recipient"),
        ({"protocol_state": "DATA"}, "not a recipient"),
        ({"protocol_state": ""}, "not a recipient"),
        ({"sasl_username": "alice"}, "authenticated"),
        ({"client_address": "127.0.0.9"}, "trusted network"),
        ({"client_address": "::1"}, "trusted network"),
        ({"client_address": "::ffff:127.0.0.1"}, "trusted network"),
    ],
)
def test_who_is_asked_nothing(attributes: dict[str, str], reason: str) -> None:
    check = Says(DEFER)
    decision = decide(chain(check), request(**attributes))
    assert (decision.action, decision.check, decision.reason, check.asked) == (DUNNO, "chain", reason, [])


def test_neighbours_of_a_trusted_network_are_asked() -> None:
    assert decide(chain(Says(DEFER)), request(client_address="128.0.0.1")).action.defers
    assert decide(chain(Says(DEFER)), request(client_address="::2")).action.defers
    assert decide(chain(Says(DEFER)), request(client_address="unknown")).action.defers


LISTED = Verdict(DUNNO, "client whitelist", final=False, exempt=frozenset({"greylist"}), match="f:3: x")


@pytest.mark.parametrize("waits", [False, True])
def test_whom_a_check_exempts_is_not_asked_about_by_others(waits: bool) -> None:
    blacklist, greylist = Says(NO_OPINION, "blacklist", waits=waits), Says(DEFER)
    decision = decide(chain(Says(LISTED, "whitelist", waits=waits), blacklist, greylist))
    assert (decision.action, decision.check, decision.reason, decision.match) == (
        DUNNO, "whitelist", "client whitelist", "f:3: x",
    )  # fmt: skip
    assert (blacklist.asked, greylist.asked) == ([1000], [])


@pytest.mark.parametrize("waits", [False, True])
def test_who_is_exempt_from_one_check_is_judged_by_the_others(waits: bool) -> None:
    refused = Verdict(Action("REJECT", "5.7.1 No"), "blacklist", match="f:9: y")
    decision = decide(chain(Says(LISTED, "whitelist", waits=waits), Says(refused, "blacklist"), Says(DEFER)))
    assert (decision.check, decision.match) == ("blacklist", "f:9: y")


def test_an_exemption_is_of_one_request_only() -> None:
    class Lists(Says):
        def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
            return LISTED if request.recipient == "listed@example" else NO_OPINION

    one = chain(Lists(NO_OPINION, "whitelist"), Says(DEFER))
    asked = [request(), request(recipient="listed@example"), request()]
    answers = one.decide(asked, 1000)
    assert [answer.reason for answer in answers if isinstance(answer, Decision)] == ["new", "client whitelist", "new"]
    assert decide(one).reason == "new"


@pytest.mark.parametrize("waits", [False, True])
def test_a_check_that_exempts_from_itself_and_from_those_before(waits: bool) -> None:
    exempts = Verdict(DUNNO, "client whitelist", final=False, exempt=frozenset({"a", "b"}))
    assert decide(chain(Says(NO_OPINION, "a"), Says(exempts, "b", waits=waits), Says(DEFER, "c"))).check == "c"


@pytest.mark.parametrize("waits", [False, True])
def test_each_mail_is_asked_about_by_its_own_checks(waits: bool) -> None:
    first, theirs, own = Says(NO_OPINION, "a", waits=waits), Says(DEFER, "b"), Says(HEADER, "b")
    plan = Plan((first, theirs), policies=[Policy("p", ("vip@example",)), Policy("q", ("x@example",))],
                lineups=[(first, own), (None, None)])  # fmt: skip
    one = chain(plan=plan)
    decisions = [decide(one, request(recipient=f"{who}@example")) for who in ("b", "vip", "x")]
    assert [(each.reason, each.policy) for each in decisions] == [
        ("new", ""), ("triplet found", "p"), ("no check objected", "q"),
    ]  # fmt: skip
    assert (len(first.asked), len(theirs.asked), len(own.asked)) == (2, 1, 1)


@pytest.mark.parametrize("waits", [False, True])
def test_a_check_outside_of_its_time_is_not_asked(waits: bool) -> None:
    first, second = Says(NO_OPINION, "a", waits=waits), Says(DEFER, "b")
    assert decide(chain(plan=Plan((first, second), {1: Window(until=1001)}))).reason == "new"
    assert decide(chain(plan=Plan((first, second), {1: Window(until=1000)}))).reason == "no check objected"
    assert second.asked == [1000]


def test_a_check_outside_of_its_time_may_be_exempted_from_as_well() -> None:
    plan = Plan((Says(LISTED, "whitelist"), Says(NO_OPINION, "b"), Says(DEFER)), {1: Window(until=1000)})
    assert decide(chain(plan=plan)).reason == "client whitelist"


@pytest.mark.parametrize("waits", [False, True])
def test_a_check_that_cannot_answer_has_no_opinion_and_is_named(waits: bool) -> None:
    complaints: list[str] = []
    decision = decide(chain(Says(Unavailable("disk full"), waits=waits), complaints=complaints))
    assert (decision.action, decision.check, decision.reason) == (DUNNO, "greylist", "unavailable")
    assert complaints == ["greylist: disk full"]


@pytest.mark.parametrize("waits", [False, True])
def test_the_checks_behind_one_that_cannot_answer_are_asked(waits: bool) -> None:
    decision = decide(chain(Says(Unavailable("dns"), "rbl", waits=waits), Says(DEFER, waits=waits)))
    assert (decision.check, decision.reason) == ("greylist", "new")


def test_the_first_header_counts_if_nothing_final_follows() -> None:
    decision = decide(chain(Says(NO_OPINION, "a"), Says(TAG, "b"), Says(TAG, "c"), Says(NO_OPINION, "d")))
    assert (decision.action, decision.check) == (TAG.action, "b")


def test_a_header_beats_a_check_that_could_not_answer() -> None:
    assert decide(chain(Says(Unavailable("x"), "a"), Says(TAG, "b"))).action == TAG.action


def test_one_header_per_message() -> None:
    one = chain(Says(HEADER))
    verbs = [decide(one, request(instance=instance)).action.verb for instance in ("i", "i", "j", "i", "j")]
    assert verbs == ["PREPEND", "DUNNO", "PREPEND", "DUNNO", "DUNNO"]


def test_each_service_adds_a_header_of_its_own() -> None:
    one = chain(Says(HEADER))
    verbs = [decide(one, request(policy_context=context)).action.verb for context in ("", "mx", "mx")]
    assert verbs == ["PREPEND", "PREPEND", "DUNNO"]


def test_a_request_without_instance_is_a_message_of_its_own() -> None:
    one = chain(Says(HEADER))
    assert [decide(one, request(instance="")).action.verb for _ in range(2)] == ["PREPEND", "PREPEND"]


def test_remembered_messages_are_bounded() -> None:
    one = chain(Says(HEADER))
    for number in range(REMEMBERED_MESSAGES + 1):
        decide(one, request(instance=str(number)))
    assert decide(one, request(instance="1")).action.verb == "DUNNO"
    assert decide(one, request(instance="0")).action.verb == "PREPEND"


def test_every_refusal_ends_with_the_id_of_its_log_line() -> None:
    one = chain(Says(DEFER))
    first, second = decide(one), decide(one)
    assert first.action.text == f"4.2.0 Greylisted (id {first.id})"
    assert first.id != second.id


def test_ids_are_eight_digits_and_none_returns_soon() -> None:
    one = chain(Says(DEFER))
    ids = [decide(one).id for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(re.fullmatch("[0-9A-F]{8}", each) for each in ids)


def test_a_long_text_gives_way_to_the_id() -> None:
    verdict = Verdict(Action("REJECT", "x" * MAX_TEXT), "new")
    decision = decide(chain(Says(verdict)))
    assert len(decision.action.text) == MAX_TEXT
    assert decision.action.text.endswith(f"x (id {decision.id})")


def test_a_decision_that_cannot_stand_is_no_opinion() -> None:
    failed = decide(chain(Says(DEFER))).failed("unavailable")
    assert (failed.action, failed.reason, failed.commit) == (DUNNO, "unavailable", None)


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("final", [Verdict(DUNNO, "triplet found"), HEADER])
def test_an_earlier_wish_stands_beside_a_last_word_that_refuses_nothing(final: Verdict, waits: bool) -> None:
    hold = Verdict(Action("HOLD", "suspicious"), "blacklist", final=False, match="f:3: x")
    decision = decide(chain(Says(hold, "blacklist"), Says(final, waits=waits)))
    assert (decision.action, decision.check, decision.match) == (hold.action, "blacklist", "f:3: x")


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("final", [DEFER, Verdict(Action("550", "5.7.1 no"), "listed")])
def test_an_earlier_wish_gives_way_to_a_refusal(final: Verdict, waits: bool) -> None:
    hold = Verdict(Action("HOLD", "suspicious"), "blacklist", final=False)
    decision = decide(chain(Says(hold, "blacklist"), Says(final, waits=waits)))
    assert (decision.action.verb, decision.reason) == (final.action.verb, final.reason)


@pytest.mark.parametrize("waits", [True, False])
def test_beside_a_header_the_last_word_says_why_the_mail_passes(waits: bool) -> None:
    # SPF puts its header into all mail: what greylisting found would be told of none, and counted for none.
    tag = TAG._replace(reason="tagged", match="1 point; list.example 1")
    decision = decide(chain(Says(tag, "rbl", waits=waits), Says(HEADER, waits=waits)))
    assert (decision.action, decision.match) == (tag.action, tag.match)
    assert (decision.check, decision.reason, decision.delay) == ("greylist", "triplet found", 300)
    listed = Verdict(DUNNO, "client whitelist", match="f:3: x")
    assert decide(chain(Says(tag, "rbl"), Says(listed, "whitelist", waits=waits))).match == "f:3: x"


@pytest.mark.parametrize("waits", [True, False])
def test_a_header_that_a_service_of_its_own_is_for_is_not_another_checks(waits: bool) -> None:
    asked = Verdict(Action("PREPEND", "Authentication-Results: mx.example; none"), "tagged")
    tag, hold = TAG._replace(reason="tagged"), Verdict(Action("HOLD", "suspicious"), "blacklist", final=False)
    assert decide(chain(Says(tag, "rbl"), Says(asked, "spf", waits=waits))).action == asked.action
    assert decide(chain(Says(hold, "blacklist"), Says(asked, "spf", waits=waits))).action == hold.action


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("order", ["first", "last"])
def test_beside_a_header_a_check_that_could_not_answer_is_told(order: str, waits: bool) -> None:
    tag, broken = Says(TAG._replace(reason="tagged"), "spf", waits), Says(Unavailable("x"), "rbl", waits)
    checks = [broken, tag] if order == "first" else [tag, broken]
    decision = decide(chain(*checks, Says(TAG._replace(action=Action("PREPEND", "X-Later: yes")), "later")))
    assert (decision.action, decision.check, decision.reason) == (TAG.action, "rbl", "unavailable")
    assert decide(chain(*checks, Says(HEADER))).reason == "triplet found", "somebody could judge the mail"


@pytest.mark.parametrize("verb", ["HOLD", "DEFER_IF_PERMIT", "REDIRECT"])
def test_a_header_gives_way_to_what_is_more(verb: str) -> None:
    wish = Verdict(Action(verb, "x@example.org"), "blacklist", final=False)
    for checks in ((Says(TAG, "spf"), Says(wish, "blacklist")), (Says(wish, "blacklist"), Says(TAG, "spf"))):
        decision = decide(chain(*checks, Says(HEADER)))
        assert (decision.action.verb, decision.check) == (verb, "blacklist")


# --- evidence ---

LEARNED = Evidence(dns_lists=DnsListEvidence(points=2.0))
SPF = Evidence(spf=SpfEvidence("softfail", "example"))


@pytest.mark.parametrize("waits", [True, False])
def test_later_checks_hear_what_earlier_ones_learned(waits: bool) -> None:
    rbl = Says(TAG._replace(evidence=LEARNED), "rbl", waits=waits)
    spf = Says(NO_OPINION._replace(evidence=SPF), "spf", waits=waits)
    silent, broken, last = Says(NO_OPINION, "silent"), Says(Unavailable("x"), "broken", waits=waits), Says(DEFER)
    decision = decide(chain(rbl, spf, silent, broken, last))
    assert [check.heard for check in (rbl, spf)] == [[NO_EVIDENCE], [LEARNED]]
    both = Evidence(LEARNED.dns_lists, SPF.spf)
    assert [check.heard for check in (silent, broken, last)] == [[both], [both], [both]]
    assert decision.check == "greylist"


@pytest.mark.parametrize("waits", [True, False])
def test_evidence_alone_is_no_opinion(waits: bool) -> None:
    decision = decide(chain(Says(NO_OPINION._replace(evidence=LEARNED), "rbl", waits=waits)))
    assert (decision.check, decision.reason) == ("chain", "no check objected")


def test_each_mail_has_its_own_evidence_and_where_nothing_is_learned_all_share_one() -> None:
    class Learns(Says):
        def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
            return NO_OPINION._replace(evidence=LEARNED) if request.sender == "listed@example" else NO_OPINION

    last = Says(NO_OPINION, "last")
    chain(Learns(NO_OPINION, "rbl"), last).decide([request(), request(sender="listed@example"), request()], 1000)
    assert last.heard == [NO_EVIDENCE, LEARNED, NO_EVIDENCE]
    assert last.heard[0] is last.heard[2] is NO_EVIDENCE


# --- shadow mode ---


def test_a_chain_in_shadow_decides_as_ever_and_does_nothing() -> None:
    white, black = Says(Verdict(DUNNO, "client whitelist"), "whitelist"), Says(DEFER)
    decision = answer(Chain([white, black], (), lambda *_: None, 1, is_shadow=True))
    assert (decision.reason, decision.would, black.asked) == ("client whitelist", None, [])
    decision = answer(Chain([Says(DEFER), Says(HEADER)], (), lambda *_: None, 1, is_shadow=True))
    assert (decision.action, decision.check, decision.reason, decision.commit) == (DUNNO, "greylist", "new", None)
    assert decision.would == Would(DEFER.action, "greylist", "new")


@pytest.mark.parametrize("waits", [False, True])
def test_checks_behind_one_in_shadow_decide(waits: bool) -> None:
    reject = Verdict(Action("REJECT", "no"), "listed")
    checks = [Shadow(Says(reject, "rbl", waits)), Says(DEFER)]
    decision = answer(Chain(checks, (), lambda *_: None, 1))
    assert (decision.action.verb, decision.check) == ("DEFER_IF_PERMIT", "greylist")
    assert decision.would == Would(reject.action, "rbl", "listed")


def test_of_several_in_shadow_the_first_is_told() -> None:
    reject = Verdict(Action("REJECT", "no"), "listed")
    decision = answer(Chain([Shadow(Says(reject, "rbl")), Shadow(Says(DEFER))], (), lambda *_: None, 1))
    assert decision.action is DUNNO
    assert decision.would == Would(reject.action, "rbl", "listed")


def test_in_a_chain_in_shadow_the_first_is_told_too() -> None:
    reject = Verdict(Action("REJECT", "no"), "listed")
    checks = [Shadow(Says(reject, "rbl")), Says(DEFER)]
    assert answer(Chain(checks, (), lambda *_: None, 1, is_shadow=True)).would == Would(reject.action, "rbl", "listed")


def test_a_wish_in_shadow_is_told_beside_one_that_is_had() -> None:
    decision = answer(Chain([Shadow(Says(DEFER)), Says(TAG, "rbl")], (), lambda *_: None, 1))
    assert decision.action == TAG.action
    assert decision.would == Would(DEFER.action, "greylist", "new")


def answer(chain: Chain) -> Decision:
    async def ask() -> Decision:
        (decision,) = chain.decide([request()], 0)
        return decision if isinstance(decision, Decision) else await decision

    return asyncio.run(ask())


def test_every_check_is_timed_once_for_each_request() -> None:
    told: list[tuple[str, int]] = []
    checks = [Says(TAG, "whitelist"), Says(TAG, "rbl", waits=True), Says(Unavailable("no"), "spf", waits=True)]

    def on_asked(check: str, seconds: float, requests: int) -> None:
        assert 0 <= seconds < 5
        told.append((check, requests))

    chain = Chain([*checks, Says(Unavailable("no"))], (), lambda *_: None, 1, on_asked=on_asked)
    answer(chain)
    assert told == [("whitelist", 1), ("rbl", 1), ("spf", 1), ("greylist", 1)]
    told.clear()
    Chain(checks[:1], (), lambda *_: None, 1, on_asked=on_asked).decide(
        [request(), request(sasl_username="me"), request()], 0
    )
    assert told == [("whitelist", 2)]


def test_the_time_of_a_row_is_shared_by_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[float, int]] = []
    monkeypatch.setattr("policyd.chain.perf_counter", iter([10.0, 16.0]).__next__)
    one = Chain(
        [Says(DEFER)], (), lambda *_: None, 1, on_asked=lambda _, seconds, requests: told.append((seconds, requests))
    )
    one.decide([request(), request()], 0)
    assert told == [(3.0, 2)]


def test_who_hangs_does_not_take_the_others_their_turn() -> None:
    class Hangs(Says):
        async def _later(self) -> Verdict:
            await asyncio.sleep(60)
            return self._now()

    told: list[tuple[str, str]] = []
    hanging = [Hangs(TAG, "rbl", waits=True), Hangs(TAG, "spf", waits=True), Says(TAG, "later", waits=True)]
    chain = Chain(
        [*hanging, Says(DEFER)], (), lambda *trouble: told.append((trouble[0], str(trouble[1]))), 1, patience=0.05
    )
    begun = time.monotonic()
    assert answer(chain).action.defers
    assert time.monotonic() - begun < 1
    sentence = "no time is left of [server] request_deadline"
    assert told == [(name, sentence) for name in ("rbl", "spf", "later")]


# Those who only look on


@dataclass
class Sees(Says):
    """A check that learns from mail it is not asked about."""

    asks_at_data: bool = False
    outbound: list[str] = field(default_factory=list)
    refused: list[tuple[str, Evidence]] = field(default_factory=list)

    def saw_outbound(self, request: PolicyRequest, now: int) -> None:
        self.outbound.append(f"{request.sender} to {request.recipient} at {now}")

    def saw_rejection(self, request: PolicyRequest, evidence: Evidence, now: int) -> None:
        self.refused.append((request.sender, evidence))


@pytest.mark.parametrize(
    ("attributes", "seen"),
    [
        ({"sasl_username": "me", "policy_context": "outbound"}, True),
        ({"client_address": "127.0.0.1", "policy_context": "outbound"}, True),
        ({"sasl_username": "me"}, False),
        ({"sasl_username": "me", "policy_context": "other"}, False),
        ({"policy_context": "outbound"}, False),  # a stranger is judged like any other
        ({"sasl_username": "me", "policy_context": "outbound", "protocol_state": "DATA"}, False),
    ],
)
def test_outgoing_mail_is_seen_where_the_service_says_so(attributes: dict[str, str], seen: bool) -> None:
    witness = Sees(NO_OPINION)
    decision = decide(chain(witness), request(**attributes))
    assert decision.action is DUNNO
    assert witness.outbound == (["a@example to b@example at 1000"] if seen else [])


REFUSAL = Action("550", "5.7.1 no")


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize(("name", "seen"), [("rbl", True), ("blacklist", True), ("spf", False)])
def test_a_refusal_by_a_list_is_seen_with_what_was_learned_before(name: str, seen: bool, waits: bool) -> None:
    learned = NO_EVIDENCE._replace(spf=SpfEvidence("pass", "x.example"))
    first = Says(NO_OPINION._replace(evidence=learned), "first")
    witness = Sees(DEFER)
    assert decide(chain(first, Says(Verdict(REFUSAL, "listed"), name, waits), witness)).action.rejects
    assert witness.refused == ([("a@example", learned)] if seen else [])


def test_a_deferral_is_no_refusal() -> None:
    witness = Sees(DEFER)
    decide(chain(Says(Verdict(Action("451", "4.7.1 later"), "listed"), "rbl"), witness))
    assert witness.refused == []


@pytest.mark.parametrize(
    ("attributes", "asked"),
    [
        ({"sender": "", "protocol_state": "DATA"}, True),
        ({"sender": "", "protocol_state": "END-OF-MESSAGE"}, False),
        ({"protocol_state": "DATA"}, False),
    ],
)
def test_only_bounces_are_judged_at_data_and_only_if_someone_asks(attributes: dict[str, str], asked: bool) -> None:
    assert bool(decide(chain(Sees(DEFER, asks_at_data=True)), request(**attributes)).action.defers) is asked
    assert not decide(chain(Sees(DEFER)), request(**attributes)).action.defers


def test_in_shadow_nobody_looks_on() -> None:
    witness = Sees(DEFER, asks_at_data=True)
    attributes = {"sasl_username": "me", "policy_context": "outbound"}
    (decision,) = Chain([Shadow(witness)], [], lambda name, error: None, 0).decide([request(**attributes)], 1000)
    assert isinstance(decision, Decision)
    assert witness.outbound == []


def test_what_a_verdict_rests_on_is_in_the_decision() -> None:
    assert decide(chain(Says(DEFER._replace(why="3: no reverse name")))).why == "3: no reverse name"
