import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from policyd.checks.spf import Actions, DomainSettings, Settings, Spf, build
from policyd.checks.spf.settings import HeaderKind
from policyd.checks.tools import Tools
from policyd.checks.wiring import REQUESTS
from policyd.model.dns import Answer, DnsUnavailable, RecordType
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, SpfEvidence
from policyd.model.spf import SpfAnswer
from policyd.model.verdict import NO_OPINION, Verdict
from tests.checks.spf.house import WORLD, ask, check, judge, request
from tests.lookups.doubles import DictResolver
from tests.lookups.virtual import VirtualLoop

IDLE = Actions("none", "none", "none", "none", "none", "none", "none")


@pytest.mark.parametrize(
    ("domain", "verb", "begin", "reason"),
    [
        ("pass", "PREPEND", "Received-SPF: pass ", "tagged"),
        ("fail", "550", "5.7.23 SPF fail, 192.0.2.1 is not allowed", "spf fail"),
        ("soft", "PREPEND", "Received-SPF: softfail ", "tagged"),
        ("neutral", "PREPEND", "Received-SPF: neutral ", "tagged"),
        ("none", "PREPEND", "Received-SPF: none ", "tagged"),
        ("perm", "PREPEND", "Received-SPF: permerror ", "tagged"),
        ("temp", "PREPEND", "Received-SPF: temperror ", "tagged"),
        ("nomail", "550", "5.7.23 SPF fail, ", "spf fail"),
        ("lax", "550", "5.7.23 SPF fail, ", "spf fail"),
        ("dmarc", "PREPEND", "Received-SPF: fail ", "tagged"),
        ("sub.dmarc", "PREPEND", "Received-SPF: fail ", "tagged"),
        ("murky", "PREPEND", "Received-SPF: fail ", "tagged"),
    ],
)
def test_what_becomes_of_mail_by_default(domain: str, verb: str, begin: str, reason: str) -> None:
    verdict = judge(f"user@{domain}.example")
    assert (verdict.action.verb, verdict.reason, verdict.final) == (verb, reason, verb == "550")
    assert verdict.action.text.startswith(begin)


def test_a_refusal_quotes_the_owner() -> None:
    assert judge("user@fail.example").action.text.endswith("; fail.example explains: 192.0.2.1 is not ours")
    assert "explains" not in judge("user@fail.example", explanation=False).action.text


@pytest.mark.parametrize(
    ("sentence", "verb"),
    [("reject", "550"), ("defer", "451"), ("greylist", "PREPEND"), ("tag", "PREPEND"), ("none", "DUNNO")],
)
@pytest.mark.parametrize("domain", ["pass", "lax", "soft", "neutral", "none", "perm", "temp"])
def test_every_result_can_have_every_action(sentence: str, verb: str, domain: str) -> None:
    actions = Actions(*[sentence] * 7)  # type: ignore[list-item]
    verdict = judge(f"user@{domain}.example", mail_from=actions, helo=IDLE)
    assert verdict.action.verb == verb
    if not verdict.final:
        assert verdict.evidence.spf
        assert verdict.evidence.spf.is_suspect is (sentence == "greylist")


def test_a_helo_that_fails_is_refused_whatever_the_sender_is() -> None:
    for sender in ("user@pass.example", "user@temp.example", "user@nomail.example"):
        verdict = ask(check(), request(sender, "mail.fail.example"))
        assert verdict.action.text.startswith(
            "5.7.23 SPF fail, 192.0.2.1 is not allowed to send mail from mail.fail.exa"
        )


def test_a_refused_helo_name_is_said_to_be_one() -> None:
    words = "192.0.2.1 is not allowed to send mail from mail.fail.example, its HELO name"
    assert judge("user@pass.example", "mail.fail.example").action.text == f"5.7.23 SPF fail, {words}"
    assert "its HELO name" not in judge("", "mail.fail.example").action.text
    assert "its HELO name" not in judge("u@pass.example", "mail.fail.example", text="no to %i").action.text


