"""The check: who is asked about, and the verdict on the answers.

Law: what is known already is judged at once, without a task. HELO and MAIL FROM share one deadline. Before mail is
harmed it is asked whether a forwarder, or the sender's own DMARC policy, explains the result; whatever cannot be found
out by then speaks for the mail.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from policyd.checks.spf.excuses import Excuses
from policyd.checks.spf.forwarders import Forwarders
from policyd.checks.spf.headers import Subject, make_header
from policyd.checks.spf.judgement import HARMFUL, Opinion, deciding, opinion, shown
from policyd.checks.spf.messages import Messages
from policyd.checks.spf.reply import reason_of, refusal
from policyd.checks.spf.settings import HeaderKind, Settings
from policyd.checks.tools import Tools
from policyd.checks.wiring import Wiring
from policyd.model.action import DUNNO, clean_text
from policyd.model.address import Address
from policyd.model.dns import Resolver
from policyd.model.evidence import NO_EVIDENCE, Evidence, SpfEvidence
from policyd.model.request import PolicyRequest
from policyd.model.spf import SpfAnswer, SpfEvaluator, SpfIdentity, SpfQuestion
from policyd.model.verdict import NO_OPINION, Check, Verdict
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
        for identity in self.identities(request):
            answer = self.evaluator.known(self.question(request, identity))
            if answer is None:
                return self._remembered(request) or self._later(request, opinions)
            self.counts.known += 1
            opinions.append(self._opinion(request, identity, answer))
            if self._is_enough(opinions):
                break
        if not self._must_ask(request, opinions):
            return self._judged(request, opinions)
        return self._remembered(request) or self._later(request, opinions)

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

    async def _later(self, request: PolicyRequest, opinions: list[Opinion]) -> Verdict:
        """What is not known yet, then the verdict."""
        excuses = Excuses(self._forwarders, self._resolver, request, self.settings.deadline)
        try:
            await self._ask(request, opinions, excuses)
            if self._must_ask(request, opinions):
                opinions = await excuses.soften(opinions)
        finally:
            excuses.close()
        if not self._is_other_header(request):  # which nothing was softened for
            self._messages.put(request, opinions)
        return self._judged(request, opinions)

    async def _ask(self, request: PolicyRequest, opinions: list[Opinion], excuses: Excuses) -> None:
        """Add the opinions of the identities that are not known yet. Both are asked at once: mail waits."""
        identities = self.identities(request)[len(opinions) :]
        asked = [
            asyncio.ensure_future(self.evaluator.evaluate(self.question(request, identity), self.settings.deadline))
            for identity in identities
        ]
        for identity, answer in zip(identities[1:], asked[1:], strict=True):  # which come before it is their turn
            answer.add_done_callback(partial(self._foresee, request, identity, excuses))
        try:
            for identity, answer in zip(identities, asked, strict=True):
                opinions.append(self._opinion(request, identity, await answer))
                if self._is_enough(opinions):
                    return
        finally:
            for answer in asked:
                answer.cancel()

    def _foresee(
        self, request: PolicyRequest, identity: SpfIdentity, excuses: Excuses, answer: "asyncio.Future[SpfAnswer]"
    ) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        opinion = self._opinion(request, identity, answer.result())
        if self._must_ask(request, [opinion]):
            excuses.look_for(opinion)

    def _judged(self, request: PolicyRequest, opinions: Sequence[Opinion]) -> Verdict:
        if self._is_other_header(request):
            return self._header(request, OTHER_HEADER[self.settings.header], opinions)._replace(final=True)
        for each in opinions:
            self.counts.results[each.identity, each.answer.result] += 1
        address = request.client_address
        if address is not None and self._forwarders.know(request, address):
            opinions = [opinion.softened() for opinion in opinions]
        decided = deciding(opinions)
        if decided.sentence in ("reject", "defer"):
            return Verdict(refusal(self.settings, decided, request), reason_of(decided.answer.result))
        learned = _learned(opinions[-1].answer, is_suspect=decided.sentence == "greylist")
        return self._header(request, self.settings.header, opinions)._replace(
            evidence=NO_EVIDENCE._replace(spf=learned)
        )

    def _header(self, request: PolicyRequest, kind: HeaderKind, opinions: Sequence[Opinion]) -> Verdict:
        told = shown(opinions)
        if told is None or request.client_address is None:
            return NO_OPINION
        subject = Subject(told.identity, request.client_address.text, request.sender, request.helo_name, self._hostname)
        header = make_header(kind, told.answer, subject)
        return NO_OPINION if header is None else Verdict(header, "tagged", final=False)

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
