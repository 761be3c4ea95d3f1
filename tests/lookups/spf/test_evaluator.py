import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Any

import pytest

from policyd.lookups.spf import open_evaluator
from policyd.lookups.spf.engine import Evaluation
from policyd.lookups.spf.evaluator import EXPLANATION_TIME, Evaluator
from policyd.lookups.spf.search import PATIENCE
from policyd.model.dns import Answer, DnsUnavailable, Hear, RecordType, Sought
from policyd.model.spf import SpfAnswer, SpfLimits
from tests.lookups.doubles import DictResolver
from tests.lookups.spf.world import NOW, RECEIVER, World, address, evaluator, question, records
from tests.lookups.virtual import VirtualLoop

CHAIN = records(a="v=spf1 include:b.example -all", b="v=spf1 ip4:192.0.2.1")


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """The work's result, in virtual time."""

    async def working() -> Any:
        return await work()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(working())


class Silent(DictResolver):
    """Never answers some questions; the others at once."""

    def __init__(self, known: World, silent: set[tuple[str, RecordType]]) -> None:
        super().__init__(known)
        self.silent = silent
        self.cancelled = 0

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        if (name, kind) not in self.silent:
            return await super().resolve(name, kind)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise AssertionError


class Forgetful(DictResolver):
    """Remembers nothing itself, so that only our own memory can."""

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        return None


# --- time ---


def test_a_deadline_is_a_temperror_and_ends_the_question() -> None:
    resolver = Silent(CHAIN, {("b.example", "TXT")})

    async def work() -> tuple[SpfAnswer, float]:
        loop = asyncio.get_running_loop()
        start = loop.time()
        found = await evaluator(resolver).evaluate(question(), 5)
        took = loop.time() - start
        await asyncio.sleep(0.1)
        return found, took

    found, took = run(work)
    assert (found.result, found.problem) == ("temperror", "no answer within 5.0 s")
    assert took == pytest.approx(5, abs=0.01)
    assert resolver.cancelled == 1


def test_an_explanation_that_does_not_come_costs_a_second_and_no_result() -> None:
    resolver = Silent(records(a="v=spf1 -all exp=e.example"), {("e.example", "TXT")})

    async def work() -> tuple[SpfAnswer, float]:
        start = asyncio.get_running_loop().time()
        found = await evaluator(resolver).evaluate(question(), 5)
        return found, asyncio.get_running_loop().time() - start

    found, took = run(work)
    assert (found.result, found.explanation) == ("fail", "")
    assert took == pytest.approx(EXPLANATION_TIME, abs=0.01)


def test_a_late_explanation_does_not_outlive_the_deadline() -> None:
    resolver = Silent(records(a="v=spf1 -all exp=e.example"), {("e.example", "TXT")})
    found = run(lambda: evaluator(resolver).report(question(), 0.5)).answer
    assert (found.result, found.explanation) == ("fail", "")


@pytest.mark.parametrize("name", ["a.example", "e.example"])
def test_who_is_gone_is_gone_at_once_even_while_an_explanation_is_fetched(name: str) -> None:
    resolver = Silent(records(a="v=spf1 -all exp=e.example"), {(name, "TXT")})

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await evaluator(resolver).evaluate(question(), 5)
        await asyncio.sleep(0.01)
        assert resolver.cancelled == 1

    run(work)


# --- sharing ---


def test_equal_checks_in_flight_are_one() -> None:
    resolver = DictResolver(CHAIN, delay=0.05)

    async def work() -> list[SpfAnswer]:
        checks = evaluator(resolver)
        return await asyncio.gather(*(checks.evaluate(question(), 5) for _ in range(50)))

    found = run(work)
    assert {answer.result for answer in found} == {"pass"}
    assert len(resolver.asked) == 2


