"""What excuses a mail; that the check looks for it in time is in test_check.py."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from policyd.checks.spf.excuses import Excuses
from policyd.checks.spf.forwarders import Forwarders
from policyd.checks.spf.judgement import Opinion
from policyd.checks.spf.settings import Sentence, Settings
from policyd.lookups.spf import open_evaluator
from policyd.model.dns import Answer, RecordType
from policyd.model.spf import SpfAnswer
from tests.checks.spf.house import HOST, WORLD, request
from tests.lookups.doubles import DictResolver
from tests.lookups.virtual import VirtualLoop


class Late(DictResolver):
    """Every answer takes a second."""

    def __init__(self) -> None:
        super().__init__(WORLD)
        self.given_up = 0

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return await super().resolve(name, kind)


def about(domain: str, sentence: Sentence = "reject", *, may_leave: bool = True) -> Opinion:
    return Opinion("mailfrom", SpfAnswer("fail", f"{domain}.example"), sentence, may_leave)


def run(work: Callable[[Excuses, Late], Awaitable[Any]], seconds: float = 5, **options: Any) -> Any:
    async def working() -> Any:
        resolver, settings = Late(), Settings(**options)
        evaluator = open_evaluator(resolver, settings.limits(), HOST)
        excuses = Excuses(Forwarders(settings, resolver, evaluator), resolver, request(), seconds)
        try:
            return await work(excuses, resolver)
        finally:
            excuses.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(working())


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(
    ("opinion", "options", "expected"),
    [
        (about("dmarc"), {}, "tag"),
        (about("lax"), {}, "reject"),
        (about("dmarc", may_leave=False), {}, "reject"),
        (about("lax"), {"forwarder_domains": ("fwd.example",)}, "tag"),
        (about("lax"), {"forwarder_domains": ("fail.example",)}, "reject"),
        (about("dmarc"), {"forwarder_domains": ("fail.example",)}, "tag"),
    ],
)
def test_a_forwarder_and_a_policy_excuse(
    opinion: Opinion, options: dict[str, Any], expected: Sentence, *, begun: bool
) -> None:
    async def work(excuses: Excuses, resolver: Late) -> None:
        if begun:
            excuses.look_for(opinion)
            excuses.look_for(opinion)
            await asyncio.sleep(0)
        (softened,) = await excuses.soften([opinion])
        assert softened.sentence == expected
        assert len(set(resolver.asked)) == len(resolver.asked)

    run(work, **options)


@pytest.mark.parametrize(("begun", "expected"), [(True, "reject"), (False, "tag")])
def test_what_was_found_in_time_counts_after_it(expected: Sentence, *, begun: bool) -> None:
    async def work(excuses: Excuses, resolver: Late) -> None:
        if begun:
            excuses.look_for(about("lax"))
        await asyncio.sleep(6)
        (softened,) = await excuses.soften([about("lax")])
        assert softened.sentence == expected

    run(work)


def test_nothing_is_looked_for_that_harms_nobody() -> None:
    async def work(excuses: Excuses, resolver: Late) -> None:
        excuses.look_for(about("lax", "tag"))
        await asyncio.sleep(2)
        assert not resolver.asked

    run(work, forwarder_domains=("fwd.example",))


def test_what_nobody_wants_to_know_is_given_up() -> None:
    async def work(excuses: Excuses, resolver: Late) -> None:
        excuses.look_for(about("lax"))
        await asyncio.sleep(0.5)
        excuses.close()
        excuses.look_for(about("dmarc"))
        await asyncio.sleep(2)
        assert (resolver.given_up, resolver.asked) == (1, [])

    run(work)
