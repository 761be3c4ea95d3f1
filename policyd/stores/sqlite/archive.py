"""The archive: everything that is not in memory, in one narrow table of policyd.db.

Law: two connections. aiosqlite's, in a thread of its own, writes, in whole transactions, one at a time. The event
loop's is read-only and answers one look-up per question: a hop to a thread and back costs ten times the look-up.
"""

import asyncio
import contextlib
import os
import secrets
import sqlite3
import sys
import threading
from array import array
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Final

import aiosqlite

from policyd.stores.sqlite.files import identity, make_private
from policyd.stores.sqlite.keys import SECRET_BYTES
from policyd.stores.sqlite.schema import SchemaError, missing_steps
from policyd.stores.sqlite.state import State, freeze, thaw

CHECK_INTERVAL: Final = 7 * 86400
"""Seconds between two checks of the whole file; one is also made after a run that was not closed."""
LOCK_TIMEOUT: Final = 0.5
"""Seconds to wait for an administrator's tool that holds the database's lock; then the work is tried again later."""
LOG_LIMIT: Final = 512 << 20
"""Bytes to which the log is cut after somebody read for long; the 65,536 pages of a merge, at most, are half of it."""
NICE: Final = 10
"""Of the background thread: a tenth of the processor's time when somebody else wants it."""
DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})

_LOOK_UP: Final = "SELECT first_seen, last_seen, passes, counted FROM entries WHERE key = ?"
_UPSERT: Final = """
ON CONFLICT (key) DO UPDATE SET first_seen = excluded.first_seen, last_seen = excluded.last_seen,
passes = excluded.passes, counted = excluded.counted"""
_KEYS: Final = """
SELECT group_concat(printf('%016x', key), '') FROM (SELECT key FROM entries WHERE key > ? ORDER BY key LIMIT ?)"""
# In key order: neighbours share a page, so that each page is changed once per merge.
_MERGE_NAMES: Final = """
INSERT INTO names (key, client, sender, recipient)
SELECT key, CAST(substr(triplet, 1, instr(triplet, x'0a') - 1) AS TEXT),
       CAST(substr(rest, 1, instr(rest, x'0a') - 1) AS TEXT), CAST(substr(rest, instr(rest, x'0a') + 1) AS TEXT)
FROM (SELECT key, triplet, substr(triplet, instr(triplet, x'0a') + 1) AS rest FROM segment.rows AS new
      WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entries.key = new.key) GROUP BY key)"""
# Beside max(), SQLite takes the other columns from the row that holds the maximum (lang_select.html, 2.4).
_MERGE_ENTRIES: Final = f"""
INSERT INTO entries
SELECT key, first_seen, last_seen, passes, counted
FROM (SELECT max(id), key, first_seen, last_seen, passes, counted FROM segment.rows GROUP BY key) WHERE true
{_UPSERT}"""  # noqa: S608 - constants


def is_damage(error: Exception) -> bool:
    """Whether `error` says that a database file is beyond use, not merely out of reach."""
    if isinstance(error, SchemaError | IsADirectoryError):
        return True
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGE


