import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.alarms import Alarms
from tests.lookups.virtual import now, run_virtually


@given(
    st.lists(
        st.tuples(st.floats(0, 2), st.sampled_from((0.5, 1.0, 1.0, 3.0)), st.none() | st.floats(0, 4)), max_size=30
    )
)
def test_each_rings_at_its_time_unless_it_was_cancelled(story: list[tuple[float, float, float | None]]) -> None:
    """Steps of a story: how long after the one before it is set, after how long it rings, when it is cancelled."""

    async def run() -> None:
        alarms, rung, expected = Alarms(), list[tuple[int, float]](), list[tuple[int, float]]()

        def ring(number: int) -> Callable[[], None]:
            return lambda: rung.append((number, round(now(), 2)))

        for number, (pause, seconds, cancelled) in enumerate(story):
            await asyncio.sleep(pause)
            alarm = alarms.at(now() + seconds, ring(number))
            if cancelled is None or cancelled > seconds + 0.01:
                expected.append((number, round(now() + seconds, 2)))
            if cancelled is not None and abs(cancelled - seconds) > 0.01:
                asyncio.get_running_loop().call_later(cancelled, alarm.cancel)
            elif cancelled is not None:
                alarm.cancel()
                expected = [each for each in expected if each[0] != number]
        await asyncio.sleep(5)
        assert sorted(number for number, _ in rung) == [number for number, _ in expected]
        for (_, at), (_, wanted) in zip(sorted(rung), expected, strict=True):
            assert abs(at - wanted) <= 0.02

    run_virtually(run())


def timers() -> int:
    """How many the running loop has that are not cancelled."""
    return sum(not timer.cancelled() for timer in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]


def test_a_thousand_that_are_cancelled_are_one_timer_and_no_memory() -> None:
    async def run() -> None:
        alarms = Alarms()
        for _ in range(1000):
            alarms.at(now() + 1, lambda: None).cancel()
        assert (timers(), len(alarms._row)) == (1, 1)
        await asyncio.sleep(2)
        assert (timers(), len(alarms._row)) == (0, 0)

    run_virtually(run())


def test_who_comes_late_but_rings_early_does_not_wait_for_the_others() -> None:
    async def run() -> None:
        alarms, rung = Alarms(), []
        alarms.at(now() + 5, lambda: None).cancel()
        alarms.at(now() + 1, lambda: rung.append(now()))
        began = now()
        await asyncio.sleep(6)
        assert rung == [began + 1]

    run_virtually(run())


def test_a_fault_of_one_keeps_no_other_from_ringing(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> list[str]:
        alarms, rung = Alarms(), list[str]()
        alarms.at(now() + 1, lambda: 1 / 0)
        alarms.at(now() + 1, lambda: rung.append("second"))
        await asyncio.sleep(2)
        return rung

    assert run_virtually(run()) == ["second"]
    assert "ZeroDivisionError" in caplog.text


def test_an_alarm_may_set_the_next() -> None:
    async def run() -> list[float]:
        alarms, rung, began = Alarms(), list[float](), now()

        def again() -> None:
            rung.append(now() - began)
            if len(rung) < 3:
                alarms.at(now() + 1, again)

        alarms.at(now() + 1, again)
        await asyncio.sleep(5)
        return rung

    assert run_virtually(run()) == [1, 2, 3]


# --- within ---


async def after(seconds: float, alarms: Alarms, most: float) -> str:
    try:
        with alarms.within(most):
            await asyncio.sleep(seconds)
    except TimeoutError:
        return f"late at {now() - 1000:g}"
    return f"done at {now() - 1000:g}"


def test_who_needs_longer_is_late_and_goes_on() -> None:
    async def run() -> None:
        alarms = Alarms()
        assert await after(2, alarms, 1) == "late at 1"
        assert await after(1, alarms, 2) == "done at 2"
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]
        await asyncio.sleep(5)

    run_virtually(run())


@pytest.mark.parametrize("seconds", [0, 2])
def test_who_has_no_time_at_all_is_late_at_once(seconds: float) -> None:
    assert run_virtually(after(seconds, Alarms(), 0)) == "late at 0"


@pytest.mark.parametrize(("inner", "outer", "said"), [(1, 2, ["inner"]), (2, 1, ["outer"]), (2, 2, ["outer"])])
def test_one_within_another(inner: float, outer: float, said: list[str]) -> None:
    alarms, heard = Alarms(), list[str]()

    async def run_inner() -> None:
        try:
            with alarms.within(inner):
                await asyncio.sleep(5)
        except TimeoutError:
            heard.append("inner")

    async def run_outer() -> None:
        try:
            with alarms.within(outer):
                await run_inner()
        except TimeoutError:
            heard.append("outer")

    run_virtually(run_outer())
    assert heard == said


def test_who_is_cancelled_by_others_is_cancelled() -> None:
    async def run() -> None:
        for seconds in (0.5, 1.0):  # at the same time as the alarm, too
            task = asyncio.ensure_future(after(5, Alarms(), 1))
            asyncio.get_running_loop().call_later(seconds, task.cancel)
            with pytest.raises(asyncio.CancelledError):
                await task

    run_virtually(run())


def test_another_error_stays_what_it_is() -> None:
    async def run() -> None:
        with Alarms().within(1):
            raise KeyError("x")

    with pytest.raises(KeyError):
        run_virtually(run())
