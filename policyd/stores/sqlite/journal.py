"""The journal: what was just learned, appended in rowid order to small files of their own.

Law: a segment is only ever appended to. It is never checkpointed: once its rows are in the archive its files are
removed. It is a file of its own, so that no merge, purge or checkpoint ever holds the lock that a commit needs.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Literal

from policyd.stores.sqlite.files import identity, make_private, remove
from policyd.stores.sqlite.schema import missing_steps
from policyd.stores.sqlite.state import State, freeze

Row = tuple[int, int, int, int, int, bytes]
"""A key, the numbers of its entry, its triplet's text."""

ROOM: Final = 1 << 20
"""Bytes a segment must be able to take when writing had failed before, or every new try would be a false hope."""


class Group:
    """The rows of one tick of the event loop, which are committed together: the `Commit` of all their observations."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.before: dict[int, State | None] = {}
        """What memory held of each key before, should the commit fail."""
        self._done: bool | None = None
        self._waiting: list[Callable[[bool], None]] = []

    def then(self, done: Callable[[bool], None]) -> None:
        """Call `done` with whether the group was committed, once that is known."""
        if self._done is None:
            self._waiting.append(done)
        else:
            done(self._done)

    def finish(self, done: bool) -> None:  # noqa: FBT001 - the very value that every waiter is called with
        """Tell all that wait."""
        self._done = done
        self._waiting.reverse()
        self._tell(done)

    def _tell(self, done: bool) -> None:  # noqa: FBT001
        try:
            while self._waiting:
                self._waiting.pop()(done)
        finally:
            if self._waiting:  # a bug in one waiter must not silence the others
                asyncio.get_running_loop().call_soon(self._tell, done)


class Segment:
    """A segment: written to by the event loop's own connection, or (without one) left behind by an earlier run."""

    def __init__(self, number: int, path: Path, connection: sqlite3.Connection | None, rows: int = 0) -> None:
        self.number = number
        self.path = path
        self.rows = rows
        self.commits = 0
        self.file = identity(path)
        self._connection = connection

    def append(self, rows: list[Row]) -> None:
        """Commit `rows`: all or none. Raises sqlite3.Error."""
        connection = self._connection
        if connection is None:
            raise sqlite3.OperationalError(f"{self.path} is not written to any more")
        try:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO rows VALUES (NULL, ?, ?, ?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):  # SQLite rolls some failures back by itself
                connection.execute("ROLLBACK")
            raise
        self.rows += len(rows)
        self.commits += 1

    def close(self) -> None:
        """Let the file go."""
        if self._connection is not None:
            self._connection.close()


def create_segment(
    number: int, path: Path, secret: bytes, durability: Literal["normal", "full"], room: int = 0
) -> Segment:
    """A new, empty segment that has room for `room` bytes. Takes milliseconds: not for the event loop's thread.

    Raises OSError and sqlite3.Error, and leaves nothing behind then.
    """
    remove(path)
    make_private(path)
    # check_same_thread: made in a thread, used in the event loop's, closed in a thread; never in two at once.
    connection = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("journal_mode = WAL", "wal_autocheckpoint = 0", f"synchronous = {durability.upper()}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(missing_steps("journal", 0, secret))
        if room:
            connection.execute("INSERT INTO meta VALUES ('room', zeroblob(?))", (room,))
            connection.execute("DELETE FROM meta WHERE name = 'room'")
        return Segment(number, path, connection)
    except BaseException:
        connection.close()
        with contextlib.suppress(OSError):
            remove(path)
        raise


def read_secret(path: Path) -> bytes | None:
    """The secret under which a segment's keys were made; None if it was never finished. Raises sqlite3.Error."""
    with contextlib.closing(_open_leftover(path)) as connection:
        if not connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('meta', 'rows')").fetchone()[0]:
            return None
        found = connection.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone()
        return None if found is None else bytes(found[0])


def read_states(path: Path, into: dict[int, State]) -> int:
    """Put the last state of every key of a segment `into` a dict; how many rows it has.

    What was read before an error stays there. Raises sqlite3.Error.
    """
    count = 0
    with contextlib.closing(_open_leftover(path)) as connection:
        rows: Iterable[tuple[int, int, int, int, int]] = connection.execute(
            "SELECT key, first_seen, last_seen, passes, counted FROM rows ORDER BY id"
        )
        for key, first_seen, last_seen, passes, counted in rows:
            into[key] = freeze(first_seen, last_seen, passes, counted)
            count += 1
    return count


def _open_leftover(path: Path) -> sqlite3.Connection:
    make_private(path)  # a directory or a link in its place is not opened
    connection = sqlite3.connect(path, timeout=0.5, isolation_level=None)
    try:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        missing_steps("journal", connection.execute("PRAGMA user_version").fetchone()[0])
    except BaseException:
        connection.close()
        raise
    return connection
