"""Greylisting itself: what is remembered of a triplet, and the rule that judges by it.

Law: pure. Every store calls `judge` inside one atomic step and writes what it returns; no store decides by itself.
Behaviour is postgrey 1.37's except where the comment says "unlike postgrey".
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple, Protocol

from policyd.model.verdict import Commit

REFRESH: Final = 3600
"""Seconds between two refreshes of last_seen: postgrey's hour; a write per mail of a known sender is one too many."""


class Triplet(NamedTuple):
    """The key of greylisting. A client's own record (the auto-whitelist) has no sender and no recipient."""

    client: str
    """A network such as ``192.0.2.0/24``, or one address."""
    sender: str
    recipient: str


def client_key(triplet: Triplet) -> Triplet:
    """The key of the auto-whitelist record of a triplet's client. No triplet has an empty recipient."""
    return Triplet(triplet.client, "", "")


class Entry(NamedTuple):
    """What is remembered under a key. Times are seconds since the epoch."""

    first_seen: int
    last_seen: int
    passes: int = 0
    """Of a triplet: 1 once it passed. Of a client: how many of its triplets were counted."""
    counted: int = 0
    """Of a client: when a triplet was last counted for it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings of greylisting that the rule needs. Times in seconds."""

    delay: int = 240
    retry_window: int = 172800
    max_age: int = 35 * 86400
    auto_whitelist_clients: int = 5
    auto_whitelist_interval: int = 3600
    group_after: int = 0
    """So many triplets of a client and a sender's domain must pass before others of both pass at once; 0: never."""
    replies_for: int = 0
    """How long the reply to a mail of ours passes at once; 0: not at all."""
    trap_delay: int = 0
    """The least delay of a network that mailed a spam trap."""
    refuses_trapped: bool = False
    """Whether such a network is refused."""
    max_new: int = 0
    """New triplets of a network in an hour; who comes beyond shares one row. 0: no bound."""


Outcome = Literal[
    "new", "early", "passed", "known", "auto-whitelisted",
    # found by recognition.py only
    "group", "reply", "crowded", "crowd passed", "trapped",
]  # fmt: skip


class Judgement(NamedTuple):
    """The outcome for one try and what must be remembered because of it (None: nothing new)."""

    outcome: Outcome
    seconds: int
    """Still to wait (new, early), or since the first try (passed); else 0."""
    client: Entry | None = None
    triplet: Entry | None = None


KNOWN: Final = Judgement("known", 0)
AUTO_WHITELISTED: Final = Judgement("auto-whitelisted", 0)
"""Both when nothing must be remembered. Compare with `is`."""


class Observation(NamedTuple):
    """A store's answer: the outcome, and the commit it rests on (None: nothing is waiting to be written)."""

    outcome: Outcome
    seconds: int
    commit: Commit | None = None


Identities = Callable[[], Sequence[str]]
"""The other identities of a client, found out only when its network alone does not settle a try."""


Change = Callable[[Entry | None], Entry | None]
"""What becomes of an entry (None: there was none; None: it stays as it is)."""


class GreylistStore(Protocol):
    """Where entries are kept. Every verb is one atomic step; time comes from the caller."""

    def observe(
        self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None
    ) -> Observation | Awaitable[Observation]:
        """Judge one try of `triplet` by what is stored, and remember it. Raises Unavailable."""

    def amend(self, keys: Sequence[Triplet], change: Change) -> Commit | None:
        """Change what is stored under each of `keys`; the commit, if anything has to be written. Raises Unavailable."""

    def peek(
        self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None
    ) -> Observation | Awaitable[Observation]:
        """What `observe` would answer; nothing is remembered. Raises Unavailable."""


def judge(client: Entry | None, triplet: Entry | None, rules: Rules, now: int) -> Judgement:
    """Judge a try at `now` by the entries of its client and of its triplet (None: never seen)."""
    if client is not None and is_auto_whitelisted(client, rules, now):
        fresh = refreshed(client, now)
        return Judgement("auto-whitelisted", 0, client=fresh) if fresh else AUTO_WHITELISTED
    if triplet is None or is_expired(triplet, rules, now):
        if rules.delay > 0:
            return _first_try(rules.delay, now)
        triplet = Entry(now, now)  # unlike postgrey, whose --delay=0 silently means 300
    if triplet.passes:
        fresh = refreshed(triplet, now)
        return Judgement("known", 0, triplet=fresh) if fresh else KNOWN
    # A first try in the future is a clock that was set back: counted from now (postgrey 1.34).
    first_seen = min(triplet.first_seen, now)
    age = now - first_seen
    if age < rules.delay:
        moved = first_seen != triplet.first_seen
        return Judgement("early", rules.delay - age, triplet=Entry(first_seen, now) if moved else None)
    return Judgement("passed", age, credited(client, rules, now), Entry(first_seen, now, 1))


@lru_cache(maxsize=8)
def _first_try(delay: int, now: int) -> Judgement:
    """All first tries of one second are alike."""
    return Judgement("new", delay, triplet=Entry(now, now))


def is_auto_whitelisted(client: Entry, rules: Rules, now: int) -> bool:
    """Whether a client passed often enough, and recently enough, not to be asked again."""
    return 0 < rules.auto_whitelist_clients <= client.passes and now - client.last_seen <= rules.max_age


def is_expired(entry: Entry, rules: Rules, now: int) -> bool:
    """Whether an entry counts as never seen. Enforced at every look-up, unlike postgrey (purge at night)."""
    if entry.passes:
        return now - entry.last_seen > rules.max_age
    return now - entry.first_seen > rules.retry_window


def is_waiting(entry: Entry) -> bool:
    """Whether an entry is that of mail that was tried and has not passed; expired ones, too."""
    return not entry.passes and entry.first_seen > 0  # 0: what was forgotten on request (recognition.FORGOTTEN)


def refreshed(entry: Entry, now: int) -> Entry | None:
    """An entry that was used at `now`; None where that need not be noted."""
    # An hour in the future is as far away: else an entry of a clock once wrong would never age.
    return entry._replace(last_seen=now) if abs(now - entry.last_seen) >= REFRESH else None


def credited(client: Entry | None, rules: Rules, now: int) -> Entry | None:
    """The client's record after one of its triplets passed for the first time; None if it does not count."""
    if not (rules.auto_whitelist_clients or rules.group_after):
        return None
    if client is None or is_expired(client, rules, now):
        return Entry(now, now, 1, now)
    if 0 <= now - client.counted < rules.auto_whitelist_interval:
        return None
    return Entry(client.first_seen, now, client.passes + 1, now)
