"""The figures of the sqlite store at one moment.

Law: reads only; what was counted where it happened is put together here.
"""

from collections.abc import Iterable

from policyd.stores.sqlite.journal import Segment
from policyd.stores.sqlite.keeper import Keeper
from policyd.stores.sqlite.ledger import Ledger
from policyd.stores.store import CommitFigures, StoreStats


def figures_of(
    ledger: Ledger, keeper: Keeper, commits: CommitFigures, unmerged: Iterable[Segment], new_keys: int
) -> StoreStats:
    """What a store counted; `unmerged` are its segments that are not in the archive, `new_keys` the keys of those."""
    cleaner = keeper.cleaner
    return StoreStats(
        state="degraded" if ledger.segment is None else "ok",
        entries=(ledger.archive.entries if ledger.archive is not None else 0) + new_keys,
        pending=sum(segment.rows for segment in unmerged),
        commits=commits.commits,
        committed_rows=commits.rows,
        commit_seconds=commits.seconds,
        commit_seconds_counts=tuple(commits.seconds_counts),
        batch_rows_counts=tuple(commits.rows_counts),
        failures=ledger.failures,
        evicted=cleaner.evicted,
        purged=cleaner.purged,
        never_returned=cleaner.never_returned,
        returned_late=ledger.returned_late,
        last_purge=cleaner.last_purge,
        bytes_on_disk=keeper.bytes_on_disk,
        trouble=ledger.trouble,
    )
