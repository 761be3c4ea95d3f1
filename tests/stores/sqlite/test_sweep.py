import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from policyd.model.greylist import Rules
from policyd.stores.sqlite import sweep
from policyd.stores.sqlite.archive import Archive, open_archive
from policyd.stores.sqlite.state import State, freeze

RULES = Rules(retry_window=1000, max_age=5000)
NOW = 100_000


def run(place: Path, states: dict[int, State], scenario: Callable[[Archive], Awaitable[None]]) -> None:
    async def whole() -> None:
        archive = await open_archive(place / "policyd.db", b"secret", 0)
        try:
            await archive.keep(states.items())
            await scenario(archive)
        finally:
            await archive.close()

    asyncio.run(whole())


def pending(first_seen: int) -> State:
    return freeze(first_seen, NOW, 0, 0)


def passed(last_seen: int) -> State:
    return freeze(0, last_seen, 1, 0)


def test_what_has_expired_goes_and_the_last_second_stays(tmp_path: Path) -> None:
    states = {1: pending(NOW - 1001), 2: pending(NOW - 1000), 3: passed(NOW - 5001), 4: passed(NOW - 5000)}

    async def scenario(archive: Archive) -> None:
        assert await sweep.purge(archive, RULES, NOW) == (2, 1)  # one of them never came back
        assert (await archive.keys(-1, 10), archive.entries) == ([2, 4], 2)

    run(tmp_path, states, scenario)


def test_a_clock_far_ahead_costs_a_fifth_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SMALL", 10)
    monkeypatch.setattr(sweep, "SLICE", 7)

    async def scenario(archive: Archive) -> None:
        assert (await sweep.purge(archive, RULES, NOW * 9)).rows == 20
        assert archive.entries == 80
        assert (await sweep.purge(archive, RULES, NOW * 9)).rows == 16

    run(tmp_path, {key: passed(NOW) for key in range(100)}, scenario)


@pytest.mark.parametrize(
    ("cap", "left"),
    [
        (10, list(range(10))),
        (9, [0, 3, 4, 5, 6, 7, 8, 9]),  # 90 % of 9 is 8: the two oldest that never passed go
        (5, [0, 6, 8, 9]),  # key 3 to 5 and 7 are of one second: as many as must
        (1, []),
    ],
)
def test_the_oldest_go_first_and_those_that_passed_last(tmp_path: Path, cap: int, left: list[int]) -> None:
    states = {0: passed(1), 1: pending(10), 2: pending(10), 9: passed(2)}
    states |= {key: pending(20) for key in (3, 4, 5, 7)} | {6: pending(30), 8: pending(30)}

    async def scenario(archive: Archive) -> None:
        assert await sweep.evict(archive, cap) == 10 - len(left)
        assert (await archive.keys(-1, 20), archive.entries) == (left, len(left))

    run(tmp_path, states, scenario)


def test_names_go_after_their_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SLICE", 2)

    async def scenario(archive: Archive) -> None:
        async with archive.transaction() as writer:
            for key in range(5):
                await writer.execute("INSERT INTO names VALUES (NULL, ?, 'c', 's', 'r')", (key,))
        await sweep.sweep_names(archive)
        async with archive.transaction() as writer:
            assert list(await writer.execute_fetchall("SELECT key FROM names")) == [(1,), (3,)]

    run(tmp_path, {1: passed(1), 3: passed(1)}, scenario)
