"""What a store is: one Protocol, its options, its figures.

Law: the figures are plain numbers that cost nothing to keep; whoever shows them knows the metrics' names.
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, Protocol

from policyd.model.greylist import Change, Entry, Identities, Observation, Rules, Triplet
from policyd.model.recognition import FORGOTTEN, is_triplet
from policyd.model.verdict import Commit

State = Literal["ok", "degraded"]

COMMIT_SECONDS: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Upper bounds of the histogram of commit times."""
BATCH_ROWS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Upper bounds of the histogram of rows per commit."""


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """What an administrator may choose of a store."""

    durability: Literal["normal", "full"] = "normal"
    """normal: what was answered survives the end of the process, SIGKILL too. full: a power cut too (fsync first)."""
    max_entries: int = 2_000_000
    """Above it the oldest entries that never passed are forgotten, down to 90 %."""
    privacy: bool = False
    """Whether keyed hashes are stored in place of addresses."""
    clock: Callable[[], float] = time.time
    """Seconds since the epoch, for the background purge only: observations bring their own time."""


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The figures of a store at one moment. Counts are since it was opened."""

    state: State
    """degraded: what must be remembered cannot be; known clients are still answered."""
    entries: int
    pending: int = 0
    """Rows that are committed, but not yet merged into the archive."""
    commits: int = 0
    committed_rows: int = 0
    commit_seconds: float = 0.0
    commit_seconds_counts: tuple[int, ...] = ()
    """How many commits fell under each bound of COMMIT_SECONDS and not under the one before; the last: above all."""
    batch_rows_counts: tuple[int, ...] = ()
    """The same of the rows per commit and BATCH_ROWS."""
    failures: int = 0
    evicted: int = 0
    purged: int = 0
    never_returned: int = 0
    """Those of the purged that were deferred and never came back."""
    returned_late: int = 0
    """New mail that was known to have been deferred before, so long ago that it counted as never seen."""
    last_purge: int = 0
    """When the last purge ended, seconds since the epoch; 0: never."""
    bytes_on_disk: int = 0
    trouble: str = ""
    """Why it is degraded, or what it tries again; "" when all is well."""


@dataclass(slots=True)
class CommitFigures:
    """What a store counts of its commits."""

    commits: int = 0
    rows: int = 0
    seconds: float = 0.0
    seconds_counts: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_SECONDS) + 1))
    rows_counts: list[int] = field(default_factory=lambda: [0] * (len(BATCH_ROWS) + 1))

    def count(self, rows: int, seconds: float) -> None:
        """One commit of `rows` rows took `seconds`."""
        self.commits += 1
        self.rows += rows
        self.seconds += seconds
        self.seconds_counts[bisect_left(COMMIT_SECONDS, seconds)] += 1
        self.rows_counts[bisect_left(BATCH_ROWS, rows)] += 1


class Wanted(NamedTuple):
    """Which entries somebody asks for."""

    words: tuple[str, ...] = ()
    """Clients, senders or recipients, as they are stored; none: everybody's."""
    domain: str = ""
    """All senders and recipients of this ``@domain``, too."""
    waiting_since: int | None = None
    """Only triplets that have not passed and were first seen since then."""
    most: int = 1000
    """The newest so many."""

    def fits(self, key: Triplet, entry: Entry) -> bool:
        """Whether this entry is meant."""
        if entry.first_seen == FORGOTTEN.first_seen:
            return False
        if self.waiting_since is not None and not (
            is_triplet(key) and not entry.passes and entry.first_seen >= self.waiting_since
        ):
            return False
        if not self.words and not self.domain:
            return True
        ends = bool(self.domain) and (key.sender.endswith(self.domain) or key.recipient.endswith(self.domain))
        return ends or not {*key}.isdisjoint(self.words)


Kept = tuple[Triplet, Entry]


class Store(Protocol):
    """A greylist store. All of it is called from the event loop's thread."""

    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        """Judge one try of `triplet` at `now` by what is stored, and remember it.

        `others` names the client's other identities (None: it has none); asked only if the network does not settle it.
        The answer must not leave before the observation's commit is done; without one it may leave at once.
        Raises Unavailable if the answer cannot be found, or would have to be remembered and cannot be.
        """

    def amend(self, keys: Sequence[Triplet], change: Change) -> Commit | None:
        """Put what `change` makes of the entry of each of `keys` in its place (None: it stays as it is).

        The commit that this rests on; None if nothing was to be written, or need not be waited for. Raises Unavailable.
        """

    def peek(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        """What `observe` would answer, without a commit; nothing is remembered. Raises Unavailable."""

    async def search(self, wanted: Wanted) -> list[Kept]:
        """The entries that somebody asks for, the newest first. Mail does not wait for it. Raises Unavailable."""

    async def change(self, wanted: Wanted, change: Change) -> tuple[list[Kept], Commit | None]:
        """Find what is `wanted`, and put what `change` makes of each in its place; what was found, and the commit.

        Raises Unavailable.
        """

    async def census(self, kind_of: Callable[[Triplet, Entry], str]) -> Counter[str]:
        """How many entries there are of each kind. Mail does not wait for it. Raises Unavailable."""

    def stats(self) -> StoreStats:
        """The figures of this moment."""

    async def ping(self) -> None:
        """Return after a round trip through the background thread, if there is one: proof that it lives."""

    async def purge(self) -> None:
        """Forget what has expired by the rules of the last observation, and what exceeds the cap."""

    async def close(self) -> None:
        """Commit and finish everything. May be called again."""