class _Behind(sqlite3.Connection):
    """The connection of the background thread, which it makes one that the scheduler serves last.

    A merge computes for half a second; on two cores it would take turns with the event loop, and every mail wait.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        with contextlib.suppress(OSError):  # threads have priorities of their own on Linux alone
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        super().__init__(*arguments, **options)


class Archive:
    """An open archive."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, reader: sqlite3.Connection) -> None:
        self.path = path
        self.file = identity(path)
        self.secret = b""
        self.entries = 0
        """Rows of the table, exactly."""
        self.merged = 0
        """The last segment whose rows are here."""
        self.needs_check = False
        self.left_filter = b""
        """The filter that the last run left when it ended well; it holds every key that is here."""
        self._writer = writer
        self._reader = reader
        self._turn = asyncio.Lock()

    def find(self, key: int) -> State | None:
        """The state of a key, if it is here. Raises sqlite3.Error."""
        row = self._reader.execute(_LOOK_UP, (key,)).fetchone()
        return None if row is None else freeze(*row)

    async def merge(self, number: int, path: Path) -> None:
        """Take over the rows of a segment; once this returns they are on disk here. Raises sqlite3.Error."""
        async with self._turn:
            await self._writer.execute("ATTACH ? AS segment", (str(path),))
            try:
                async with self._whole() as writer:
                    names = await writer.execute(_MERGE_NAMES)
                    await writer.execute(_MERGE_ENTRIES)
                    await writer.execute("UPDATE meta SET value = ? WHERE name = 'merged'", (number,))
                    await self.count(names.rowcount)
            finally:
                await self._writer.execute("DETACH segment")
        self.merged = number

    async def keep(self, states: Iterable[tuple[int, State]]) -> None:
        """Write what memory holds, when the files that held it are lost. Names are lost with them."""
        rows = sorted((key, *thaw(state)) for key, state in states)
        async with self.transaction() as writer:
            await writer.executemany(f"INSERT INTO entries VALUES (?, ?, ?, ?, ?) {_UPSERT}", rows)  # noqa: S608
            before = self.entries
            (after,) = await self._one("SELECT count(*) FROM entries")
            await self.count(after - before)

    async def keys(self, after: int, most: int) -> list[int]:
        """The next keys in order. As one text: a row for each would keep Python from the event loop for a while."""
        async with self._turn:
            ((text,),) = await self._writer.execute_fetchall(_KEYS, (after, most))
        found = array("q", bytes.fromhex(text or ""))
        if sys.byteorder == "little":
            found.byteswap()
        return found.tolist()

    async def count(self, more: int) -> None:
        """Within a transaction: the table has `more` rows."""
        await self._writer.execute("UPDATE meta SET value = value + ? WHERE name = 'entries'", (more,))
        self.entries += more

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[aiosqlite.Connection]:
        """One transaction, when it is its turn; rolled back if anything is raised in it."""
        async with self._turn, self._whole() as writer:
            yield writer

    @contextlib.asynccontextmanager
    async def _whole(self) -> AsyncIterator[aiosqlite.Connection]:
        entries = self.entries
        try:
            await self._writer.execute("BEGIN IMMEDIATE")
            yield self._writer
            await self._writer.execute("COMMIT")
            self._let_snapshot_go()
            self._take_snapshot()
        except BaseException:
            self.entries = entries
            with contextlib.suppress(sqlite3.Error):  # nothing was begun, or SQLite rolled back by itself
                await self._writer.execute("ROLLBACK")
            raise

    async def checkpoint(self) -> None:
        """Move what was committed from the log into the table's file, in the background thread."""
        async with self._turn:
            self._let_snapshot_go()  # or the log could never be begun again from its start
            try:
                await self._one("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                self._take_snapshot()

    async def set_meta(self, name: str, value: int) -> None:
        """Note `value` for the next start."""
        async with self.transaction() as writer:
            await writer.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    async def leave(self, known: bytes) -> None:
        """Note for the next start that this run ends well, and the filter that it had ("" for none)."""
        async with self.transaction() as writer:
            await writer.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('filter', ?)", (known,))
            await writer.execute("UPDATE meta SET value = 1 WHERE name = 'clean'")

    async def ping(self) -> None:
        """A round trip through the background thread."""
        await self._one("SELECT 1")

    async def close(self) -> None:
        """Close both connections."""
        self._reader.close()
        await self._writer.close()

    async def load_meta(self, now: float) -> None:
        """Read what earlier runs noted; it is `now`. Raises sqlite3.Error, also when the tables are not ours."""
        try:
            rows = await self._writer.execute_fetchall("SELECT name, value FROM meta")
            meta = {name: value for name, value in rows}  # noqa: C416 - a Row is no pair to a type checker
            self.secret = bytes(meta["secret"])
            self.entries, self.merged = int(meta["entries"]), int(meta["merged"])
            self.left_filter = bytes(meta.get("filter", b"")) if meta["clean"] else b""
            self.needs_check = not meta["clean"] or now - int(meta["checked"]) > CHECK_INTERVAL
            self.find(0)
            await self._one("SELECT count(*) FROM (SELECT key, client, sender, recipient FROM names LIMIT 1)")
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(f"its table `meta` is not policyd's ({error!r})") from None
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                raise SchemaError(f"its tables are not policyd's ({error})") from None
            raise

    def _take_snapshot(self) -> None:
        """Look up within one transaction until our next write: that spares a third of each look-up, its locks."""
        self._reader.execute("BEGIN")

    def _let_snapshot_go(self) -> None:
        if self._reader.in_transaction:
            self._reader.execute("COMMIT")

    async def _one(self, sql: str) -> tuple[int, ...]:
        rows = list(await self._writer.execute_fetchall(sql))
        return tuple(rows[0])


async def open_archive(path: Path, secret: bytes | None, now: float) -> Archive:
    """The archive at `path`; if it is new, with `secret` or one of its own. Raises OSError and sqlite3.Error.

    Only cheap checks: a start must not take longer because there is more to read.
    """
    make_private(path)
    writer = await aiosqlite.connect(path, factory=_Behind, timeout=LOCK_TIMEOUT, isolation_level=None)
    try:
        await _prepare(writer, secret or secrets.token_bytes(SECRET_BYTES))
        # mode=ro, and no mmap: pages of the table must not count as the daemon's memory.
        reader = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None)
    except BaseException:
        await writer.close()
        raise
    reader.execute("PRAGMA cache_size = -1024")
    archive = Archive(path, writer, reader)
    try:
        await archive.load_meta(now)
        await archive.set_meta("clean", 0)
    except BaseException:
        await archive.close()
        raise
    return archive


async def _prepare(writer: aiosqlite.Connection, secret: bytes) -> None:
    # FULL: a segment is removed once its rows are here, so they must be on disk by then whatever `durability` says.
    pragmas = ("journal_mode = WAL", "wal_autocheckpoint = 0", "synchronous = FULL", "cache_size = -2048")
    for pragma in (*pragmas, f"journal_size_limit = {LOG_LIMIT}"):
        await writer.execute(f"PRAGMA {pragma}")
    ((version,),) = await writer.execute_fetchall("PRAGMA user_version")
    if script := missing_steps("archive", version, secret):
        await writer.executescript(script)