def test_both_identities_are_asked_about_at_once() -> None:
    async def work() -> float:
        loop = asyncio.get_running_loop()
        start = loop.time()
        resolver = DictResolver(WORLD, delay=0.05)
        verdict = check(world=resolver).evaluate(request("user@pass.example", "mail.pass.example"), NO_EVIDENCE, 0)
        assert not isinstance(verdict, Verdict)
        await verdict
        return loop.time() - start

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(work()) == pytest.approx(0.05, abs=0.01)


def test_a_helo_that_fails_waits_for_nobody_else() -> None:
    class Slow(DictResolver):
        async def resolve(self, name: str, kind: RecordType) -> Answer:
            await asyncio.sleep(0 if name.startswith("mail.") else 2)
            return await super().resolve(name, kind)

    async def work() -> tuple[Verdict, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        verdict = check(world=Slow(WORLD)).evaluate(request(helo="mail.fail.example"), NO_EVIDENCE, 0)
        assert not isinstance(verdict, Verdict)
        return await verdict, loop.time() - start

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        verdict, took = runner.run(work())
    assert (verdict.reason, took) == ("spf fail", 0)


def test_a_helo_that_is_known_to_fail_is_refused_at_once() -> None:
    spf = check()
    ask(spf, request("", "mail.fail.example"))
    verdict = spf.evaluate(request("user@pass.example", "mail.fail.example"), NO_EVIDENCE, 0)
    assert isinstance(verdict, Verdict)
    assert verdict.reason == "spf fail"


def test_what_is_known_is_not_asked_or_counted_again_beside_what_is_not() -> None:
    spf = check()
    ask(spf, request("", "mail.pass.example"))
    ask(spf, request("user@pass.example", "mail.pass.example"))
    assert spf.counts.results == {("helo", "pass"): 2, ("mailfrom", "pass"): 1}


def test_who_is_gone_asks_nothing_more() -> None:
    class Silent(DictResolver):
        cancelled = 0

        async def resolve(self, name: str, kind: RecordType) -> None:  # type: ignore[override]
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    async def work() -> int:
        resolver = Silent(WORLD)
        verdict = check(world=resolver).evaluate(request(), NO_EVIDENCE, 0)
        assert not isinstance(verdict, Verdict)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(verdict, 0.5)
        await asyncio.sleep(0.01)
        return resolver.cancelled

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(work()) == 2


def test_helo_is_not_asked_about_where_nothing_follows() -> None:
    resolver = DictResolver(WORLD)
    verdict = ask(check(Settings(helo=IDLE), resolver), request("user@pass.example", "mail.fail.example"))
    assert verdict.action.text.startswith("Received-SPF: pass ")
    assert ("mail.fail.example", "TXT") not in resolver.asked


def test_the_null_sender_is_the_helo_name() -> None:
    verdict = judge("", "mail.pass.example")
    assert verdict.action.text.startswith("Received-SPF: pass ")
    assert 'envelope-from=""; ' in verdict.action.text
    assert "identity=helo" in verdict.action.text
    assert judge("", "mail.fail.example", helo=IDLE).action.verb == "550"


def test_the_header_is_about_helo_where_the_sender_has_no_record() -> None:
    assert "identity=helo" in judge("user@none.example", "mail.pass.example").action.text
    assert "identity=mailfrom" in judge("user@soft.example", "mail.pass.example").action.text


def test_no_header_names_a_recipient() -> None:
    for domain in ("pass", "soft", "none", "temp", "perm", "fail"):
        for header in ("received-spf", "authentication-results"):
            assert "secret-recipient" not in judge(f"u@{domain}.example", header=header).action.text


def test_the_header_can_be_off() -> None:
    verdict = judge("u@soft.example", header="none")
    assert verdict._replace(evidence=NO_EVIDENCE) == NO_OPINION
    assert verdict.evidence.spf == SpfEvidence("softfail", "soft.example", "~all")


def test_the_other_header_goes_to_the_second_service() -> None:
    spf = check(Settings(second_header_context="second"))
    first = ask(spf, request())
    second = ask(spf, request(policy_context="second"))
    assert first.action.text.startswith("Received-SPF: pass ")
    assert second.action.text == "Authentication-Results: mx.receiver.example; spf=pass smtp.mailfrom=pass.example"
    assert second.final
    refused = ask(spf, request("user@lax.example", policy_context="second"))
    assert refused.action.text.startswith("Authentication-Results: mx.receiver.example; spf=fail")
    assert sum(spf.counts.results.values()) == 2


@pytest.mark.parametrize("address", [None, "unknown"])
def test_a_client_without_an_address_has_no_result(address: str | None) -> None:
    verdict = ask(check(), request(client_address=address))
    assert (verdict.action.verb, verdict.reason, verdict.final) == ("DUNNO", "no client address", False)


def test_private_clients_are_not_judged_and_a_gateway_is_said() -> None:
    spf = check()
    for number in range(REQUESTS * 2):
        asked = request("user@lax.example", f"mx{number}.example", client_address="172.17.0.1")
        assert ask(spf, asked) is NO_OPINION
    assert [sentence.partition(":")[0] for sentence in spf.said] == ["spf"]  # type: ignore[attr-defined]
    assert "so nobody can be judged" in spf.said[0]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("address", "is_gateway"), [("192.0.2.1", False), ("unknown", True)])
