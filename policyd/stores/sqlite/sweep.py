"""Forgetting: what has expired, and the oldest of what exceeds the cap.

Law: small transactions in key order, each a few milliseconds of the background thread, so that no merge waits long.
One run forgets at most a fifth of the table: a clock that jumped a year ahead must not empty it (an entry that
expired counts as never seen at every look-up, so being late costs nothing but space).
"""

import asyncio
from typing import Final, NamedTuple

from policyd.model.greylist import Rules
from policyd.stores.sqlite.archive import Archive

SLICE: Final = 2000
"""Rows looked at in one transaction."""
PAUSE: Final = 0.005
"""Seconds between two transactions: merges go first, and the disk is not ours alone."""
SMALL: Final = 10_000
"""Rows of which all may go in one run; a fifth of less would take for ever."""

_EXPIRED: Final = "iif(passes, last_seen < :passed, first_seen < :pending)"
# Oldest first, and what never passed before what did: a passed entry spares somebody a delay.
_AGE: Final = "passes > 0, iif(passes, last_seen, first_seen)"


class Forgotten(NamedTuple):
    """Rows that are gone."""

    rows: int
    pending: int
    """Those of them whose sender never came back."""


async def purge(archive: Archive, rules: Rules, now: int) -> Forgotten:
    """Forget what has expired at `now`; what that was. Raises sqlite3.Error."""
    times = {"passed": now - rules.max_age, "pending": now - rules.retry_window}
    return await _forget(archive, _EXPIRED, times, max(archive.entries // 5, SMALL))


async def evict(archive: Archive, max_entries: int) -> int:
    """Forget the oldest down to 90 % of `max_entries` if there are more; how many rows that were."""
    if archive.entries <= max_entries:
        return 0
    surplus = archive.entries - max_entries * 9 // 10
    async with archive.transaction() as writer:
        last = list(
            await writer.execute_fetchall(
                f"SELECT {_AGE} FROM entries ORDER BY 1, 2 LIMIT 1 OFFSET ?",  # noqa: S608 - constant
                (surplus - 1,),
            )
        )
    if not last:
        return 0
    cut = dict(zip(("kind", "seen"), last[0], strict=True))
    gone = (await _forget(archive, f"({_AGE}) < (:kind, :seen)", cut, surplus)).rows
    return gone + (await _forget(archive, f"({_AGE}) = (:kind, :seen)", cut, surplus - gone)).rows


async def sweep_names(archive: Archive) -> None:
    """Forget the names of keys that are gone."""
    low = 0
    while True:
        async with archive.transaction() as writer:
            ((high,),) = await writer.execute_fetchall(
                "SELECT max(id) FROM (SELECT id FROM names WHERE id > ? ORDER BY id LIMIT ?)", (low, SLICE)
            )
            await writer.execute(
                "DELETE FROM names WHERE id > ? AND id <= ? AND NOT EXISTS"
                " (SELECT 1 FROM entries WHERE entries.key = names.key)",
                (low, high),
            )
        if high is None:
            return
        low = high
        await asyncio.sleep(PAUSE)


async def _forget(archive: Archive, condition: str, values: dict[str, int], at_most: int) -> Forgotten:
    """Delete rows that meet `condition`, slice by slice in key order, not more than `at_most`."""
    low, gone, pending = -1, 0, 0
    while gone < at_most:
        async with archive.transaction() as writer:
            ((high,),) = await writer.execute_fetchall(
                "SELECT max(key) FROM (SELECT key FROM entries WHERE key > ? ORDER BY key LIMIT ?)", (low, SLICE)
            )
            if high is None:
                break
            deleted = await writer.execute_fetchall(
                "DELETE FROM entries WHERE key IN (SELECT key FROM entries"  # noqa: S608 - constants
                f" WHERE key > :low AND key <= :high AND {condition} LIMIT :most)"
                " RETURNING not passes AND first_seen > 0",  # is_waiting()
                {**values, "low": low, "high": high, "most": at_most - gone},
            )
            rows = list(deleted)
            await archive.count(-len(rows))
        gone += len(rows)
        pending += sum(waited for (waited,) in rows)
        low = high
        await asyncio.sleep(PAUSE)
    await archive.checkpoint()
    return Forgotten(gone, pending)
