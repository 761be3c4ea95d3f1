"""What a check says of a request, and what the chain makes of it.

Law: a reason is a word of the fixed set below, because it is a label of the metrics and a word of the log.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple, Protocol, runtime_checkable

from policyd.model.action import DUNNO, Action
from policyd.model.evidence import NO_EVIDENCE, Evidence
from policyd.model.request import PolicyRequest

Reason = Literal[
    # postgrey's words, so that scripts which read postgrey's log read ours
    "new", "early-retry", "triplet found", "client AWL", "client whitelist", "recipient whitelist",
    # what postgrey has no lists for
    "helo whitelist", "sender whitelist", "blacklist", "listed", "allow list unknown", "tagged", "allow list",
    "spf fail", "spf error", "spf temporary error",
    "domain AWL", "reply", "same message", "network limit", "spam trap", "not suspicious", "null sender",
    # why there was no opinion at all
    "no check objected", "not a recipient", "authenticated", "trusted network", "no client address",
    "incomplete request",
    # something of ours failed; mail goes on
    "unavailable", "deadline", "fault",
]  # fmt: skip


class Commit(Protocol):
    """The pending write a verdict rests on: no answer may leave before it is done (promise 2)."""

    def then(self, done: Callable[[bool], None]) -> None:
        """Call `done(True)` once the write is committed, `done(False)` if it failed."""


class Would(NamedTuple):
    """What a check in shadow mode would have had."""

    action: Action
    check: str
    reason: Reason


class Verdict(NamedTuple):
    """A check's opinion of one request."""

    action: Action
    reason: Reason
    final: bool = True
    """Whether later checks need not be asked."""
    delay: int = 0
    """Seconds: since the first try when a mail passes, still to wait when it is deferred."""
    commit: Commit | None = None
    exempt: frozenset[str] = frozenset()
    """Names of checks that need not be asked about this request any more (of a verdict that is not final)."""
    match: str = ""
    """What of a list it rests on: ``FILE:LINE: ENTRY``, or DNS lists and their points."""
    evidence: Evidence = NO_EVIDENCE
    """What this check learned, its own field only (of a verdict that is not final)."""
    would: Would | None = None
    """What would be done if the check were not in shadow mode."""
    why: str = ""
    """What it rests on, in words of ours."""


NO_OPINION: Final = Verdict(DUNNO, "no check objected", final=False)


class Decision(NamedTuple):
    """The chain's answer to one request."""

    action: Action
    check: str
    """The check that decided; "chain" when none was asked."""
    reason: Reason
    delay: int
    id: str
    """Eight hexadecimal digits: in the log line, and in the text of every refusal."""
    commit: Commit | None = None
    match: str = ""
    """What of a list decided: ``FILE:LINE: ENTRY``, or DNS lists and their points."""
    would: Would | None = None
    """What would have been done without shadow mode, if that is something else."""
    policy: str = ""
    """The ``[[policy]]`` that said which checks are asked: its name, and where it stands."""
    why: str = ""
    """What the verdict rests on, in words of ours."""

    def failed(self, reason: Reason) -> "Decision":
        """What is answered when this decision cannot stand: no opinion."""
        return self._replace(action=DUNNO, reason=reason, commit=None)


class Check(Protocol):
    """A judge. It knows no clock, no log and no metric: the chain counts and times."""

    @property
    def name(self) -> str:
        """The check's name in `[chain] checks`, and its label in the metrics."""

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """Judge `request` at `now` (seconds since the epoch), knowing what the checks before learned.

        Raises Unavailable when it cannot.
        A check that need not wait answers at once; only one that must wait for the network returns an awaitable.
        """


@runtime_checkable
class Witness(Protocol):
    """A check that learns from mail it is not asked about. Nobody waits for it, and it raises nothing."""

    @property
    def asks_at_data(self) -> bool:
        """Whether it must be asked about the null sender's mail at DATA, too."""

    def saw_outbound(self, request: PolicyRequest, now: int) -> None:
        """Somebody who logged in, or a trusted network, sends mail through the service for outgoing mail."""

    def saw_rejection(self, request: PolicyRequest, evidence: Evidence, now: int) -> None:
        """A list refused this client."""