def test_what_a_record_names_is_asked_for_together() -> None:
    world = records(
        a="v=spf1 a mx:m.example include:b.example include:c.example -all", b="v=spf1 ?all", c="v=spf1 +all"
    )
    resolver = DictResolver(world, delay=0.05)

    async def work() -> tuple[SpfAnswer, float]:
        start = asyncio.get_running_loop().time()
        return await evaluator(resolver).evaluate(question(), 5), asyncio.get_running_loop().time() - start

    found, took = run(work)
    assert (found.result, found.mechanism) == ("pass", "include:c.example")
    assert took == pytest.approx(0.1, abs=0.01)
    assert len(resolver.asked) == 5


@pytest.mark.parametrize("first", ["include:b.example", "exists:%{d}.b.example", "a:b.example"])
def test_a_name_that_nobody_answers_for_harms_no_mail_that_needs_it_not(first: str) -> None:
    class Dead(DictResolver):
        async def resolve(self, name: str, kind: RecordType) -> Answer:
            if name.startswith("dead"):
                await asyncio.sleep(2)
                raise DnsUnavailable("timeout")
            return await super().resolve(name, kind)

    world: World = {
        **records(
            a="v=spf1 include:l1.example include:dead1.example -all",
            l1="v=spf1 include:l2.example include:dead2.example -all",
            l2="v=spf1 include:l3.example include:dead3.example -all",
            l3=f"v=spf1 {first} include:dead4.example -all",
            b="v=spf1 ip4:192.0.2.1",
        ),
        ("b.example", "A"): ("192.0.2.1",),
        ("l3.example.b.example", "A"): ("127.0.0.2",),
    }

    async def work() -> tuple[SpfAnswer, float]:
        start = asyncio.get_running_loop().time()
        return await evaluator(Dead(world)).evaluate(question(), 5), asyncio.get_running_loop().time() - start

    found, took = run(work)
    assert found.result == "pass"
    assert took <= 4 * PATIENCE + 0.1