def test_only_a_client_with_a_public_address_shows_that_there_is_no_gateway(address: str, is_gateway: bool) -> None:
    spf = check()
    for number in range(REQUESTS - 1):
        ask(spf, request(helo=f"mx{number}.example", client_address="172.17.0.1"))
    ask(spf, request(client_address=address))
    ask(spf, request(client_address="172.17.0.1"))
    assert (len(spf.said), bool(spf.wiring_mistake)) == (is_gateway, is_gateway)  # type: ignore[attr-defined]


def test_what_is_known_is_judged_at_once_and_without_a_loop() -> None:
    spf = check()
    first = ask(spf, request())
    assert spf.counts.known == 0
    again = spf.evaluate(request(recipient="other@receiver.example"), NO_EVIDENCE, 0)
    assert again == first
    assert spf.counts.known == 2


class Fleeting(DictResolver):
    """Its answers have a TTL of 0: nothing may be remembered."""

    def __init__(self) -> None:
        super().__init__(WORLD, ttl=0)

    def cached(self, name: str, kind: RecordType) -> None:  # type: ignore[override]
        return None


@pytest.mark.parametrize("domain", ["pass", "soft", "lax", "dmarc", "fail", "nomail"])
def test_the_recipients_of_a_message_are_one_evaluation_even_of_fleeting_records(domain: str) -> None:
    resolver = Fleeting()
    spf = check(world=resolver)
    asked = request(f"user@{domain}.example", "mail.pass.example")
    first = ask(spf, asked)
    questions = len(resolver.asked)
    for number in range(50):
        again = ask(spf, asked._replace(recipient=f"r{number}@receiver.example"))
        assert (again.action, again.evidence) == (first.action, first.evidence)
    assert len(resolver.asked) == questions
    assert spf.counts.results["helo", "pass"] == 51
    ask(spf, asked._replace(instance="another"))
    assert len(resolver.asked) == 2 * questions


@pytest.mark.parametrize("address", [None, "10.0.0.1", "192.0.2.1"])
@pytest.mark.parametrize("header", ["received-spf", "none"])
def test_the_second_service_is_for_nothing_else(address: str | None, header: HeaderKind) -> None:
    spf = check(Settings(second_header_context="second", header=header))
    assert ask(spf, request(client_address=address, policy_context="second")).final
    assert not ask(spf, request(client_address=address)).final


def test_the_second_service_decides_nothing_for_the_first() -> None:
    spf = check(Settings(second_header_context="second"), Fleeting())
    assert "spf=fail" in ask(spf, request("u@dmarc.example", policy_context="second")).action.text
    assert ask(spf, request("u@dmarc.example")).action.text.startswith("Received-SPF: fail ")


