"""Every case of every suite, over a resolver that knows the zone; tests/system asks the same of the whole program."""

import asyncio

import pytest

from policyd.lookups.spf import open_evaluator
from policyd.model.address import parse_address
from policyd.model.dns import Answer, DnsUnavailable, Mx, Record, RecordType
from policyd.model.spf import SpfAnswer, SpfLimits, SpfQuestion
from tests.lookups.doubles import Seeking
from tests.lookups.spf.corpus import SUITES, Case, Scenario, Zone, needs_corpus, scenarios


class ZoneResolver(Seeking):
    """Answers out of a zone, caching nothing: in these suites every TTL is 0."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        return None

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        found = self._zone.look_up(name, kind)
        if found is None:
            raise DnsUnavailable("timeout")
        records = tuple(_record(value) for _, (type_, value) in found if type_ == kind)
        return Answer(records, 0, "found" if records else "no data" if self._zone.has(name) else "no name")


def _record(value: object) -> Record:
    if isinstance(value, list):
        return b"".join(value)
    if isinstance(value, tuple):
        return Mx(value[0], value[1].lower().removesuffix("."))
    return str(parse_address(str(value)).text) if parse_address(str(value)) else str(value).lower().removesuffix(".")


def _cases(suite: str) -> list[object]:
    return [
        pytest.param(scenario, case, id=f"{scenario.name}/{case.id}")
        for scenario in scenarios(suite)
        for case in scenario.cases
    ]


def ask(scenario: Scenario, case: Case) -> tuple[str, str]:
    client = parse_address(case.host)
    assert client is not None
    evaluator = open_evaluator(ZoneResolver(scenario.zone), SpfLimits(), "mx.example.org")

    async def asking() -> SpfAnswer:
        return await evaluator.evaluate(SpfQuestion(client, case.helo, case.mailfrom), 5)

    answer = asyncio.run(asking())
    return answer.result, answer.explanation or "DEFAULT"


@pytest.mark.parametrize("suite", SUITES)
def test_the_suites_are_whole(suite: str) -> None:
    needs_corpus()
    assert sum(len(scenario.cases) for scenario in scenarios(suite)) == SUITES[suite]


@pytest.mark.parametrize(("scenario", "case"), [case for suite in SUITES for case in _cases(suite)])
def test_the_answer_is_the_suites(scenario: Scenario, case: Case) -> None:
    result, explanation = ask(scenario, case)
    assert result in case.results
    if case.explanation is not None and result == "fail":
        assert explanation == case.explanation
