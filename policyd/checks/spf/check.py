"""The check: who is asked about, and the verdict on the answers.

Law: what is known already is judged at once, without a task. HELO and MAIL FROM share one deadline. Before mail is
harmed it is asked whether a forwarder, or the sender's own DMARC policy, explains the result; whatever cannot be found
out by then speaks for the mail.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from policyd.checks.spf.excuses import Excuses
from policyd.checks.spf.forwarders import Forwarders
from policyd.checks.spf.headers import Subject, make_header
from policyd.checks.spf.inquiry import Inquiry
from policyd.checks.spf.judgement import HARMFUL, Opinion, deciding, opinion, shown
from policyd.checks.spf.messages import Messages
from policyd.checks.spf.reply import reason_of, refusal
from policyd.checks.spf.settings import HeaderKind, Settings
from policyd.checks.tools import Tools
from policyd.checks.wiring import Wiring
from policyd.model.action import DUNNO, Action, clean_text
from policyd.model.address import Address
from policyd.model.dns import Resolver
from policyd.model.evidence import Evidence, SpfEvidence
from policyd.model.request import PolicyRequest
from policyd.model.spf import SpfAnswer, SpfEvaluator, SpfIdentity, SpfQuestion
from policyd.model.verdict import NO_OPINION, Check, Reason, Verdict
from policyd.tables.networks import NetworkSet

NO_ADDRESS: Final = Verdict(DUNNO, "no client address", final=False)
OTHER_HEADER: Final[dict[HeaderKind, HeaderKind]] = {
    "received-spf": "authentication-results",
    "authentication-results": "received-spf",
    "none": "none",
}


@dataclass(slots=True)
class SpfCounts:
    """What was judged since the start."""

    results: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answers by identity and result."""
    known: int = 0
    """Those of them that nothing had to be asked for."""


