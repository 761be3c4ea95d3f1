"""Law tested: what is in force is not touched by what is built, and work in the background cannot end by a bug."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from policyd import assembly, config
from policyd.assembly import Assembler, Assembly, Built, build_checks
from policyd.checks.rbl import Rbl
from policyd.checks.tools import Clock, Job
from policyd.lists import Lists
from policyd.model.dns import DnsUnavailable
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.verdict import NO_OPINION
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.wire.request import parse_request

NOW = 1_700_000_000


def settings(text: str = "") -> config.Settings:
    return config.parse(f'[chain]\nchecks = ["rbl", "greylist"]\n{text}', "f")


def assembler() -> Assembler:
    return Assembler(MemoryStore(StoreOptions()), lambda: NOW + 0.5)


def with_jobs(built: Assembly, *jobs: Job) -> Assembly:
    return built._replace(checks=Built(built.checks.plan, built.checks.checks, jobs))


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def run(story: Callable[[Assembler], Awaitable[None]]) -> None:
    async def play() -> None:
        house = assembler()
        try:
            await story(house)
        finally:
            house.close()

    asyncio.run(asyncio.wait_for(play(), 5))


def test_every_check_is_built_once_and_policies_get_their_own() -> None:
    built = build_checks(
        settings('[[policy]]\nrecipients = ["a@x"]\ndelay = "5s"\n'), MemoryStore(StoreOptions()), Lists()
    )
    assert [check.name for check in built.checks] == ["rbl", "greylist", "greylist"]
    assert len(built.jobs) == 1, "the prober of rbl"
    assert any(isinstance(check, Rbl) for check in built.checks)


def test_a_check_that_is_not_asked_is_not_built() -> None:
    built = build_checks(config.parse('[chain]\nchecks = ["greylist"]\n', "f"), MemoryStore(StoreOptions()), Lists())
    assert [check.name for check in built.checks] == ["greylist"]
    assert built.jobs == ()


def test_the_resolver_stays_unless_dns_changes() -> None:
    async def story(house: Assembler) -> None:
        first = house.build(settings(), Lists())
        house.take(with_jobs(first))
        assert house.build(settings("[rbl]\nreject_at = 5\n"), Lists()).resolver is first.resolver
        other = house.build(settings('[dns]\nnameservers = ["127.0.0.9"]\n'), Lists())
        assert other.resolver is not first.resolver
        house.take(with_jobs(other))

    run(story)


def test_a_resolver_that_was_replaced_answers_a_while_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "GRACE", 0.01)
    closed = list[object]()

    async def story(house: Assembler) -> None:
        first = house.build(settings(), Lists())
        monkeypatch.setattr(type(first.resolver), "close", lambda resolver: closed.append(resolver))
        house.take(with_jobs(first))
        other = house.build(settings("[dns]\ntries = 1\n"), Lists())
        house.take(with_jobs(other))
        assert closed == []
        await asyncio.sleep(0.02)
        assert closed == [first.resolver]
        house.close()
        assert closed == [first.resolver, other.resolver]

    run(story)


def test_after_the_end_nobody_is_asked() -> None:
    async def story(house: Assembler) -> None:
        built = house.build(settings(), Lists())
        house.take(with_jobs(built))
        house.close()
        with pytest.raises(DnsUnavailable):
            await built.resolver.resolve("example.org", "A")

    run(story)


def test_jobs_run_while_their_checks_are_in_force() -> None:
    running = set[str]()

    def job(name: str) -> Job:
        async def work(clock: Clock) -> None:
            assert clock() == NOW
            running.add(name)
            try:
                await asyncio.sleep(3600)
            finally:
                running.discard(name)

        return work

    async def story(house: Assembler) -> None:
        built = house.build(settings(), Lists())
        house.take(with_jobs(built, job("old")))
        await a_moment()
        assert running == {"old"}
        house.take(with_jobs(built, job("new"), job("other")))
        await a_moment()
        assert running == {"new", "other"}
        house.close()
        await a_moment()
        assert running == set()

    run(story)


def test_a_job_that_ends_by_a_bug_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(assembly, "AGAIN", 0.0)
    begun = list[int]()

    async def job(clock: Clock) -> None:
        begun.append(clock())
        if len(begun) == 1:
            raise RuntimeError("oops")
        await asyncio.sleep(3600)

    async def story(house: Assembler) -> None:
        house.take(with_jobs(house.build(settings(), Lists()), job))
        while len(begun) < 2:
            await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        run(story)
    assert "a bug: work in the background ended" in caplog.text


def test_dns_lists_and_the_resolver_show_their_figures_and_keep_them_over_a_reload() -> None:
    async def story(house: Assembler) -> None:
        house.take(with_jobs(house.build(settings(), Lists())))
        assert [status.zone for status in house.dns_lists()] == ["zen.spamhaus.org", "list.dnswl.org"]
        (check, _) = house.current.checks.checks if house.current else ()
        assert isinstance(check, Rbl)
        check.prober._watched[0].health.take("refused", NOW)
        house.take(with_jobs(house.build(settings(), Lists())))
        assert [status.is_parked for status in house.dns_lists()] == [True, False]
        assert house.resolver_stats().questions == 0

    run(story)


def test_a_gateway_in_place_of_all_clients_is_known() -> None:
    async def story(house: Assembler) -> None:
        house.take(with_jobs(house.build(settings(), Lists())))
        assert house.wiring_mistake() == ""
        (check, _) = house.current.checks.checks if house.current else ()
        for number in range(60):
            asked = f"client_address=172.17.0.1\nhelo_name=mx{number}.example\nsender=a@x\nrecipient=b@y"
            assert check.evaluate(parse_request(asked.encode()), NO_EVIDENCE, NOW) is NO_OPINION
        assert "every client comes from 172.17.0.1" in house.wiring_mistake()

    run(story)
