import asyncio

import pytest

from policyd.lookups.spf.turns import SLICE, Turns


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_there_is_time_for_is_done_at_once() -> None:
    done = list[int]()
    turns = Turns(Clock())
    turns.do(lambda: done.append(7))
    assert done == [7]
    assert turns.at_once(lambda: 8) == 8
    with pytest.raises(ZeroDivisionError):
        turns.at_once(lambda: 1 // 0)


def test_others_have_their_turn_between_slices() -> None:
    clock, order = Clock(), list[str]()

    def work() -> None:
        order.append("work")
        clock.now += SLICE / 2

    async def run() -> None:
        turns = Turns(clock)
        for _ in range(6):
            turns.do(work)
        for _ in range(3):
            order.append("other")
            await asyncio.sleep(0)

    asyncio.run(run())
    assert order == ["work", "work", "other", "work", "work", "other", "work", "work", "other"]


def test_nobody_overtakes_those_who_wait() -> None:
    clock, order = Clock(), list[int]()

    async def run() -> None:
        turns = Turns(clock)

        def work(number: int) -> None:
            order.append(number)
            clock.now += SLICE
            if number == 1:
                turns.do(lambda: work(3))

        turns.do(lambda: work(0))
        turns.do(lambda: work(1))
        turns.do(lambda: work(2))
        await asyncio.sleep(0.01)
        assert turns.are_free() is False  # this slice is spent, and no time has passed since

    asyncio.run(run())
    assert order == [0, 1, 2, 3]


def test_work_that_fails_stops_nobody_else() -> None:
    clock, done = Clock(), list[str]()

    async def run() -> None:
        turns = Turns(clock)
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: done.append(str(context["exception"])))

        def fail() -> None:
            raise ValueError("failed")

        def long() -> None:
            clock.now += SLICE

        turns.do(long)
        turns.do(fail)
        turns.do(lambda: done.append("here"))
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert done == ["failed", "here"]


def test_time_that_others_had_makes_a_new_slice() -> None:
    clock = Clock()

    def long() -> None:
        clock.now += SLICE

    turns = Turns(clock)
    turns.do(long)
    assert not turns.are_free()
    clock.now += SLICE
    assert turns.are_free()
