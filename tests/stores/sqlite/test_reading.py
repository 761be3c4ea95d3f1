"""Law tested: what is stored is found by its words, whatever bytes they are, and nothing else is."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from policyd.model.greylist import Triplet
from policyd.stores import StoreOptions, Wanted
from policyd.stores.sqlite.reading import opened_to_read
from tests.stores.contract import RULES, START, TRIPLET, ask, done, triplet
from tests.stores.sqlite.places import execute, opened, run


def test_bytes_that_are_no_text_come_out_as_they_went_in(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        strange = Triplet("192.0.2.0/24", "\udcff' OR 1@\udc80", "☃@y.example")
        await ask(store, strange, START, RULES)
        ((key, entry),) = await store.search(Wanted())
        assert (key, entry.first_seen) == (strange, START)

    run(scenario)


def test_with_privacy_words_are_found_by_their_hashes(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place, options=StoreOptions(privacy=True, clock=lambda: START))
        await ask(store, TRIPLET, START, RULES)
        await ask(store, triplet(1), START, RULES)
        ((key, _),) = await store.search(Wanted(words=(TRIPLET.sender,)))
        assert "@" not in "".join(key)
        found, commit = await store.change(Wanted(words=(TRIPLET.sender,)), lambda e: e and e._replace(passes=1))
        await done(commit)
        assert len(found) == 1
        assert (await ask(store, TRIPLET, START + 1, RULES), await ask(store, triplet(1), START + 1, RULES)) == (
            ("known", 0),
            ("early", 299),
        )

    run(scenario)


def test_a_reader_that_is_cancelled_while_it_opens_leaves_nothing_open(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, opened_ones, closed = sqlite3.connect, [], []

    class Seen(sqlite3.Connection):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def slow(*arguments: Any, **options: Any) -> sqlite3.Connection:
        time.sleep(0.05)
        opened_ones.append(connect(*arguments, **options, factory=Seen))
        return opened_ones[-1]

    async def read() -> None:
        async with opened_to_read(place / "policyd.db"):
            pytest.fail("it was cancelled")

    async def scenario() -> None:
        reader = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader

    execute(place / "policyd.db", "CREATE TABLE t (n)")
    monkeypatch.setattr("sqlite3.connect", slow)
    asyncio.run(scenario())
    assert len(opened_ones) == 1
    assert closed == opened_ones
