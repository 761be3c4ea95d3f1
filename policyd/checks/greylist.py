"""Greylisting: a client never seen with this sender and this recipient is asked to come back.

Law: everything that may be deferred is remembered first; the store does both in one step, this file only names the
triplet and words the answer. Who is not greylisted at all (trusted networks, logins, other states than RCPT) is the
chain's business. Behaviour is postgrey 1.37's; docs/greylist.md lists every difference.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache, partial
from typing import Final, Literal

from policyd.checks.tools import Tools
from policyd.model.action import DUNNO, Action, clean_text
from policyd.model.address import Address
from policyd.model.evidence import NO_EVIDENCE, Evidence, SpfEvidence
from policyd.model.greylist import GreylistStore, Identities, Observation, Outcome, Rules, Triplet
from policyd.model.identity import RegisteredDomain, identity_of_name
from policyd.model.request import PolicyRequest
from policyd.model.sender import normalise_sender
from policyd.model.units import Seconds
from policyd.model.verdict import Check, Reason, Verdict

DAY: Final = 86400
TEXT_LIMIT: Final = 400
"""Characters of deferral text; the chain puts a decision id behind it."""

REASONS: Final[dict[Outcome, Reason]] = {
    "new": "new",
    "early": "early-retry",
    "passed": "triplet found",
    "known": "triplet found",
    "auto-whitelisted": "client AWL",
}
PASSES: Final = {
    "known": Verdict(DUNNO, "triplet found"),
    "auto-whitelisted": Verdict(DUNNO, "client AWL"),
}
NO_ADDRESS: Final = Verdict(DUNNO, "no client address", final=False)
INCOMPLETE: Final = Verdict(DUNNO, "incomplete request", final=False)

_ACTION = re.compile(r"DEFER_IF_PERMIT|DEFER|4[0-9]{2}", re.ASCII)
_STATUS = re.compile(r"([0-9])\.[0-9]{1,3}\.[0-9]{1,3}(?: |$)", re.ASCII)
_TEXT_WORD = re.compile("%[sr]")
_HEADER_WORD = re.compile("%[tvhd]")
# The longest values the header's placeholders can have: max_age has 10 digits at most, a host name 253 (RFC 1035).
_LONGEST: Final = {"%t": "9" * 10, "%v": "v" * 32, "%h": "h" * 253, "%d": "Sun, 22 Nov 2026 18:00:00 +0000"}


def _between(low: int, high: int) -> dict[str, int]:
    """The range of an option, as field metadata; config.py enforces it."""
    return {"min": low, "max": high}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `[greylist]`. Raises ValueError, ``option: what is wrong``, when they contradict each other."""

    delay: Seconds = field(default=Seconds(240), metadata=_between(0, DAY))
    """Least time between the first try and the one that passes; 0 lets every mail pass and only keeps the book."""
    retry_window: Seconds = field(default=Seconds(2 * DAY), metadata=_between(60, 30 * DAY))
    """How long a first try is remembered while nobody comes back."""
    max_age: Seconds = field(default=Seconds(35 * DAY), metadata=_between(DAY, 3650 * DAY))
    """How long a triplet or client that passed is remembered after its last mail."""
    ipv4_prefix: int = field(default=24, metadata=_between(8, 32))
    ipv6_prefix: int = field(default=64, metadata=_between(16, 128))
    identities: tuple[Literal["spf", "name"], ...] = field(default=("spf", "name"), metadata={"unique": True})
    """What makes a client the same one in another network: ``spf``, the domain for which SPF passes; ``name``, the
    domain of its verified host name. None: only its network counts."""
    auto_whitelist_clients: int = field(default=5, metadata=_between(0, 1000))
    """So many triplets of a network must pass before it is not greylisted any more; 0: never."""
    auto_whitelist_interval: Seconds = field(default=Seconds(3600), metadata=_between(0, 30 * DAY))
    """At most one pass is counted in this time; 0 counts every one."""
    action: str = "DEFER_IF_PERMIT"
    """Or ``DEFER``, or a code such as ``451``."""
    text: str = "Greylisted, please try again later"
    """What the client is told; ``%s`` is the seconds left, ``%r`` the recipient's domain."""
    header: bool = True
    """Whether the mail that passes first says in its header how long it was delayed."""
    header_text: str = "X-Greylist: delayed %t seconds by policyd-%v at %h; %d"
    """``%t`` seconds, ``%v`` our version, ``%h`` this host, ``%d`` the date."""

    def __post_init__(self) -> None:
        """Refuse what each option alone cannot show."""
        if self.delay > self.retry_window:
            raise ValueError("delay: longer than retry_window, so no retry could ever pass; shorten it")
        if self.auto_whitelist_interval > self.max_age:
            raise ValueError("auto_whitelist_interval: longer than max_age, so no client could ever reach its count")
        if not _ACTION.fullmatch(self.action):
            raise ValueError(f"action: {self.action!r} does not defer; write DEFER_IF_PERMIT, DEFER or a code like 451")
        if problem := _text_problem(self.text):
            raise ValueError(f"text: {problem}")
        if problem := _problem("PREPEND", _fill(_HEADER_WORD, self.header_text, _LONGEST)):
            raise ValueError(f"header_text: {problem}")

    def rules(self) -> Rules:
        """The settings that the store judges by."""
        return Rules(
            self.delay, self.retry_window, self.max_age, self.auto_whitelist_clients, self.auto_whitelist_interval
        )


