import asyncio
from collections.abc import Iterator, Mapping

import pytest

from policyd.alarms import Alarms
from policyd.lookups.spf.knowledge import Knowledge, Question
from policyd.lookups.spf.search import PATIENCE, Search, Steps
from policyd.lookups.spf.turns import Turns
from policyd.model.dns import Answer, DnsUnavailable, Hear, RecordType, Sought
from tests.lookups.doubles import DictResolver, Known
from tests.lookups.virtual import now, run_virtually

A: Question = ("a.example", "TXT")
B: Question = ("b.example", "TXT")
BROKEN: Question = ("broken.example", "TXT")


class Story:
    """A search whose steps are written down, and when and how it ended."""

    def __init__(self, resolver: DictResolver) -> None:
        self.ends: list[tuple[BaseException | None, float]] = []
        self.knowledge = Knowledge(resolver.cached, 50)
        self.began = now()
        self.search = Search(self.steps(), self.knowledge, resolver, Turns(now), Alarms(), self.end)

    def end(self, error: BaseException | None) -> None:
        self.ends.append((error, round(now() - self.began, 3)))

    def steps(self) -> Steps:
        yield [A, B]
        yield [BROKEN]


def world(delay: float = 0.1) -> DictResolver:
    return DictResolver({A: (b"one",), B: (b"two",), BROKEN: "servfail"}, delay=delay)


def test_it_asks_step_by_step_and_ends_once() -> None:
    async def run() -> None:
        story = Story(resolver := world())
        story.search.start(5)
        await asyncio.sleep(6)
        assert story.ends == [(None, 0.2)]
        assert resolver.asked == [A, B, BROKEN]
        assert story.knowledge.queries == 3
        assert isinstance(story.knowledge.get(BROKEN), DnsUnavailable)

    run_virtually(run())


@pytest.mark.parametrize("seconds", [0.05, 0.15])
def test_its_time_ends_it(seconds: float) -> None:
    async def run() -> None:
        story = Story(world())
        story.search.start(seconds)
        await asyncio.sleep(6)
        assert [(type(error), end) for error, end in story.ends] == [(TimeoutError, seconds)]

    run_virtually(run())


class Uneven(DictResolver):
    """Answers some names late."""

    def __init__(self, known: Mapping[Question, Known], late: Mapping[str, float]) -> None:
        super().__init__(known)
        self.late = late
        self.cancelled: list[str] = []

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        try:
            await asyncio.sleep(self.late.get(name, 0.01))
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        return await super().resolve(name, kind)


@pytest.mark.parametrize(
    ("late", "end"),
    [
        ({"b.example": 3}, 0.01 + PATIENCE + 0.01),  # B was only foreseen, and nobody asks for it again
        ({"b.example": 0.1}, 0.11),
        ({"a.example": 3}, 3.01),  # but A is needed
    ],
)
def test_what_is_only_foreseen_is_not_waited_for_long(late: dict[str, float], end: float) -> None:
    async def run() -> None:
        resolver = Uneven({A: (b"one",), B: (b"two",), BROKEN: "servfail"}, late)
        story = Story(resolver)
        story.search.start(5)
        await asyncio.sleep(6)
        assert story.ends == [(None, pytest.approx(end, abs=0.005))]
        assert resolver.cancelled == (["b.example"] if late.get("b.example", 0) > 1 else [])

    run_virtually(run())


def test_what_is_needed_after_all_is_waited_for_and_not_asked_again() -> None:
    class Needing(Story):
        def steps(self) -> Steps:
            yield [A, B]
            assert self.knowledge.get(B) is None
            yield [B]
            assert self.knowledge.get(B) is not None

    async def run() -> None:
        resolver = Uneven({A: (b"one",), B: (b"two",)}, {"b.example": 1})
        story = Needing(resolver)
        story.search.start(5)
        await asyncio.sleep(6)
        assert story.ends == [(None, pytest.approx(1, abs=0.005))]
        assert resolver.asked == [A, B]

    run_virtually(run())


def test_its_time_ends_it_before_its_turn_has_come() -> None:
    async def run() -> None:
        story = Story(resolver := world())
        story.search._turns._waiting.append(lambda: None)  # whose turn never comes
        story.search.start(0.05)
        await asyncio.sleep(6)
        assert [(type(error), end) for error, end in story.ends] == [(TimeoutError, 0.05)]
        assert not resolver.asked

    run_virtually(run())


def test_a_step_may_be_in_a_hurry() -> None:
    class Hurried(Story):
        def steps(self) -> Steps:
            yield [A]
            self.search.hurry(0.05)
            yield [B]

    async def run() -> None:
        for most, end in ((5.0, 0.15), (0.12, 0.12)):
            story = Hurried(world())
            story.search.start(most)
            await asyncio.sleep(6)
            assert [(type(error), end) for error, end in story.ends] == [(TimeoutError, end)]

    run_virtually(run())


@pytest.mark.parametrize("steps", [0, 1])
def test_a_fault_ends_it(steps: int) -> None:
    class Faulty(Story):
        def steps(self) -> Steps:
            for _ in range(steps):
                yield [A]
            raise RuntimeError("boom")

    async def run() -> None:
        story = Faulty(world())
        story.search.start(5)
        await asyncio.sleep(6)
        assert [(str(error), end) for error, end in story.ends] == [("boom", 0.1 * steps)]

    run_virtually(run())


def test_a_fault_of_the_resolver_ends_it_at_once() -> None:
    class Faulty(DictResolver):
        def cached(self, name: str, kind: str) -> None:
            return None

        def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
            if name == "a.example":
                raise RuntimeError("boom")
            return super().seek(name, kind, hear)

    async def run() -> None:
        story = Story(Faulty({B: (b"two",)}, delay=0.1))
        story.search.start(5)
        await asyncio.sleep(6)
        assert [(str(error), end) for error, end in story.ends] == [("boom", 0.0)]

    run_virtually(run())


def test_who_cancels_hears_nothing_and_nothing_goes_on() -> None:
    class Counting(DictResolver):
        cancelled = 0

        async def resolve(self, name: str, kind: str) -> object:  # type: ignore[override]
            try:
                return await super().resolve(name, "TXT")
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    async def run() -> None:
        story = Story(resolver := Counting({A: (b"one",), B: (b"two",)}, delay=0.1))
        story.search.start(5)
        await asyncio.sleep(0.05)
        story.search.cancel()
        story.search.cancel()
        await asyncio.sleep(6)
        assert not story.ends
        assert resolver.cancelled == 2

    run_virtually(run())


def test_what_needs_nothing_ends_at_once() -> None:
    class Idle(Story):
        def steps(self) -> Iterator[list[Question]]:  # type: ignore[override]
            return (step for step in ())

    async def run() -> None:
        story = Idle(world())
        story.search.start(5)
        assert story.ends == [(None, 0.0)]

    run_virtually(run())
