"""Law tested: every fault parks a list within two probes, with one line for people, and it comes back by itself."""

import asyncio
from collections.abc import Sequence

import pytest

from policyd.checks.rbl import prober as prober_module
from policyd.checks.rbl.health import AGAIN, INTERVAL
from policyd.checks.rbl.prober import Prober
from policyd.checks.rbl.surge import ENOUGH, WINDOW
from policyd.checks.rbl.watch import Watched
from policyd.checks.rbl.zones import ZoneSettings, compile_zones
from policyd.model.dns import Hear, RecordType, Sought
from tests.checks.rbl.world import FAULTS, NOW, World, found, nothing
from tests.lookups.virtual import run_virtually


def lists(*sites: str) -> list[Watched]:
    return [Watched(zone) for zone in compile_zones(sites, [])]


def rounds(prober: Prober, times: Sequence[int]) -> None:
    async def run() -> None:
        for now in times:
            await prober.round(now)

    run_virtually(run())


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_parks_within_two_probes_and_the_list_comes_back(fault: str) -> None:
    world, said = World(zones=("bl.example",)), list[str]()
    (watched,) = every = lists("bl.example")
    prober = Prober(world, every, said.append)
    rounds(prober, [NOW])
    assert not watched.health.parked
    world.faults["bl.example"] = FAULTS[fault]
    rounds(prober, [NOW + INTERVAL, NOW + INTERVAL + AGAIN])
    assert watched.health.parked
    assert len(said) == 1
    assert "bl.example" in said[0]
    world.faults.clear()
    rounds(prober, [NOW + 2 * INTERVAL + AGAIN])
    assert not watched.health.parked
    assert len(said) == 2
    assert "again" in said[1]


@pytest.mark.parametrize("count", [2, 3])
def test_no_list_answers_is_one_line(count: int) -> None:
    world, said = World(faults={"example": FAULTS["hang"]}), list[str]()
    every = lists(*("a.example", "b.example", "c.example")[:count])
    rounds(Prober(world, every, said.append), [NOW, NOW + AGAIN, NOW + 2 * AGAIN])
    assert len(said) == 1
    assert f"none of the {count} lists answers" in said[0]


def test_one_list_of_many_that_does_not_answer_is_named() -> None:
    world = World(zones=("a.example", "b.example"), faults={"c.example": FAULTS["SERVFAIL"]})
    said = list[str]()
    rounds(Prober(world, lists("a.example b.example c.example"), said.append), [NOW, NOW + AGAIN, NOW + 2 * AGAIN])
    assert len(said) == 1
    assert "c.example is parked" in said[0]


def test_some_lists_of_many_that_do_not_answer_are_named_each() -> None:
    world, said = (
        World(zones=("a.example",), faults=dict.fromkeys(("b.example", "c.example"), FAULTS["hang"])),
        list[str](),
    )
    rounds(Prober(world, lists("a.example b.example c.example"), said.append), [NOW, NOW + AGAIN])
    assert [sentence.split()[1] for sentence in said] == ["b.example", "c.example"]


def test_who_is_parked_for_something_else_is_not_silent() -> None:
    faults = {"a.example": FAULTS["REFUSED"], "b.example": FAULTS["hang"], "c.example": FAULTS["hang"]}
    said = list[str]()
    prober = Prober(World(faults=faults), lists("a.example b.example c.example"), said.append)
    rounds(prober, [NOW, NOW + AGAIN])
    assert [sentence.split()[1] for sentence in said] == ["a.example", "b.example", "c.example"]


def test_what_mail_finds_out_of_a_list_is_said_at_once() -> None:
    world, said = World(faults={"bl.example": FAULTS["REFUSED"]}), list[str]()
    run_virtually(Prober(world, every := lists("bl.example"), said.append).prove(every, NOW, 1.0))
    assert len(said) == 1


def test_a_bug_in_a_probe_is_a_bug() -> None:
    class Buggy(World):
        def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
            raise ZeroDivisionError

    every = lists("bl.example")
    for work in (Prober(Buggy(), every, str).round(NOW), Prober(Buggy(), every, str).prove(every, NOW, 1.0)):
        with pytest.raises(ZeroDivisionError):
            run_virtually(work)


def test_a_probe_is_shared_by_all_who_want_it() -> None:
    world = World(zones=("bl.example",))
    every = lists("bl.example")
    prober = Prober(world, every, lambda _: None)

    async def run() -> None:
        await asyncio.gather(*(prober.prove(every, NOW, 1.0) for _ in range(10)), prober.round(NOW))
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtually(run())
    assert len(world.asked) == 5


def test_who_waits_for_a_probe_waits_no_longer_than_he_wants() -> None:
    world = World(faults={"bl.example": FAULTS["hang"]})
    every = lists("bl.example")

    async def run() -> None:
        prober = Prober(world, every, lambda _: None)
        began = asyncio.get_running_loop().time()
        await prober.prove(every, NOW, 0.0)
        assert asyncio.get_running_loop().time() == began
        assert every[0].health.finding is None, "the probe goes on without him"
        await asyncio.sleep(prober_module.DEADLINE + 1)
        assert every[0].health.finding == "silent"

    run_virtually(run())


