"""One evaluation over a little DNS, for the tests of this room."""

import asyncio
from collections.abc import Mapping

from policyd.lookups.spf import open_evaluator
from policyd.lookups.spf.evaluator import Evaluator
from policyd.model.address import Address, parse_address
from policyd.model.dns import RecordType, Resolver
from policyd.model.spf import SpfAnswer, SpfLimits, SpfQuestion, SpfReport
from tests.lookups.doubles import DictResolver, Known

World = Mapping[tuple[str, RecordType], Known]
RECEIVER = "mx.receiver.example"
NOW = 1_700_000_000


def address(text: str) -> Address:
    parsed = parse_address(text)
    assert parsed is not None
    return parsed


def question(client: str = "192.0.2.1", sender: str = "user@a.example", helo: str = "mail.b.example") -> SpfQuestion:
    return SpfQuestion(address(client), helo, sender)


def records(**texts: str) -> World:
    """SPF records: ``records(a="v=spf1 -all")`` is that of a.example."""
    return {(f"{name}.example", "TXT"): (text.encode(),) for name, text in texts.items()}


def evaluator(resolver: Resolver | World, limits: SpfLimits | None = None) -> Evaluator:
    source: Resolver = DictResolver(resolver) if isinstance(resolver, Mapping) else resolver
    return open_evaluator(source, limits or SpfLimits(), RECEIVER, wall_clock=lambda: NOW)


def report(world: World, asked: SpfQuestion | None = None, limits: SpfLimits | None = None) -> SpfReport:
    return asyncio.run(evaluator(world, limits).report(asked or question(), 5))


def answer(world: World, asked: SpfQuestion | None = None, limits: SpfLimits | None = None) -> SpfAnswer:
    return report(world, asked, limits).answer
