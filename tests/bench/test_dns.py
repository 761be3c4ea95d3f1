import asyncio
from itertools import islice

import pytest

from bench.dns import WORKLOADS, measure, names, template
from policyd.lookups.dns.codec import encode, read
from policyd.model.dns import Answer


def test_names_are_never_repeated_and_of_one_length() -> None:
    some = list(islice(names(), 1000))
    assert len(set(some)) == 1000
    assert len({len(name) for name in some}) == 1


@pytest.mark.parametrize(
    ("workload", "outcome", "records"), [("not-listed", "no name", 0), ("listed", "found", 1), ("spf", "found", 1)]
)
def test_the_answerer_says_what_its_workload_says(workload: str, outcome: str, records: int) -> None:
    work = WORKLOADS[workload]
    first, *_, last = islice(names(), 100)
    head, tail = template(work, first)
    asked = encode(last, work.kind)
    answer = read(b"\0\0" + head + asked + tail, asked, work.kind)
    assert isinstance(answer, Answer)
    assert (answer.outcome, len(answer.records)) == (outcome, records)
    assert answer.ttl > 0  # else the cached figure would be one of misses


def test_every_question_is_asked_once() -> None:
    asked: list[str] = []

    async def ask(name: str) -> None:
        asked.append(name)

    assert asyncio.run(measure(ask, names(), 100, 10)) >= 0
    assert len(set(asked)) == len(asked) == 100
