"""What is looked for in the whole archive, on a connection of its own: merges and mail go on meanwhile.

Law: read only, and bounded in rows. What is not merged yet is merged first by whoever calls.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

import aiosqlite

from policyd.model.greylist import Entry, Triplet
from policyd.stores.store import Kept, Wanted

_SELECT: Final = """
SELECT key, CAST(client AS BLOB), CAST(sender AS BLOB), CAST(recipient AS BLOB), first_seen, last_seen, passes, counted
FROM names JOIN entries USING (key) WHERE first_seen > 0"""
_WAITING: Final = " AND passes = 0 AND first_seen >= ? AND client != '' AND recipient NOT IN ('', '*')"
_ORDER: Final = " ORDER BY first_seen DESC, id DESC LIMIT ?"

SLICE: Final = 500
"""Rows judged without letting mail go first: a millisecond."""
PAUSE: Final = 0.001


@contextlib.asynccontextmanager
async def opened_to_read(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection to the archive at `path` that cannot write. Raises sqlite3.Error."""

    async def connect() -> aiosqlite.Connection:
        return await aiosqlite.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)

    opening = asyncio.create_task(connect())
    try:
        yield await asyncio.shield(opening)  # cancelled while it opens, aiosqlite 0.22 would never close it
    finally:
        await (await opening).close()


async def search(path: Path, wanted: Wanted, words: Sequence[str]) -> dict[int, Kept]:
    """What is `wanted` of the archive at `path`, by key; its words are stored as `words`. Raises sqlite3.Error."""
    sql, values = _SELECT, list[str | int]()
    if wanted.waiting_since is not None:
        sql += _WAITING
        values.append(wanted.waiting_since)
    if conditions := _conditions(wanted, words, values):
        sql += f" AND ({' OR '.join(conditions)})"
    async with opened_to_read(path) as connection:
        rows = await connection.execute_fetchall(sql + _ORDER, (*values, wanted.most))
    return {number: _kept(*rest) for number, *rest in rows}


async def census(path: Path, kind_of: Callable[[Triplet, Entry], str]) -> Counter[str]:
    """How many entries of each kind the archive at `path` has. Raises sqlite3.Error."""
    counts = Counter[str]()
    async with opened_to_read(path) as connection, connection.execute(_SELECT) as cursor:
        while rows := list(await cursor.fetchmany(SLICE)):
            counts.update(kind_of(*_kept(*rest)) for _, *rest in rows)
            await asyncio.sleep(PAUSE)
    return counts


def _conditions(wanted: Wanted, words: Sequence[str], values: list[str | int]) -> list[str]:
    conditions = []
    if words:
        marks = ", ".join("?" * len(words))
        for column in ("client", "sender", "recipient"):
            conditions.append(f"{column} IN ({marks})")
            values += words
    if wanted.domain:
        for column in ("sender", "recipient"):
            conditions.append(f"substr({column}, -length(?1)) = ?1".replace("?1", "?"))
            values += [wanted.domain, wanted.domain]
    return conditions


def _kept(client: bytes, sender: bytes, recipient: bytes, *numbers: int) -> Kept:
    texts = (part.decode("utf-8", "surrogateescape") for part in (client, sender, recipient))
    return Triplet(*texts), Entry._make(numbers)
