"""Law tested: all at once, one deadline, nothing left behind."""

import asyncio

import pytest

from policyd.checks.rbl.asking import ask_all
from policyd.model.dns import Answer, RecordType
from tests.checks.rbl.world import FAULTS, World, found, nothing
from tests.lookups.doubles import Seeking
from tests.lookups.virtual import run_virtually


def test_answers_and_reasons() -> None:
    world = World(listed={"a.bl.example": found("127.0.0.2")}, faults={"dead.example": FAULTS["SERVFAIL"]})
    replies = run_virtually(ask_all(world, ["a.bl.example", "b.bl.example", "c.dead.example", "a.bl.example"], 1.0))
    assert {name: reply.answer for name, reply in replies.items()} == {
        "a.bl.example": found("127.0.0.2"),
        "b.bl.example": nothing(),
        "c.dead.example": "servfail",
    }
    assert len(world.asked) == 3, "the same name is asked once"


class Slow(Seeking):
    """Answers after 20 ms."""

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        return None

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        await asyncio.sleep(0.02)
        return nothing()


def test_it_takes_as_long_as_one() -> None:
    async def seconds() -> float:
        clock = asyncio.get_running_loop().time
        began = clock()
        replies = await ask_all(Slow(), [f"{number}.example" for number in range(50)], 1.0)
        assert all(reply.answer == nothing() and reply.seconds >= 0.019 for reply in replies.values())
        return clock() - began

    assert run_virtually(seconds()) == pytest.approx(0.02)


@pytest.mark.parametrize("deadline", [0.01, 0.0, -1.0])
def test_the_deadline_cancels_what_hangs(deadline: float) -> None:
    async def run() -> None:
        world = World(faults={"hang.example": FAULTS["hang"]})
        replies = await ask_all(world, ["a.hang.example"], deadline)
        assert replies["a.hang.example"].answer == "timeout"
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtually(run())


def test_a_caller_that_is_cancelled_leaves_nothing_behind() -> None:
    async def run() -> None:
        world = World(faults={"hang.example": FAULTS["hang"]})
        task = asyncio.create_task(ask_all(world, ["a.hang.example"], 60.0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtually(run())


def test_nothing_asked_is_nothing_answered() -> None:
    assert run_virtually(ask_all(World(), [], 1.0)) == {}
