"""Stage by stage, whatever is asked and however it fails."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import pytest

from policyd.desk import TOGETHER, Desk, Service
from policyd.model.action import DUNNO, Action
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision
from policyd.wire.request import parse_request

DEFER = Decision(Action("DEFER_IF_PERMIT", "4.2.0 Greylisted"), "greylist", "new", 240, "1")


class House:
    """A desk, its event loop, and what happened in its order."""

    def __init__(self, decide: Callable[[PolicyRequest], Decision | Awaitable[Decision]]) -> None:
        self.said: list[str] = []
        self.decide = decide
        self.ticks: deque[Callable[[], None]] = deque()
        self.service = Service(self._decide, self._record, self.said.append, lambda: None)
        self.desk = Desk(self.service, lambda: 1000.0, self.ticks.append)

    def _decide(self, requests: Sequence[PolicyRequest], now: int) -> list[Decision | Awaitable[Decision]]:
        self.said.append(f"decide {' '.join(request.sender for request in requests)}")
        return [self.decide(request) for request in requests]

    def _record(self, answered: Sequence[tuple[PolicyRequest, Decision]], seconds: float) -> None:
        self.said += [f"record {request.sender}: {decision.reason}" for request, decision in answered]

    def ask(self, sender: str) -> None:
        self.desk.receive(Asker(self), sender.encode())

    def tick(self) -> list[str]:
        while self.ticks:
            self.ticks.popleft()()
        said, self.said = self.said, []
        return said


class Asker:
    def __init__(self, house: House) -> None:
        self.house = house

    def read(self, data: bytes) -> None:
        self.house.said.append(f"read {data.decode()}")
        self.house.desk.ask(self, parse_request(b"sender=" + data))

    def reply(self, reply: bytes) -> None:
        self.house.said.append(f"reply {reply[7:12].decode().strip()}")


class FakeCommit:
    def __init__(self) -> None:
        self.waiting: list[Callable[[bool], None]] = []

    def then(self, done: Callable[[bool], None]) -> None:
        self.waiting.append(done)


def passing(_: PolicyRequest) -> Decision:
    return Decision(DUNNO, "chain", "no check objected", 0, "1")


def test_what_one_tick_brings_is_worked_on_stage_by_stage() -> None:
    house = House(passing)
    house.ask("a")
    house.ask("b")
    assert (house.said, len(house.ticks)) == ([], 1)
    record = ["record a: no check objected", "record b: no check objected"]
    assert house.tick() == ["read a", "read b", "decide a b", "reply DUNNO", "reply DUNNO", *record]
    house.ask("c")
    assert len(house.ticks) == 1


def test_nobody_waits_for_more_than_so_many_others() -> None:
    house = House(passing)
    for number in range(TOGETHER + 1):
        house.ask(str(number))
    house.ticks.popleft()()
    assert house.said.count("reply DUNNO") == TOGETHER
    assert len(house.ticks) == 1
    assert house.tick()[-2:] == ["reply DUNNO", f"record {TOGETHER}: no check objected"]


def test_the_time_of_an_answer_counts_from_the_first_read_of_its_row() -> None:
    house, took, now = House(passing), list[float](), [1000.0]
    house.service.record = lambda answered, seconds: took.extend([seconds] * len(answered))
    house.desk = Desk(house.service, lambda: now[0], house.ticks.append)
    house.ask("a")
    now[0] += 2
    house.ask("b")
    now[0] += 1
    house.tick()
    assert took == [3, 3]


def test_who_is_left_for_the_next_tick_has_waited_since_the_first() -> None:
    house, took, now = House(passing), list[float](), [1000.0]
    house.service.record = lambda answered, seconds: took.extend([seconds] * len(answered))
    house.desk = Desk(house.service, lambda: now[0], house.ticks.append)
    for number in range(TOGETHER + 1):
        house.ask(str(number))
    now[0] += 1
    house.ticks.popleft()()
    now[0] += 2
    house.tick()
    assert took == [1] * TOGETHER + [3]


def test_a_bug_met_by_one_request_is_not_the_others_fault(caplog: pytest.LogCaptureFixture) -> None:
    def decide(request: PolicyRequest) -> Decision:
        if request.sender == "odd":
            raise ZeroDivisionError("a bug")
        return DEFER

    house = House(decide)
    house.ask("odd")
    house.ask("a")
    with caplog.at_level(logging.ERROR):
        assert house.tick()[-4:] == ["reply DUNNO", "reply DEFER", "record odd: fault", "record a: new"]
    assert "a bug: requests are asked about one by one" in caplog.text
    assert "a bug: this request is answered DUNNO" in caplog.text
    assert caplog.text.count("Traceback") == 2


def test_a_bug_of_the_recorder_is_logged_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def broken(answered: Sequence[tuple[PolicyRequest, Decision]], seconds: float) -> None:
        if any(request.sender == "odd" for request, _ in answered):
            raise ZeroDivisionError
        house._record(answered, seconds)

    house = House(passing)
    house.service.record = broken
    for sender in ("a", "odd", "b"):
        house.ask(sender)
    with caplog.at_level(logging.ERROR):
        assert house.tick()[-2:] == ["record a: no check objected", "record b: no check objected"]
    assert caplog.text.count("could not be recorded") == 1


def test_a_reply_that_cannot_be_sent_keeps_nobody_from_theirs(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Asker):
        def reply(self, reply: bytes) -> None:
            raise RuntimeError("the handler is closed")

    house = House(passing)
    house.desk.receive(Broken(house), b"a")
    house.ask("b")
    with caplog.at_level(logging.ERROR):
        said = house.tick()
    assert said[3:] == ["reply DUNNO", "record a: no check objected", "record b: no check objected"]
    assert "could not be sent" in caplog.text


@pytest.mark.parametrize("done", [True, False])
def test_those_who_rest_on_a_commit_are_told_together_and_hold_up_nobody_else(*, done: bool) -> None:
    commit = FakeCommit()
    house = House(lambda r: passing(r) if r.sender == "known" else DEFER._replace(commit=commit))
    for sender in ("a", "known", "b"):
        house.ask(sender)
    assert house.tick()[4:] == ["reply DUNNO", "record known: no check objected"]
    (tell,) = commit.waiting
    tell(done)
    reply, reason = ("reply DEFER", "new") if done else ("reply DUNNO", "unavailable")
    assert house.tick() == [reply, reply, f"record a: {reason}", f"record b: {reason}"]


@pytest.mark.parametrize("done", [True, False])
def test_who_had_to_wait_for_an_answer_that_rests_on_a_commit_waits_for_that_too(*, done: bool) -> None:
    commit = FakeCommit()

    async def slow() -> Decision:
        return DEFER._replace(commit=commit)

    async def scenario() -> list[str]:
        house = House(lambda r: slow())
        house.ask("a")
        house.tick()
        await asyncio.sleep(0.01)
        assert house.tick() == []
        (tell,) = commit.waiting
        tell(done)
        return house.tick()

    said = ["reply DEFER", "record a: new"] if done else ["reply DUNNO", "record a: unavailable"]
    assert asyncio.run(scenario()) == said


@pytest.mark.parametrize("fault", [None, ZeroDivisionError()])
def test_a_check_that_waits_holds_up_nobody_and_has_a_deadline(
    fault: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow() -> Decision:
        await asyncio.sleep(0)
        if fault is not None:
            raise fault
        await asyncio.sleep(60)
        return DEFER

    async def scenario() -> list[str]:
        house = House(lambda r: slow() if r.sender == "slow" else passing(r))
        house.service.request_deadline = 0.01
        house.ask("slow")
        house.ask("quick")
        assert house.tick()[3:] == ["reply DUNNO", "record quick: no check objected"]
        await asyncio.sleep(0.05)
        return house.tick()

    assert asyncio.run(scenario()) == ["reply DUNNO", f"record slow: {'fault' if fault else 'deadline'}"]
    assert ("ZeroDivisionError" in caplog.text) is (fault is not None)


def test_those_who_waited_are_answered_in_a_row() -> None:
    async def slow() -> Decision:
        await asyncio.sleep(0)
        return DEFER

    async def scenario() -> None:
        house = House(lambda r: slow() if r.sender != "quick" else passing(r))
        house.ask("a")
        house.ask("b")
        house.tick()
        await asyncio.sleep(0.01)
        assert (house.said, len(house.ticks)) == ([], 1)
        house.ask("quick")
        quick = ["read quick", "decide quick", "reply DUNNO", "record quick: no check objected"]
        assert house.tick() == [*quick, "reply DEFER", "reply DEFER", "record a: new", "record b: new"]
        assert not house.ticks

    asyncio.run(scenario())


def test_the_time_of_who_waited_counts_from_its_read_and_nothing_of_it_is_kept() -> None:
    async def slow() -> Decision:
        await asyncio.sleep(0)
        return DEFER

    async def scenario() -> None:
        house, took, now = House(lambda r: slow()), list[float](), [1000.0]
        house.service.record = lambda answered, seconds: took.extend([seconds] * len(answered))
        house.desk = Desk(house.service, lambda: now[0], house.ticks.append)
        house.ask("a")
        house.tick()
        assert len(house.desk._tasks) == 1  # or the garbage collector may end it
        await asyncio.sleep(0.01)
        now[0] += 5
        house.tick()
        assert (took, house.desk._tasks) == ([5], {})

    asyncio.run(scenario())


def test_a_fault_in_the_tick_costs_nobody_who_waited_his_answer() -> None:
    async def slow() -> Decision:
        return DEFER

    async def scenario() -> None:
        house = House(lambda r: slow())
        house.ask("a")
        house.tick()
        await asyncio.sleep(0.01)
        house.ask("quick")
        house.desk._work = lambda *_: 1 / 0  # type: ignore[method-assign, assignment, return-value]
        with pytest.raises(ZeroDivisionError):
            house.ticks.popleft()()
        assert house.tick() == ["reply DEFER", "record a: new"]

    asyncio.run(scenario())