class Spf:
    """The check."""

    name: Final = "spf"

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        evaluator: SpfEvaluator,
        hostname: str,
        say: Callable[[str], object],
    ) -> None:
        self.settings = settings
        self.evaluator = evaluator
        self.counts = SpfCounts()
        self._resolver = resolver
        self._hostname = clean_text(hostname, 253)
        self._say = say
        self._forwarders = Forwarders(settings, resolver, evaluator)
        self._messages = Messages()
        self._skipped = NetworkSet(settings.skip_networks)
        self._wiring = Wiring("spf", "nobody can be judged")
        self._asks_helo = not settings.helo.is_idle

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """Judge one request, at once if everything is known."""
        address = request.client_address
        if address is None:
            return self._unjudged(NO_ADDRESS, request)
        if address in self._skipped:
            if said := self._wiring.see_private(address.text, request.helo_name):
                self._say(said)
            return self._unjudged(NO_OPINION, request)
        self._wiring.see_public()
        opinions: list[Opinion] = []
        identities = self.identities(request)
        for place, identity in enumerate(identities):
            answer = self.evaluator.known(self.question(request, identity))
            if answer is None:
                return self._remembered(request) or self._sought(request, opinions, identities[place:])
            self.counts.known += 1
            opinions.append(self._opinion(request, identity, answer))
            if self._is_enough(opinions):
                break
        if not self._must_ask(request, opinions):
            return self._judged(request, opinions)
        return self._remembered(request) or self._sought(request, opinions, ())

    def judges(self, address: Address) -> bool:
        """Whether clients of this address are judged at all."""
        return address not in self._skipped

    @property
    def wiring_mistake(self) -> str:
        """The sentence about a gateway that stands in place of all clients, "" if there is none."""
        return self._wiring.mistake

    def identities(self, request: PolicyRequest) -> tuple[SpfIdentity, ...]:
        """Who is asked about, in this order (RFC 7208 2.3): the HELO name stands in for the null sender (2.4)."""
        if not request.sender:
            return ("helo",)
        return ("helo", "mailfrom") if self._asks_helo else ("mailfrom",)

    def question(self, request: PolicyRequest, identity: SpfIdentity) -> SpfQuestion:
        """What is asked about an identity of a client that has an address."""
        assert request.client_address is not None  # noqa: S101 - nobody else is judged
        return SpfQuestion(request.client_address, request.helo_name, request.sender if identity == "mailfrom" else "")

    def _opinion(self, request: PolicyRequest, identity: SpfIdentity, answer: SpfAnswer) -> Opinion:
        return opinion(self.settings, identity, answer, is_null=not request.sender)

    def _is_enough(self, opinions: Sequence[Opinion]) -> bool:
        """Whether the mail is refused whatever else is asked about."""
        return bool(opinions) and opinions[-1].sentence == "reject" and not self._forwarders.exist

    def _must_ask(self, request: PolicyRequest, opinions: Sequence[Opinion]) -> bool:
        decided = deciding(opinions)
        if decided.sentence not in HARMFUL or self._is_other_header(request):
            return False
        assert request.client_address is not None  # noqa: S101 - nobody else is judged
        if self._forwarders.know(request, request.client_address):
            return False
        return self._forwarders.must_ask or any(opinion.may_leave_to_dmarc for opinion in opinions)

    def _remembered(self, request: PolicyRequest) -> Verdict | None:
        """The verdict if it was waited for already, for a recipient before."""
        opinions = self._messages.get(request)
        return self._judged(request, opinions) if opinions else None

    def _sought(
        self, request: PolicyRequest, opinions: list[Opinion], identities: Sequence[SpfIdentity]
    ) -> Awaitable[Verdict]:
        """The verdict, after `identities` were asked about, all at once: mail waits. The first is not known."""
        excuses = Excuses(self._forwarders, self._resolver, request, self.settings.deadline)
        inquiry = Inquiry(self.evaluator, self.settings.deadline, partial(self._weighed, request, excuses))
        for place, identity in enumerate(identities):
            question = self.question(request, identity)
            inquiry.add(identity, question, self.evaluator.known(question) if place else None)
        return self._later(request, opinions, inquiry, excuses)

    def _weighed(self, request: PolicyRequest, excuses: Excuses, identity: SpfIdentity, answer: SpfAnswer) -> Opinion:
        """The opinion on an answer, which may come before it is its turn: what may excuse the mail is looked for."""
        opinion = self._opinion(request, identity, answer)
        if self._must_ask(request, [opinion]):
            excuses.look_for(opinion)
        return opinion

    async def _later(
        self, request: PolicyRequest, opinions: list[Opinion], inquiry: Inquiry, excuses: Excuses
    ) -> Verdict:
        """What is not known yet, then the verdict."""
        try:
            for identity in inquiry.identities:
                opinions.append(await inquiry.opinion(identity))
                if self._is_enough(opinions):
                    break
            if must_ask := self._must_ask(request, opinions):
                opinions = await excuses.soften(opinions)
        finally:
            inquiry.cancel()
            excuses.close()
        # What the evaluator remembers is not kept here as well: freeing it later cost each new mail 4 % (measured).
        if must_ask or not (self._lasts(opinions) or self._is_other_header(request)):
            self._messages.put(request, opinions)
        return self._judged(request, opinions)

    def _lasts(self, opinions: Sequence[Opinion]) -> bool:
        """Whether the evaluator remembers all that the opinions rest on."""
        return self.settings.cache_time > 0 and all(opinion.answer.ttl for opinion in opinions)

    def _judged(self, request: PolicyRequest, opinions: Sequence[Opinion]) -> Verdict:
        if self._is_other_header(request):
            other = self._header(request, OTHER_HEADER[self.settings.header], opinions)
            return Verdict(*other, final=True)
        for each in opinions:
            self.counts.results[each.identity, each.answer.result] += 1
        address = request.client_address
        if address is not None and self._forwarders.know(request, address):
            opinions = [opinion.softened() for opinion in opinions]
        decided = deciding(opinions)
        if decided.sentence in ("reject", "defer"):
            return Verdict(refusal(self.settings, decided, request), reason_of(decided.answer.result))
        learned = _learned(opinions[-1].answer, is_suspect=decided.sentence == "greylist")
        header = self._header(request, self.settings.header, opinions)
        return Verdict(*header, final=False, evidence=Evidence(spf=learned))

    def _header(self, request: PolicyRequest, kind: HeaderKind, opinions: Sequence[Opinion]) -> tuple[Action, Reason]:
        """The header, if there is one, and why."""
        told = shown(opinions)
        if told is None or request.client_address is None:
            return NO_OPINION[:2]
        subject = Subject(told.identity, request.client_address.text, request.sender, request.helo_name, self._hostname)
        header = make_header(kind, told.answer, subject)
        return NO_OPINION[:2] if header is None else (header, "tagged")

    def _unjudged(self, verdict: Verdict, request: PolicyRequest) -> Verdict:
        """The second service is for its header, and no check behind this one is asked twice."""
        return verdict._replace(final=True) if self._is_other_header(request) else verdict

    def _is_other_header(self, request: PolicyRequest) -> bool:
        context = self.settings.second_header_context
        return bool(context) and request.policy_context == context


def _learned(answer: SpfAnswer, *, is_suspect: bool) -> SpfEvidence:
    return SpfEvidence(
        answer.result,
        answer.domain,
        answer.mechanism,
        is_wide=answer.is_wide,
        is_temporary=answer.result == "temperror",
        is_suspect=is_suspect,
        is_secure=answer.is_secure,
    )


def build(settings: Settings, tools: Tools) -> Check:
    """The check. What the former one counted goes on."""
    check = Spf(settings, tools.resolver, tools.spf(settings.limits()), tools.hostname, tools.say)
    if isinstance(tools.former, Spf):
        check.counts = tools.former.counts
    return check