@pytest.mark.parametrize(
    "options",
    [
        {"forwarder_networks": ("192.0.2.1",)},
        {"forwarder_helo": ("mx.fwd.example",)},
        {"forwarder_domains": ("fwd.example",)},
    ],
)
@pytest.mark.parametrize("domain", ["lax", "nomail"])
def test_a_trusted_forwarder_is_tagged_only(options: dict[str, tuple[str, ...]], domain: str) -> None:
    spf = check(Settings(**options))  # type: ignore[arg-type]
    for _ in range(2):  # cold, then warm
        verdict = ask(spf, request(f"user@{domain}.example", "mx.fwd.example"))
        assert verdict.action.text.startswith("Received-SPF: fail ")
    assert ask(spf, request(f"user@{domain}.example", client_address="203.0.113.9")).action.verb == "550"


@pytest.mark.parametrize(
    ("sender", "context"), [("u@pass.example", ""), ("u@soft.example", ""), ("u@dmarc.example", "second")]
)
def test_nobody_asks_for_what_would_change_nothing(sender: str, context: str) -> None:
    resolver = DictResolver(WORLD)
    settings = Settings(
        forwarder_helo=("mx.fwd.example",), forwarder_domains=("fwd.example",), second_header_context="second"
    )
    ask(check(settings, resolver), request(sender, "mx.fwd.example", policy_context=context))
    asked = {name for name, kind in resolver.asked if kind == "A" or name == "fwd.example" or name.startswith("_dmarc")}
    assert not asked


def test_a_forwarder_that_is_known_by_its_network_need_not_be_asked_about() -> None:
    spf = check(Settings(forwarder_networks=("192.0.2.1",), forwarder_domains=("fwd.example",)), warm=True)
    verdict = spf.evaluate(request("u@lax.example", "mail.pass.example"), NO_EVIDENCE, 0)
    assert isinstance(verdict, Verdict)
    assert verdict.action.text.startswith("Received-SPF: fail ")


def test_a_helo_name_is_never_left_to_dmarc() -> None:
    spf = check(Settings(forwarder_domains=("lax.example",)))  # or nobody would ask about the sender
    assert ask(spf, request("u@dmarc.example", "dmarc.example")).reason == "spf fail"


def test_an_override_is_for_its_domains_only() -> None:
    options = {
        "domain": (DomainSettings(("soft.example",), softfail="reject"), DomainSettings((".example",), neutral="defer"))
    }
    assert judge("u@soft.example", **options).action.text.startswith("5.7.23 SPF softfail")
    assert judge("u@neutral.example", **options).action.verb == "451"


def test_an_override_is_stronger_than_the_domains_dmarc() -> None:
    override = (DomainSettings(("dmarc.example",), fail="reject"),)
    assert judge("u@dmarc.example", domain=override).action.verb == "550"


def test_dmarc_is_not_asked_where_it_does_not_matter() -> None:
    for settings, domain in ((Settings(leave_to_dmarc=False), "lax"), (Settings(), "soft"), (Settings(), "nomail")):
        resolver = DictResolver(WORLD)
        ask(check(settings, resolver), request(f"u@{domain}.example"))
        assert not [name for name, _ in resolver.asked if name.startswith("_dmarc")]


def test_later_checks_learn_the_result() -> None:
    assert judge("u@pass.example").evidence.spf == SpfEvidence("pass", "pass.example", "ip4:192.0.2.0/24")
    assert judge("u@temp.example").evidence.spf == SpfEvidence("temperror", "temp.example", is_temporary=True)
    wide = judge("u@wide.example").evidence.spf
    assert wide
    assert (wide.result, wide.is_wide, wide.identity) == ("pass", True, "")


def test_later_checks_learn_whether_dnssec_vouches_for_it() -> None:
    spf = check()
    answer = SpfAnswer("pass", "pass.example", "all", is_secure=True)
    spf.evaluator = SimpleNamespace(known=lambda question: answer)  # type: ignore[assignment]
    assert ask(spf, request()).evidence.spf == SpfEvidence("pass", "pass.example", "all", is_secure=True)