def test_a_list_that_lists_almost_everybody_but_the_test_points_is_found_by_a_sample() -> None:
    world, said = World(zones=("bl.example",)), list[str]()
    (watched,) = every = lists("bl.example")
    prober = Prober(world, every, said.append)
    rounds(prober, [NOW])
    world.faults["bl.example"] = lambda name: (
        world.listed.get(name, nothing()) if ".127.bl." in name or ".f.f.f.f.0." in name else found("127.0.0.2")
    )
    rounds(prober, [NOW + INTERVAL])
    assert not watched.health.parked, "its test points are as they should be"
    for number in range(ENOUGH):
        watched.surge.see(f"192.0.{number}.0/24", NOW + INTERVAL, listed=True)
    rounds(prober, [NOW + 2 * INTERVAL])
    assert watched.health.parked
    assert "20 of 20" in said[0]
    rounds(prober, [NOW + 3 * INTERVAL])
    assert watched.health.parked, "good test points alone do not bring it back"
    listing = world.faults["bl.example"]
    world.faults["bl.example"] = lambda name: listing(name) if ".127.bl." in name else 60.0
    rounds(prober, [NOW + 4 * INTERVAL])
    assert watched.is_wide, "nor does a sample without an answer"
    world.faults.clear()
    rounds(prober, [NOW + 5 * INTERVAL])
    assert (watched.health.parked, watched.is_wide) == (False, False)


def test_a_botnet_does_not_park_the_list_that_knows_it() -> None:
    world = World(zones=("bl.example",))
    (watched,) = every = lists("bl.example")
    prober = Prober(world, every, lambda _: None)
    for number in range(5 * ENOUGH):
        watched.surge.see(f"192.0.{number}.0/24", NOW, listed=True)
    rounds(prober, [NOW])
    assert not watched.health.parked
    assert watched.sampled_at == NOW
    assert not watched.wants_sample(NOW + WINDOW - 1)


def test_a_list_that_fails_its_test_points_is_judged_by_them_and_its_sample_is_taken_later() -> None:
    world = World(faults={"bl.example": FAULTS["REFUSED"]})
    (watched,) = every = lists("bl.example")
    for number in range(5 * ENOUGH):
        watched.surge.see(f"192.0.{number}.0/24", NOW, listed=True)
    rounds(Prober(world, every, str), [NOW])
    assert (watched.health.finding, watched.sampled_at) == ("refused", None)


def test_nothing_said_or_asked_shows_a_key_but_the_questions() -> None:
    world, said = World(faults={"bl.example": FAULTS["SERVFAIL"]}), list[str]()
    every = [Watched(zone) for zone in compile_zones([], [ZoneSettings("bl.example", "secretkey")])]
    rounds(Prober(world, every, said.append), [NOW, NOW + AGAIN])
    assert all(name.endswith(".secretkey.bl.example") for name, _ in world.asked)
    assert said
    assert "secretkey" not in "".join(said)


def test_it_runs_until_it_is_cancelled() -> None:
    times = iter([NOW, NOW + 1, NOW + INTERVAL, NOW + INTERVAL + 1])
    world = World(zones=("bl.example",))

    async def run() -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(RuntimeError, match="StopIteration"):
            await Prober(world, lists("bl.example"), lambda _: None).run(lambda: next(times))
        assert asyncio.get_running_loop().time() == pytest.approx(began + 4 * prober_module.TICK)

    run_virtually(run())
    assert len(world.asked) == 10, "due twice, five names each"


def test_a_list_whose_test_point_our_guess_of_a_filter_does_not_take_is_said_once() -> None:
    world, said = World(), list[str]()
    world.listed |= {f"2.0.0.127.{zone}.example": found("127.0.1.2") for zone in ("bl", "own")}
    every = lists("bl.example own.example=127.0.9.9")
    rounds(Prober(world, every, said.append), [NOW, NOW + INTERVAL])
    assert not any(watched.health.parked for watched in every)
    (sentence,) = said
    assert sentence.startswith("rbl: bl.example answers 127.0.1.2 for its test point")
    assert sentence.endswith("as in bl.example=127.0.1.[2..254]")


def test_mail_that_waits_for_a_probe_is_answered_when_the_prober_ends() -> None:
    """A reload ends the prober of the checks before, and loses no request."""
    world = World(faults={"bl.example": lambda name: 0.02})
    every = lists("bl.example")

    async def run() -> None:
        prober = Prober(world, every, lambda _: None)
        job = asyncio.create_task(prober.run(lambda: NOW))
        await asyncio.sleep(0)
        mail = asyncio.create_task(prober.prove(every, NOW, 1.0))
        await asyncio.sleep(0)
        job.cancel()
        await mail
        assert every[0].health.finding == "silent"

    run_virtually(run())
