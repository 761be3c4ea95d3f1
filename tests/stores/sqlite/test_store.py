"""The sqlite store against the contract: as it is, merging all the time, restarted and killed before every question."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest

from policyd.model.errors import Unavailable
from policyd.stores import Store, StoreOptions, open_store
from policyd.stores.sqlite.limits import Limits
from tests.stores.contract import RULES, START, TRIPLET, Desk, StoreContract, ask, triplet
from tests.stores.sqlite.places import opened, run, until

TINY = Limits(generation=3, hard_limit=1000, commits=4, retry=0.01, file_check=0.0, chores=0.001)


class TestSqlite(StoreContract):
    async def open(self, place: Path, options: StoreOptions) -> Store:
        return await open_store(f"sqlite:{place}/policyd.db", options)

    async def forget_memory(self, desk: Desk) -> None:
        await desk.store.close()
        desk.store = await self.open(self.place, self.options)


class TestSqliteMerging(TestSqlite):
    async def open(self, place: Path, options: StoreOptions) -> Store:
        return await opened(place, TINY, options)

    async def between(self, desk: Desk) -> None:
        await asyncio.sleep(0.001)


class TestSqliteRestarted(TestSqlite):
    async def between(self, desk: Desk) -> None:
        await self.forget_memory(desk)


class TestSqliteKilled(TestSqlite):
    """All that the next run finds are copies of the files, made while the store was open."""

    async def between(self, desk: Desk) -> None:
        await asyncio.sleep(0)  # nobody waits for a refreshed date, so it may be lost: let it be written
        copy = self.place / "next"
        copy.mkdir()
        for file in self.place.glob("policyd.db*"):
            shutil.copy(file, copy)
        await desk.store.close()
        self.place = copy
        desk.store = await self.open(copy, self.options)


def test_with_privacy_no_address_reaches_the_disk(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await opened(tmp_path, options=StoreOptions(privacy=True))
        await ask(store, TRIPLET, START)
        stored = b"".join(file.read_bytes() for file in tmp_path.glob("policyd.db*"))
        await store.close()
        stored += (tmp_path / "policyd.db").read_bytes()
        assert not [part for part in TRIPLET if part.encode() in stored]
        store = await opened(tmp_path, options=StoreOptions(privacy=True))
        assert await ask(store, TRIPLET, START + 10) == ("early", 290)

    run(scenario)


def test_a_group_that_cannot_be_committed_is_unlearned(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await opened(tmp_path, TINY)
        with contextlib.closing(store.segment):
            pass  # the connection is gone: whatever is written next fails
        told: list[bool] = []
        observation = store.observe(TRIPLET, RULES, START)
        assert observation.commit is not None
        observation.commit.then(told.append)
        again = store.observe(TRIPLET, RULES, START)
        assert (again.outcome, again.commit) == ("early", observation.commit)
        observation.commit.then(told.append)
        await asyncio.sleep(0)
        assert told == [False, False]
        assert (store.stats().state, store.stats().failures, store.stats().entries) == ("degraded", 1, 0)
        with pytest.raises(Unavailable):
            store.observe(TRIPLET, RULES, START)
        await until(lambda: store.stats().state == "ok")
        assert await ask(store, TRIPLET, START + 5) == ("new", 300)
        await store.close()

    run(scenario)


def test_what_a_failed_commit_changed_is_as_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await opened(tmp_path, TINY)
        await ask(store, TRIPLET, START)
        assert store.segment is not None
        store.segment.close()
        assert store.observe(TRIPLET, RULES, START + 300).outcome == "passed"
        assert store.observe(TRIPLET, RULES, START + 300).outcome == "known"
        await asyncio.sleep(0)
        assert store.observe(TRIPLET, RULES, START + 200) == ("early", 100, None)
        await until(lambda: store.stats().state == "ok")
        assert await ask(store, TRIPLET, START + 310) == ("passed", 310)

    run(scenario)


def test_what_is_used_in_every_generation_stays_in_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await opened(tmp_path)
        await ask(store, TRIPLET, START)
        await ask(store, TRIPLET, START + 300)
        assert store.archive is not None
        looked_for: list[int] = []
        find = store.archive.find
        store.archive.find = lambda key: (looked_for.append(key), find(key))[1]  # type: ignore[method-assign]
        for _ in range(4):
            await store.purge()
            assert store.observe(TRIPLET, RULES, START + 400).outcome == "known"
        assert not looked_for
        await store.purge()
        await store.purge()
        assert store.observe(TRIPLET, RULES, START + 400).outcome == "known"
        assert len(looked_for) == 2  # the client and the triplet

    run(scenario)


def test_one_waiter_that_fails_does_not_silence_the_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await opened(tmp_path)
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(context["exception"]))
        commit = store.observe(TRIPLET, RULES, START).commit
        assert commit is not None
        commit.then(lambda _done: 1 // 0)  # type: ignore[arg-type, return-value]
        commit.then(told.append)
        await asyncio.sleep(0.01)
        commit.then(told.append)
        await store.close()

    failed: list[Exception] = []
    told: list[bool] = []
    run(scenario)
    assert told == [True, True]
    assert isinstance(failed[0], ZeroDivisionError)


def test_beyond_the_hard_limit_nothing_new_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = await opened(tmp_path, Limits(hard_limit=2))
        await ask(store, TRIPLET, START)
        await ask(store, TRIPLET, START + 300)
        with pytest.raises(Unavailable):
            store.observe(triplet(1), RULES, START + 300)
        assert await ask(store, TRIPLET, START + 9000) == ("known", 0)
        await store.close()

    run(scenario)
