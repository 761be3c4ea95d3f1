import asyncio

import pytest

from policyd.lookups.spf.turns import SLICE, STEP, Turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_is_waited_for_is_returned_or_raised() -> None:
    async def run() -> None:
        turns = Turns(Clock())
        assert await turns.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await turns.run(lambda: 1 // 0)
        assert await turns.run(lambda: 8) == 8

    asyncio.run(run())


def test_others_have_their_turn_between_slices() -> None:
    clock, order = Clock(), list[str]()

    def work() -> None:
        order.append("work")
        clock.now += SLICE / 2

    async def other() -> None:
        for _ in range(3):
            order.append("other")
            await asyncio.sleep(0)

    async def run() -> None:
        turns = Turns(clock)
        await asyncio.gather(*(turns.run(work) for _ in range(6)), other())

    asyncio.run(run())
    assert order == ["work", "work", "other", "work", "work", "other", "work", "work", "other"]


def test_work_of_someone_who_is_gone_is_not_done() -> None:
    done = []

    async def run() -> None:
        clock = Clock()
        turns = Turns(clock)

        def long() -> None:
            clock.now += SLICE

        busy = asyncio.ensure_future(turns.run(long))
        gone = asyncio.ensure_future(turns.run(lambda: done.append("gone")))
        await asyncio.sleep(0)
        gone.cancel()
        await turns.run(lambda: done.append("here"))
        await busy

    asyncio.run(run())
    assert done == ["here"]


def test_steps_count_for_what_they_are_taken_for() -> None:
    order = list[str]()

    async def step(turns: Turns) -> None:
        await turns.step()
        order.append("step")

    async def other() -> None:
        for _ in range(3):
            order.append("other")
            await asyncio.sleep(0)

    async def run() -> None:
        turns = Turns(Clock())
        await asyncio.gather(*(step(turns) for _ in range(50)), other())

    asyncio.run(run())
    assert order.count("step") == 50
    assert order.index("other") == round(SLICE / STEP)