def _text_problem(text: str) -> str:
    status = _STATUS.match(text)
    if status and status[1] != "4":
        return f"{text!r} starts with the status of another answer; start with 4.2.0 or without one"
    # fail2ban's stock filter bans who is told so, and that would be every honest server that retries.
    if text[status.end() if status else 0 :].lower().startswith("service unavailable"):
        return 'must not begin with "Service unavailable": fail2ban bans clients that are told so'
    if len(_worded(text)) > TEXT_LIMIT:
        return f"at most {TEXT_LIMIT} characters can be sent"
    return _problem("DEFER", _fill(_TEXT_WORD, text, {"%s": str(DAY), "%r": "example.org"}))


def _problem(verb: str, text: str) -> str:
    try:
        Action(verb, text)
    except ValueError as error:
        return str(error)
    return ""


def _fill(words: re.Pattern[str], template: str, values: dict[str, str]) -> str:
    """`template` with every placeholder replaced in one pass, so that no value can bring in another placeholder."""
    return words.sub(lambda word: values[word[0]], template)


def _worded(text: str) -> str:
    """`text` with an enhanced status code (RFC 3463) in front; postgrey's 4.2.0 unless the administrator chose one."""
    return text if _STATUS.match(text) else f"4.2.0 {text}"


class _Peek:
    """A store that is only looked into."""

    def __init__(self, store: GreylistStore) -> None:
        self.observe = self.peek = store.peek
        self.amend = store.amend


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
    name: str = "greylist"

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """Judge one recipient of one mail; an awaitable only if the store has to wait. Raises Unavailable."""
        address = request.client_address
        if address is None:
            return NO_ADDRESS
        # An empty sender is the null sender; one that Postfix did not name at all is unknown.
        if not request.recipient or (not request.sender and "sender" not in request.attributes):
            return INCOMPLETE
        prefix = self.settings.ipv4_prefix if address.version == 4 else self.settings.ipv6_prefix
        # What Triplet(...) does, without a Python frame: this runs for every recipient of every mail.
        triplet = tuple.__new__(
            Triplet, (address.network(prefix), normalise_sender(request.sender), request.recipient.lower())
        )
        others: Identities | None = None
        if self.settings.identities and (request.client_name != "unknown" or evidence is not NO_EVIDENCE):
            others = partial(self._identities, request.client_name, address, evidence.spf)
        answer = self.store.observe(triplet, self.rules, now, others)
        if isinstance(answer, Observation):
            return self._verdict(answer, request.recipient, now)
        return _later(answer, partial(self._verdict, recipient=request.recipient, now=now))

    def _identities(self, name: str, address: Address, spf: SpfEvidence | None) -> tuple[str, ...]:
        """The domain for which SPF passes and that of the host name, the stronger first; often they are one."""
        wanted, domains = self.settings.identities, []
        if spf is not None and "spf" in wanted:
            domains.append(spf.identity)
        if "name" in wanted:
            domains.append(identity_of_name(name, address, self.registered_domain))
        return tuple(dict.fromkeys(filter(None, domains)))

    def peek(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """What `evaluate` would say; nothing is remembered. Raises Unavailable."""
        return replace(self, store=_Peek(self.store)).evaluate(request, evidence, now)

    def _verdict(self, seen: Observation, recipient: str, now: int) -> Verdict:
        outcome, seconds, commit = seen
        if commit is None and outcome in PASSES:  # most of the mail that is worth having
            return PASSES[outcome]
        if outcome in ("new", "early"):
            action = self.constant or _deferral(self.settings, seconds, recipient)
        elif outcome == "passed" and self.settings.header:
            action = self._header(seconds, now)
        else:
            action = DUNNO
        return Verdict(action, REASONS[outcome], delay=seconds, commit=commit)

    def _header(self, seconds: int, now: int) -> Action:
        values = {"%t": str(seconds), "%v": self.version, "%h": self.hostname, "%d": _date(now)}
        return Action("PREPEND", _fill(_HEADER_WORD, self.settings.header_text, values))


@lru_cache(maxsize=8)
def _date(now: int) -> str:
    """The second `now` in local time as RFC 5322 3.3 writes it."""
    return format_datetime(datetime.fromtimestamp(now).astimezone())


def _deferral(settings: Settings, seconds: int, recipient: str) -> Action:
    values = {"%s": str(seconds), "%r": clean_text(recipient.rpartition("@")[2])}
    text = _fill(_TEXT_WORD, _worded(settings.text), values)
    return Action(settings.action, clean_text(text, TEXT_LIMIT))


async def _later(answer: Awaitable[Observation], verdict: Callable[[Observation], Verdict]) -> Verdict:
    return verdict(await answer)


def build(settings: Settings, tools: Tools) -> Check:
    """The check with these settings."""
    hostname, version = clean_text(tools.hostname, 253), clean_text(tools.version, 32)
    constant = None if _TEXT_WORD.search(settings.text) else _deferral(settings, 0, "")
    return Greylist(settings, settings.rules(), tools.store, tools.registered_domain, hostname, version, constant)