def test_a_dns_that_is_down_refuses_nobody() -> None:
    class Down(DictResolver):
        async def resolve(self, name: str, kind: RecordType) -> None:  # type: ignore[override]
            raise DnsUnavailable("resolver down")

    verdict = ask(check(world=Down({})), request("user@lax.example"))
    assert verdict.action.text.startswith("Received-SPF: temperror ")


def test_one_deadline_is_for_everything() -> None:
    class Slow(DictResolver):
        async def resolve(self, name: str, kind: RecordType) -> None:  # type: ignore[override]
            await asyncio.sleep(3 if name.startswith("mail.") else 60)
            return await super().resolve(name, kind)

    async def work() -> tuple[Verdict, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        verdict = check(world=Slow(WORLD)).evaluate(request("user@lax.example"), NO_EVIDENCE, 0)
        assert not isinstance(verdict, Verdict)
        return await verdict, loop.time() - start

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        verdict, took = runner.run(work())
    assert verdict.action.text.startswith("Received-SPF: temperror ")
    assert took == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize(
    ("options", "domain", "verb"),
    [
        ({}, "lax", "550"),
        ({}, "dmarc", "PREPEND"),
        ({"leave_to_dmarc": False, "forwarder_domains": ("pass.example",)}, "lax", "PREPEND"),
        ({"leave_to_dmarc": False, "forwarder_domains": ("fail.example",)}, "lax", "550"),
        ({"forwarder_helo": ("mail.slow.example",), "forwarder_domains": ("fail.example",)}, "nomail", "550"),
    ],
)
def test_a_name_that_takes_all_the_time_excuses_no_forger(options: dict[str, Any], domain: str, verb: str) -> None:
    class Slow(Fleeting):
        """The forger's own DNS keeps his HELO name back; everybody else's takes its time, too."""

        async def resolve(self, name: str, kind: RecordType) -> Answer:
            await asyncio.sleep(60 if "slow" in name and kind == "TXT" else 1)
            return await super().resolve(name, kind)

    async def work() -> tuple[Verdict, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        asked = request(f"user@{domain}.example", "mail.slow.example")
        verdict = check(Settings(**options), Slow()).evaluate(asked, NO_EVIDENCE, 0)
        assert not isinstance(verdict, Verdict)
        return await verdict, loop.time() - start

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        verdict, took = runner.run(work())
    assert verdict.action.verb == verb
    assert took == pytest.approx(5, abs=0.1)


def test_a_slow_dmarc_answer_speaks_for_the_mail() -> None:
    class Slow(DictResolver):
        async def resolve(self, name: str, kind: RecordType) -> None:  # type: ignore[override]
            if name.startswith("_dmarc"):
                await asyncio.sleep(60)
            return await super().resolve(name, kind)

    async def work() -> Verdict:
        verdict = check(world=Slow(WORLD)).evaluate(request("user@lax.example"), NO_EVIDENCE, 0)
        assert not isinstance(verdict, Verdict)
        return await verdict

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(work()).action.text.startswith("Received-SPF: fail ")


def test_results_are_counted_and_go_on_after_a_reload() -> None:
    spf = check()
    ask(spf, request("user@pass.example", "mail.pass.example"))
    ask(spf, request("user@lax.example"))
    assert spf.counts.results == {
        ("helo", "pass"): 1,
        ("mailfrom", "pass"): 1,
        ("helo", "none"): 1,
        ("mailfrom", "fail"): 1,
    }
    tools = Tools(None, "mx.example", "1", None, former=spf)  # type: ignore[arg-type]
    after = build(Settings(), tools)
    assert isinstance(after, Spf)
    assert after.counts is spf.counts


def test_a_check_that_is_only_looked_at_asks_nobody() -> None:
    spf = build(Settings(), Tools(None, "mx.example", "1", None))  # type: ignore[arg-type]
    try:
        verdict = spf.evaluate(request(), NO_EVIDENCE, 0)
    except Unavailable:
        pytest.fail("it raised")
    assert isinstance(verdict, Verdict)
    assert verdict.action.text.startswith("Received-SPF: temperror ")