@pytest.mark.parametrize(
    ("record", "asked", "rounds"),
    [
        ("v=spf1 include:b.example include:c.example -all", 3, 1),
        ("v=spf1 ip4:192.0.2.0/24 include:b.example -all", 1, 1),  # it matches before
        ("v=spf1 include:b.example foo:bar -all", 2, 1),
        ("v=spf1 exists:%{i}.b.example -all", 2, 2),
        ("v=spf1 redirect=b.example", 2, 2),
        ("v=spf1 include:b.example \xff", 1, 1),
    ],
)
def test_what_a_round_would_miss_is_asked_for_before_it(
    record: str, asked: int, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = records(b="v=spf1 ~all", c="v=spf1 +all")
    resolver = DictResolver({("a.example", "TXT"): (record.encode("latin-1"),), **more})

    begun, evaluate_once = [], Evaluator._round

    def counted(checks: Evaluator, work: Any) -> Any:
        begun.append(work)
        return evaluate_once(checks, work)

    monkeypatch.setattr(Evaluator, "_round", counted)
    run(lambda: evaluator(resolver).evaluate(question(), 5))
    assert len(begun) == rounds
    assert len(resolver.asked) == asked


def test_one_who_is_gone_takes_nobody_else_with_him() -> None:
    resolver = DictResolver(CHAIN, delay=0.05)

    async def work() -> SpfAnswer:
        checks = evaluator(resolver)
        gone = asyncio.ensure_future(checks.evaluate(question(), 5))
        stays = asyncio.ensure_future(checks.evaluate(question(), 5))
        await asyncio.sleep(0.01)
        gone.cancel()
        return await stays

    assert run(work).result == "pass"


def test_who_comes_when_the_last_one_has_gone_is_answered() -> None:
    resolver, told = DictResolver(CHAIN, delay=0.05), list[SpfAnswer]()

    async def work() -> SpfAnswer:
        checks = evaluator(resolver)
        gone = checks.seek(question(), 5, told.append)
        await asyncio.sleep(0.01)
        gone.cancel()
        assert not checks._flights
        stays = checks.seek(question(), 5, told.append)
        gone.cancel()  # a second time is none
        assert len(checks._flights) == 1
        await asyncio.sleep(1)
        stays.cancel()  # and after the answer is none
        assert not checks._flights
        return await checks.evaluate(question(), 5)

    assert told == [run(work)]
    assert told[0].result == "pass"


def test_what_one_hears_may_send_another_away() -> None:
    told = list[SpfAnswer]()

    async def work() -> None:
        checks = evaluator(DictResolver(CHAIN, delay=0.05))
        checks.seek(question(), 5, lambda answer: (told.append(answer), other.cancel()))
        other = checks.seek(question(), 5, told.append)
        await asyncio.sleep(1)

    run(work)
    assert len(told) == 1


def test_an_answer_is_known_at_once_for_its_ttl() -> None:
    resolver = Forgetful(CHAIN, ttl=60)

    async def work() -> None:
        clock = asyncio.get_running_loop().time
        checks = open_evaluator(resolver, SpfLimits(cache_seconds=300), RECEIVER, clock, lambda: NOW)
        assert checks.known(question()) is None
        found = await checks.evaluate(question(), 5)
        await asyncio.sleep(59)
        assert checks.known(question(sender="someone.else@a.example")) == found
        await asyncio.sleep(1)
        assert checks.known(question()) is None

    run(work)


@pytest.mark.parametrize(("ttl", "most", "kept"), [(3600, 10, 10), (0, 300, 0), (3600, 0, 0)])
def test_no_answer_is_kept_for_longer_than_allowed(ttl: int, most: int, kept: int) -> None:
    async def work() -> None:
        clock = asyncio.get_running_loop().time
        checks = open_evaluator(Forgetful(CHAIN, ttl=ttl), SpfLimits(cache_seconds=most), RECEIVER, clock, clock)
        await checks.evaluate(question(), 5)
        assert (checks.known(question()) is not None) is bool(kept)
        await asyncio.sleep(kept)
        assert checks.known(question()) is None

    run(work)


@pytest.mark.parametrize("record", ["v=spf1 exists:%{l}.b.example -all", "v=spf1 -all exp=e.example"])
def test_an_answer_that_depends_on_the_sender_is_his_alone(record: str) -> None:
    async def work() -> None:
        checks = evaluator(Forgetful(records(a=record, e="%{s} may not")))
        mine = await checks.evaluate(question(), 5)
        assert checks.known(question()) == mine
        assert checks.known(question(sender="other@a.example")) is None

    run(work)


@pytest.mark.parametrize(
    ("record", "result", "explanation"),
    [
        ("v=spf1 include:b.example -all", "pass", ""),
        ("v=spf1 -all exp=e.example", "fail", "user@a.example may not"),
        ("v=spf1 -all exp=gone.example", "fail", ""),
        ("v=spf1 foo:bar", "permerror", ""),
    ],
)
def test_what_the_resolver_knows_is_evaluated_at_once(record: str, result: str, explanation: str) -> None:
    world = records(a=record, b="v=spf1 ip4:192.0.2.1", e="%{s} may not")
    resolver = DictResolver({**world, ("gone.example", "TXT"): "no name"}, is_warm=True)

    async def work() -> None:
        found = evaluator(resolver).known(question())
        assert found
        assert (found.result, found.explanation) == (result, explanation)
        assert not resolver.asked

    run(work)


@pytest.mark.parametrize("cold", ["a.example", "b.example", "e.example"])
def test_what_it_does_not_know_is_not(cold: str) -> None:
    resolver = DictResolver(
        records(a="v=spf1 include:b.example -all exp=e.example", b="v=spf1 ~all", e="no"), is_warm=True
    )
    resolver._cached.remove((cold, "TXT"))

    async def work() -> None:
        checks = evaluator(resolver)
        assert checks.known(question()) is None
        assert (await checks.evaluate(question(), 5)).explanation == "no"
        assert [name for name, _ in resolver.asked] == [cold]

    run(work)


def test_at_once_is_only_for_as_many_as_a_slice_has_time_for() -> None:
    record = "v=spf1 " + " ".join(f"ip4:198.51.{number}.0/24" for number in range(30)) + " {} -all"
    world = records(**{f"d{number}": record.format(f"ip4:203.0.113.{number % 256}") for number in range(500)})

    async def work() -> int:
        checks = evaluator(DictResolver(world, is_warm=True))
        answers = [checks.known(question(sender=f"u@d{number}.example")) for number in range(500)]
        return sum(answer is not None for answer in answers)

    assert 0 < asyncio.run(work()) < 500


def test_a_failure_is_remembered_for_a_moment_only() -> None:
    async def work() -> None:
        clock = asyncio.get_running_loop().time
        checks = open_evaluator(DictResolver({("a.example", "TXT"): "servfail"}), SpfLimits(), RECEIVER, clock, clock)
        found = await checks.evaluate(question(), 5)
        assert (found.result, found.problem) == ("temperror", "DNS: servfail for TXT of a.example")
        assert checks.known(question()) == found
        await asyncio.sleep(2)
        assert checks.known(question()) is None

    run(work)


def test_a_report_is_always_fresh() -> None:
    async def work() -> None:
        checks = evaluator(CHAIN)
        await checks.evaluate(question(), 5)
        found = await checks.report(question(), 5)
        assert [step.domain for step in found.steps] == ["a.example", "b.example"]

    run(work)


# --- faults ---


def test_a_bug_is_a_temperror_with_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(DictResolver):
        def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
            raise RuntimeError("boom")

    checks = evaluator(Broken({}))
    with caplog.at_level(logging.ERROR, "policyd.spf"):
        found = run(lambda: checks.evaluate(question(), 5))
    assert (found.result, found.problem) == ("temperror", "internal fault")
    assert "RuntimeError: boom" in caplog.text


def test_a_bug_in_an_explanation_undoes_no_result(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> str:
        raise RuntimeError("boom")

    monkeypatch.setattr(Evaluation, "explanation", broken)
    checks = evaluator(records(a="v=spf1 -all exp=e.example", e="no"))
    with caplog.at_level(logging.ERROR, "policyd.spf"):
        found = run(lambda: checks.evaluate(question(), 5))
    assert (found.result, found.explanation) == ("fail", "")
    assert "RuntimeError: boom" in caplog.text


def test_five_hundred_checks_do_not_hold_the_loop() -> None:
    networks = " ".join(f"ip4:198.51.{number}.0/24" for number in range(60))
    world = records(**{f"d{number}": f"v=spf1 {networks} -all" for number in range(500)})

    async def work() -> float:
        checks, longest = evaluator(DictResolver(world, is_warm=True)), 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                start = process_time()
                await asyncio.sleep(0)
                longest = max(longest, process_time() - start)

        ticker = asyncio.ensure_future(tick())
        await asyncio.sleep(0)
        client = address("192.0.2.1")
        found = await asyncio.gather(
            *(checks.evaluate(question()._replace(client=client, sender=f"u@d{n}.example"), 5) for n in range(500))
        )
        ticker.cancel()
        assert {answer.result for answer in found} == {"fail"}
        return longest

    assert asyncio.run(work()) < 0.5  # bench measures it on a quiet machine; without turns it is the sum of all


def test_the_evaluator_is_bounded() -> None:
    async def work() -> Evaluator:
        checks = evaluator(DictResolver({}, ttl=600))
        for number in range(9000):
            await checks.evaluate(question(sender=f"u@d{number}.example"), 5)
        return checks

    checks = asyncio.run(work())
    assert len(checks._results) <= 8192
    assert not checks._flights


def test_an_answer_says_whether_dnssec_vouches_for_it() -> None:
    class Signed(Forgetful):
        async def resolve(self, name: str, kind: RecordType) -> Answer:
            return (await super().resolve(name, kind))._replace(is_secure=True)

    for resolver, is_secure in ((Signed(CHAIN), True), (Forgetful(CHAIN), False)):
        assert run(lambda resolver=resolver: evaluator(resolver).evaluate(question(), 5)).is_secure is is_secure
