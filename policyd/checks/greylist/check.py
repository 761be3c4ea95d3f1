"""The check: it names a mail and whoever may have sent it, asks the store, and words the answer.

Law: everything that may be deferred is remembered first; the store does both in one step. Who is not greylisted at all
(trusted networks, logins, other states than RCPT) is the chain's business. With its options of postgrey, behaviour is
postgrey 1.37's; docs/greylist.md lists every difference.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from policyd.checks.greylist import reply
from policyd.checks.greylist.learning import Learning
from policyd.checks.greylist.settings import Settings
from policyd.checks.greylist.suspicion import suspect
from policyd.checks.tools import Tools
from policyd.model.action import DUNNO, Action, clean_text
from policyd.model.address import Address
from policyd.model.evidence import NO_EVIDENCE, Evidence, SpfEvidence
from policyd.model.greylist import Change, GreylistStore, Identities, Observation, Outcome, Rules, Triplet
from policyd.model.identity import RegisteredDomain, identity_of_name
from policyd.model.request import PolicyRequest
from policyd.model.sender import normalise_sender
from policyd.model.verdict import Check, Reason, Verdict

REASONS: Final[dict[Outcome, Reason]] = {
    "new": "new",
    "early": "early-retry",
    "passed": "triplet found",
    "known": "triplet found",
    "auto-whitelisted": "client AWL",
    "group": "domain AWL",
    "reply": "reply",
    "crowded": "network limit",
    "crowd passed": "network limit",
    "trapped": "spam trap",
}
PASSES: Final = {
    "known": Verdict(DUNNO, "triplet found"),
    "auto-whitelisted": Verdict(DUNNO, "client AWL"),
    "group": Verdict(DUNNO, "domain AWL"),
    "reply": Verdict(DUNNO, "reply"),
    "crowd passed": Verdict(DUNNO, "network limit"),
}
NOBODY: Final = frozenset[str]()
"""What a verdict exempts from that is the last word."""
DEFERRED: Final = frozenset({"new", "early", "crowded"})
NO_ADDRESS: Final = Verdict(DUNNO, "no client address", final=False)
INCOMPLETE: Final = Verdict(DUNNO, "incomplete request", final=False)
NULL_SENDER: Final = Verdict(DUNNO, "null sender", final=False)

REMEMBERED_MESSAGES: Final = 4096
"""Messages of which one recipient has passed. The others follow within seconds."""


class _Peek:
    """A store that is only looked into."""

    def __init__(self, store: GreylistStore) -> None:
        self.observe = self.peek = store.peek

    def amend(self, keys: Sequence[Triplet], change: Change) -> None:
        """Change nothing."""


@dataclass(frozen=True, slots=True)
class Greylist:
    """The check. `name` is its name in the configuration and in the metrics."""

    settings: Settings
    rules: Rules
    store: GreylistStore
    registered_domain: RegisteredDomain
    hostname: str
    version: str
    constant: Action | None
    """The deferral, where its text is the same for everybody: most of what comes is told nothing else."""
    learning: Learning
    name: str = "greylist"
    _through: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Instances of messages of which one recipient has passed."""

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """Judge one recipient of one mail; an awaitable only if the store has to wait. Raises Unavailable."""
        address = request.client_address
        if address is None:
            return NO_ADDRESS
        # An empty sender is the null sender; one that Postfix did not name at all is unknown.
        if not request.recipient or (not request.sender and "sender" not in request.attributes):
            return INCOMPLETE
        if not request.sender and self._leaves_bounces(request.protocol_state):
            return NULL_SENDER
        prefix = self.settings.ipv4_prefix if address.version == 4 else self.settings.ipv6_prefix
        # What Triplet(...) does, without a Python frame: this runs for every recipient of every mail.
        triplet = tuple.__new__(
            Triplet, (address.network(prefix), normalise_sender(request.sender), request.recipient.lower())
        )
        why = ""
        if self.settings.traps and self.learning.is_trap(triplet.recipient):
            self.learning.note_trap(triplet, evidence, now)
        if self.settings.when == "suspicious":
            suspicion = suspect(request, evidence, self.learning.providers, self.registered_domain)
            why = str(suspicion)
            if suspicion.score < self.settings.suspicious_at:
                return Verdict(DUNNO, "not suspicious", why=why)
        others: Identities | None = None
        if self.settings.identities and (request.client_name != "unknown" or evidence is not NO_EVIDENCE):
            others = partial(self.identities, request.client_name, address, evidence.spf)
        answer = self.store.observe(triplet, self.rules, now, others)
        if isinstance(answer, Observation):
            return self._verdict(answer, request, triplet, now, why)
        return _later(answer, partial(self._verdict, request=request, triplet=triplet, now=now, why=why))

    def identities(self, name: str, address: Address, spf: SpfEvidence | None) -> tuple[str, ...]:
        """The domain for which SPF passes and that of the host name, the stronger first; often they are one."""
        wanted, domains = self.settings.identities, []
        if spf is not None and "spf" in wanted:
            domains.append(spf.identity)
        if "name" in wanted:
            domains.append(identity_of_name(name, address, self.registered_domain))
        return tuple(dict.fromkeys(filter(None, domains)))

    def peek(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """What `evaluate` would say; nothing is remembered. Raises Unavailable."""
        store = _Peek(self.store)
        blind = replace(self, store=store, learning=Learning(self.settings, store), _through=self._through.copy())
        return blind.evaluate(request, evidence, now)

    def saw_outbound(self, request: PolicyRequest, now: int) -> None:
        """A user of ours writes to somebody (Witness)."""
        self.learning.note_outbound(request, now)

    def saw_rejection(self, request: PolicyRequest, evidence: Evidence, now: int) -> None:
        """A list refused this client (Witness)."""
        address = request.client_address
        if address is None:
            return
        prefix = self.settings.ipv4_prefix if address.version == 4 else self.settings.ipv6_prefix
        names = self.identities(request.client_name, address, evidence.spf)
        self.learning.note_rejection((address.network(prefix), *names), now)

    @property
    def asks_at_data(self) -> bool:
        """Whether it must be asked about bounces at DATA, too (Witness)."""
        return self.settings.null_sender == "data"

    def _leaves_bounces(self, state: str) -> bool:
        wanted = self.settings.null_sender
        return wanted == "never" or (wanted == "data" and state != "DATA")

    def _verdict(self, seen: Observation, request: PolicyRequest, triplet: Triplet, now: int, why: str) -> Verdict:
        outcome, seconds, commit = seen
        if commit is None and outcome in PASSES and not why:  # most of the mail that is worth having
            return PASSES[outcome]
        if outcome in DEFERRED:
            if request.instance in self._through:
                return self._ride_along(triplet, now, why)
            action = self.constant or reply.deferral(
                self.settings.action, self.settings.text, seconds, request.recipient
            )
        elif outcome == "passed":
            self._note_through(request.instance)
            action = self._header(seconds, now) if self.settings.header else DUNNO
        else:
            action = reply.TRAP_REFUSAL if outcome == "trapped" else DUNNO
        # What Verdict(...) does, without a Python frame: this runs for all new mail.
        return tuple.__new__(
            Verdict, (action, REASONS[outcome], True, seconds, commit, NOBODY, "", NO_EVIDENCE, None, why)
        )

    def _header(self, seconds: int, now: int) -> Action:
        return reply.header(self.settings.header_text, seconds, self.version, self.hostname, now)

    def _note_through(self, instance: str) -> None:
        if not instance or not self.settings.whole_messages:
            return
        self._through[instance] = None
        if len(self._through) > REMEMBERED_MESSAGES:
            self._through.popitem(last=False)

    def _ride_along(self, triplet: Triplet, now: int, why: str) -> Verdict:
        """Let the recipient pass: the client has served the delay for another one of the same message.

        Else Postfix cuts off a message with many recipients at its error limit, try after try.
        """
        commit = self.store.amend([triplet], lambda entry: entry and entry._replace(last_seen=now, passes=1))
        return Verdict(DUNNO, "same message", commit=commit, why=why)


async def _later(answer: Awaitable[Observation], verdict: Callable[[Observation], Verdict]) -> Verdict:
    return verdict(await answer)


def build(settings: Settings, tools: Tools) -> Check:
    """The check with these settings."""
    hostname, version = clean_text(tools.hostname, 253), clean_text(tools.version, 32)
    has_values = reply.TEXT_WORD.search(settings.text)
    constant = None if has_values else reply.deferral(settings.action, settings.text, 0, "")
    learning = Learning(settings, tools.store)
    return Greylist(
        settings, settings.rules(), tools.store, tools.registered_domain, hostname, version, constant, learning
    )
