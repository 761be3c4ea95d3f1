"""Whether a list can be believed: a state machine fed with findings of probes, time as an argument.

Law: a list is not believed before it passed its first probe, and never longer than `BELIEVED` after its last one. A
list that says what no list says is parked at once; one that is empty or silent at the second time. Parked lists are
not asked, and come back with the first good probe, but not while caches may still repeat what they said wrongly.
"""

from typing import Final, Literal

Finding = Literal["good", "lists all", "refused", "strange", "empty", "silent"]
"""What a probe found. ``strange``: it answers what is no list's answer. ``empty``: the test point is not listed."""
Change = Literal["parked", "back"]

INTERVAL: Final = 600
"""Seconds between two probes of a list that is well."""
FRESH: Final = 5
"""Seconds for which a good probe is proof enough for its listings."""
LONGEST_MEMORY: Final = 3600
"""Seconds for which caches may repeat what a list said wrongly, whatever TTL it gave."""
BELIEVED: Final = 3600
"""Seconds for which it counts while later probes get no answer."""
AGAIN: Final = 30
"""Seconds until the probe after the first one that failed, and always of a list that is silent: it may be the line."""
APART: Final = 5
"""Two failures within so many seconds are one: a burst of lost packets parks nobody."""
FIRST_PAUSE: Final = 60
"""Seconds until a parked list is probed; twice as many after each failure, `INTERVAL` at most."""
ALLOWED_FAILURES: Final = 1

LIES: Final = frozenset({"lists all", "refused", "strange"})


class Health:
    """What is known of one list's health. The clock may jump: only differences near to now are trusted."""

    __slots__ = ("_failed_at", "_failures", "_repeated_until", "finding", "good_at", "parked", "probe_at", "since")

    def __init__(self) -> None:
        self.parked = False
        self.finding: Finding | None = None
        """What the last probe found; None before the first one."""
        self.good_at: int | None = None
        self.since = 0
        """When it was parked or came back."""
        self.probe_at = 0
        """When the next probe is due."""
        self._failures = 0
        self._failed_at = 0
        self._repeated_until = 0

    def take(self, finding: Finding, now: int, ttl: int = 0) -> Change | None:
        """Note what a probe found at `now`; what changed by it. `ttl`: for how long caches keep what was wrong."""
        previous, self.finding = self.parked, finding
        if ttl:
            self._repeated_until = now + min(ttl, LONGEST_MEMORY)
        if finding == "good":
            self._passed(now)
        else:
            self._failed(finding, now)
        if self.parked == previous:
            return None
        self.since = now
        return "parked" if self.parked else "back"

    def suspect(self, now: int) -> None:
        """Something in an answer was wrong: probe soon."""
        if not self.parked and (not self._failures or abs(now - self._failed_at) >= APART):
            self.probe_at = min(self.probe_at, now)

    def is_due(self, now: int) -> bool:
        """Whether to probe now. A time too far ahead was set by a clock that was wrong."""
        return now >= self.probe_at or self.probe_at - now > INTERVAL

    def wants_proof(self, now: int) -> bool:
        """Whether a probe must come before its listings count; not while one has just failed."""
        has_just_failed = self._failures > 0 and abs(now - self._failed_at) < APART
        is_fresh = self.good_at is not None and 0 <= now - self.good_at < FRESH
        return not (self.parked or is_fresh or has_just_failed)

    def is_believed(self, now: int) -> bool:
        """Whether its listings may count, if no newer proof can be had."""
        return not self.parked and self.good_at is not None and 0 <= now - self.good_at < BELIEVED

    def _passed(self, now: int) -> None:
        if self.parked and 0 < self._repeated_until - now <= LONGEST_MEMORY:
            self.probe_at = min(self._repeated_until, now + INTERVAL)
            return
        self.parked, self._failures, self.good_at, self.probe_at = False, 0, now, now + INTERVAL

    def _failed(self, finding: Finding, now: int) -> None:
        if self._failures and abs(now - self._failed_at) < APART and finding not in LIES:
            return
        self._failures += 1
        self._failed_at = now
        if finding in LIES or self._failures > ALLOWED_FAILURES:
            self._failures = max(self._failures, ALLOWED_FAILURES + 1)
            self.parked = True
        if self.parked and finding != "silent":
            doublings = min(self._failures - ALLOWED_FAILURES - 1, 10)
            self.probe_at = now + min(FIRST_PAUSE << doublings, INTERVAL)
        else:
            self.probe_at = now + AGAIN
