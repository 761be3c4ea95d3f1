"""Promise 2: what was acknowledged survives SIGKILL, at any moment, as often as it happens."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Timer
from typing import Final

from policyd.stores.sqlite.store import SqliteStore
from policyd.stores.store import StoreOptions
from tests.system.sigkill_store import NOW, RULES, triplet

KILLS: Final = 200
KILLS_OF_THE_CONTROL: Final = 15
ROOM: Final = 1_000_000
"""Numbers of triplets that belong to one run."""


@contextmanager
def program(path: Path, kind: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.system.sigkill_store", str(path), kind]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def kill_once(process: subprocess.Popen[str], first: int, chance: random.Random) -> list[int]:
    """The numbers that were acknowledged before a run was killed, 5 to 150 ms after it began."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{first}\n")
    process.stdin.flush()
    acknowledged = []
    while line := process.stdout.readline().strip():
        if line.startswith("pid"):
            Timer(chance.uniform(0.005, 0.150), os.kill, (int(line[4:]), signal.SIGKILL)).start()
        else:
            acknowledged.append(int(line))
    return acknowledged


async def lost(path: Path, acknowledged: list[int]) -> list[int]:
    """The acknowledged triplets that are new to a store on the files of the killed runs."""
    store = SqliteStore(path, StoreOptions())
    await store.start()
    try:
        assert store.stats().state == "ok"
        return [number for number in acknowledged if store.observe(triplet(number), RULES, NOW).outcome != "early"]
    finally:
        await store.close()


def kill_often(path: Path, kind: str, kills: int) -> list[int]:
    chance = random.Random(kills)
    acknowledged: list[int] = []
    with program(path, kind) as process:
        for run in range(kills):
            acknowledged += kill_once(process, run * ROOM, chance)
    return acknowledged


def test_200_kills_lose_nothing_that_was_acknowledged(lab: Path) -> None:
    path = lab / "policyd.db"
    acknowledged = kill_often(path, "now", KILLS)
    assert len(acknowledged) > 50 * KILLS  # on average; a busy machine writes some hundred before it is killed
    assert asyncio.run(lost(path, acknowledged)) == []
    assert not list(lab.glob("*.corrupt-*"))
    with closing(sqlite3.connect(path)) as archive:
        assert archive.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (entries,) = archive.execute("SELECT value FROM meta WHERE name = 'entries'").fetchone()
        assert archive.execute("SELECT count(*) FROM entries").fetchone() == (entries,)


def test_a_store_that_answers_before_it_writes_loses_some(lab: Path) -> None:
    """The negative control: without it, nobody would know that the test above can fail."""
    acknowledged = kill_often(lab / "policyd.db", "behind", KILLS_OF_THE_CONTROL)
    assert asyncio.run(lost(lab / "policyd.db", acknowledged))
