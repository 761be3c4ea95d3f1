"""The chain: checks in the order of the configuration until one has the last word.

Law: a check that cannot answer has no opinion, and no fault of ours ever becomes a rejection (promise 1). A chain is
never changed: reload builds a new one. It answers at once unless a check must wait for the network.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import perf_counter
from typing import Final, NamedTuple

from policyd.alarms import Alarms
from policyd.model.action import DUNNO, Action
from policyd.model.address import BITS
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Decision, Verdict, Witness, Would
from policyd.policies import Lineup, Plan

REMEMBERED_MESSAGES: Final = 4096
"""Messages whose header was added. Recipients of one message follow each other within seconds; postgrey keeps 10."""

# An odd step visits all 2**32 ids before one returns, and neighbours look different.
_ID_STEP: Final = 0x9E3779B1

Answer = Decision | Awaitable[Decision]


class Opinion(NamedTuple):
    """What counts of all that checks said of a request so far."""

    check: str
    verdict: Verdict
    evidence: Evidence
    """What all of them learned."""
    would: Would | None = None
    """What the first check in shadow mode that had a wish would have had."""
    policy: str = ""
    """The ``[[policy]]`` that says which checks are asked."""


NOT_A_RECIPIENT: Final = Verdict(DUNNO, "not a recipient")
AUTHENTICATED: Final = Verdict(DUNNO, "authenticated")
TRUSTED: Final = Verdict(DUNNO, "trusted network")
OUTBOUND: Final = "outbound"
"""The policy_context of the service that Postfix asks about outgoing mail."""
TAKES_TRUST: Final = frozenset({"blacklist", "rbl"})
"""Checks whose refusal takes away what a client has earned."""
NOBODY: Final = Opinion("chain", NO_OPINION, NO_EVIDENCE)
"""What is answered when no check has an opinion."""


class Chain:
    """Checks in their order (or the plan of who is asked when), and the clients that are asked nothing."""

    def __init__(
        self,
        checks: Sequence[Check] | Plan,
        trusted_networks: Iterable[str],
        on_unavailable: Callable[[str, Unavailable], None],
        first_id: int,
        *,
        is_shadow: bool = False,
        on_asked: Callable[[str, float, int], object] = lambda check, seconds, requests: None,
        patience: float = 7.0,
    ) -> None:
        """With `is_shadow` everything is decided as ever, and DUNNO answered.

        All checks of a request together may wait `patience` seconds; who would need more cannot answer.
        `on_asked` is told how long a check took for each of so many requests, its waiting included.
        """
        self._plan = checks if isinstance(checks, Plan) else Plan(tuple(checks))
        self._nobody = [NOBODY._replace(policy=name) for name in self._plan.names]
        self._trusted: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in trusted_networks:
            version, shift, bits = _mask(network)
            self._trusted[version].append((shift, bits))
        self._on_unavailable = on_unavailable
        self._id = first_id
        self._is_shadow = is_shadow
        self._on_asked = on_asked
        self._patience = patience
        self._alarms = Alarms()
        self._prepended: OrderedDict[str, None] = OrderedDict()
        self._witness = next((check for check in self._plan.checks() if isinstance(check, Witness)), None)
        self._asks_at_data = self._witness is not None and self._witness.asks_at_data

    def decide(self, requests: Sequence[PolicyRequest], now: int) -> list[Answer]:
        """Judge `requests` at `now` (seconds since the epoch); one check asks about all before the next one does.

        An answer is an awaitable only if a check must wait. What one check does for many requests in a row stays in
        the processor's caches; a fifth of the time of one request after the other (measured).
        """
        answers: list[Answer | None] = [self._excuse(request, now) for request in requests]
        winners = self._plan.winners(requests, now)
        opinions = [self._nobody[number] for number in winners]
        lineups = self._plan.lineups(winners, now)
        for stage in range(self._plan.stages):
            self._ask(stage, requests, now, answers, opinions, lineups)
        return [
            answer or self._decision(request, opinion[0], opinion[1], opinion)
            for request, answer, opinion in zip(requests, answers, opinions, strict=True)
        ]

    def _excuse(self, request: PolicyRequest, now: int) -> Decision | None:
        """The answer to a request that no check is asked about."""
        # Other states carry no recipient to judge; VRFY does arrive here (measured), and postgrey defers it.
        if request.protocol_state != "RCPT" and not self._is_bounce_at_data(request):
            return self._decision(request, "chain", NOT_A_RECIPIENT)
        address = request.client_address
        if request.sasl_username:
            return self._goes_out(request, AUTHENTICATED, now)
        if address is not None:
            for shift, bits in self._trusted[address.version]:
                if address.number >> shift == bits:
                    return self._goes_out(request, TRUSTED, now)
        return None

    def _goes_out(self, request: PolicyRequest, excuse: Verdict, now: int) -> Decision:
        """The answer to one of ours; whom he writes to may be learned."""
        if request.policy_context == OUTBOUND and self._witness is not None:
            self._witness.saw_outbound(request, now)
        return self._decision(request, "chain", excuse)

    def _is_bounce_at_data(self, request: PolicyRequest) -> bool:
        return self._asks_at_data and request.protocol_state == "DATA" and not request.sender

    def _ask(
        self,
        stage: int,
        requests: Sequence[PolicyRequest],
        now: int,
        answers: list[Answer | None],
        opinions: list[Opinion],
        lineups: list[Lineup],
        until: float | None = None,
    ) -> None:
        """Ask check number `stage` about all of `requests` that have no answer yet. Who waits does `until` then."""
        begun, asked, last = perf_counter(), 0, None
        for number, request in enumerate(requests):
            if answers[number] is not None or (check := lineups[number][stage]) is None:
                continue
            asked, last = asked + 1, check
            try:
                verdict = check.evaluate(request, opinions[number][2], now)
            except Unavailable as error:
                opinions[number] = self._unavailable(check, error, opinions[number])
                continue
            if verdict is NO_OPINION:
                continue
            if not isinstance(verdict, Verdict):
                answers[number] = self._wait(stage, request, now, verdict, opinions[number], lineups[number], until)
                asked -= 1
            elif verdict.final:
                opinion = opinions[number]
                if opinion.verdict is NO_OPINION and verdict.action is DUNNO:  # as nearly always
                    answers[number] = self._decision(request, check.name, verdict, opinion)
                else:
                    answers[number] = self._last_word(request, check, verdict, opinion, now)
            else:
                opinions[number] = _better(opinions[number], check, verdict)
                lineups[number] = _without(lineups[number], verdict.exempt)
        if asked and last is not None:
            self._on_asked(last.name, (perf_counter() - begun) / asked, asked)

    def _last_word(
        self, request: PolicyRequest, check: Check, verdict: Verdict, opinion: Opinion, now: int
    ) -> Decision:
        """The answer when `verdict` is final; if it refuses nothing, an earlier wish such as HOLD stands."""
        wish = opinion.verdict.action
        if check.name in TAKES_TRUST and verdict.action.rejects and self._witness is not None:
            self._witness.saw_rejection(request, opinion.evidence, now)
        if wish is DUNNO or verdict.action.defers or verdict.action.rejects:
            return self._decision(request, check.name, verdict, opinion)
        if wish.verb == "PREPEND" and verdict.reason == "tagged":  # the header that this service is for
            return self._decision(request, check.name, verdict, opinion)
        if wish.verb == "PREPEND":
            return self._decision(request, check.name, _beside(opinion.verdict, verdict), opinion)
        return self._decision(request, opinion.check, opinion.verdict, opinion)

    async def _wait(
        self,
        stage: int,
        request: PolicyRequest,
        now: int,
        pending: Awaitable[Verdict],
        best: Opinion,
        lineup: Lineup,
        until: float | None,
    ) -> Decision:
        check = lineup[stage]
        assert check is not None  # noqa: S101 - it was asked
        until = perf_counter() + self._patience if until is None else until
        try:
            verdict = await self._timed(check.name, pending, until)
        except Unavailable as error:
            best = self._unavailable(check, error, best)
        else:
            if verdict.final:
                return self._last_word(request, check, verdict, best, now)
            best = _better(best, check, verdict)
            lineup = _without(lineup, verdict.exempt)
        answers, opinions, lineups = list[Answer | None]([None]), [best], [lineup]
        for later in range(stage + 1, len(lineup)):
            self._ask(later, [request], now, answers, opinions, lineups, until)
        answer = answers[0] or self._decision(request, opinions[0].check, opinions[0].verdict, opinions[0])
        return answer if isinstance(answer, Decision) else await answer

    async def _timed(self, check: str, pending: Awaitable[Verdict], until: float) -> Verdict:
        """What is waited for, `until` then: what hangs must not take the checks behind it their turn."""
        begun = perf_counter()
        try:
            with self._alarms.within(until - begun):
                return await pending
        except TimeoutError:
            raise Unavailable("no time is left of [server] request_deadline") from None
        finally:
            self._on_asked(check, perf_counter() - begun, 1)

    def _unavailable(self, check: Check, error: Unavailable, best: Opinion) -> Opinion:
        self._on_unavailable(check.name, error)
        return _better(best, check, Verdict(DUNNO, "unavailable", final=False))

    def _decision(self, request: PolicyRequest, check: str, verdict: Verdict, before: Opinion = NOBODY) -> Decision:
        """The answer that `verdict` of `check` makes, with what was noted `before`."""
        self._id = (self._id + _ID_STEP) & 0xFFFFFFFF
        decision_id = f"{self._id:08X}"
        action, reason, _, delay, commit, _, match, _, _, why = verdict
        _, _, _, would, policy = before
        if action is DUNNO:
            pass
        elif self._is_shadow:
            would, action, commit = would or Would(action, check, reason), DUNNO, None
        elif action.verb == "PREPEND":
            action = self._once_per_message(action, request)
        elif action.defers or action.rejects:
            action = action.marked(f" (id {decision_id})")
        # What Decision(...) does, without a Python frame: this runs for every recipient of every mail.
        return tuple.__new__(Decision, (action, check, reason, delay, decision_id, commit, match, would, policy, why))

    def _once_per_message(self, header: Action, request: PolicyRequest) -> Action:
        """Postfix adds a header for every recipient that is answered PREPEND (measured): one is enough.

        One for each of its services: with a policy_context of its own, a second one asks for a header of its own.
        """
        if not request.instance:
            return header
        message = f"{request.instance} {request.policy_context}"
        if message in self._prepended:
            return DUNNO
        self._prepended[message] = None
        if len(self._prepended) > REMEMBERED_MESSAGES:
            self._prepended.popitem(last=False)
        return header


def _without(lineup: Lineup, exempt: frozenset[str]) -> Lineup:
    if not exempt:
        return lineup
    return tuple(None if check is None or check.name in exempt else check for check in lineup)


def _better(best: Opinion, check: Check, verdict: Verdict) -> Opinion:
    """The first opinion counts, but a wish such as HOLD before a header, and that before none. All evidence does."""
    evidence, would = best.evidence.merged(verdict.evidence), best.would or verdict.would
    name, first = best.check, best.verdict
    has_opinion = verdict.reason != NO_OPINION.reason
    if verdict.reason == "unavailable" and first.action.verb == "PREPEND":
        name, first = check.name, _beside(first, verdict)
    elif first.reason == "unavailable" and first.action is DUNNO and verdict.action.verb == "PREPEND":
        first = _beside(verdict, first)
    elif (has_opinion and first is NO_OPINION) or _weight(verdict.action) > _weight(first.action):
        name, first = check.name, verdict
    return Opinion(name, first, evidence, would, best.policy)


def _beside(header: Verdict, verdict: Verdict) -> Verdict:
    """What adds `header` for the reason of `verdict`: a header alone says not why the mail passes."""
    match = verdict.match or header.match
    return Verdict(header.action, verdict.reason, verdict.final, verdict.delay, match=match, why=verdict.why)


def _weight(action: Action) -> int:
    return 0 if action is DUNNO else 1 if action.verb == "PREPEND" else 2


def _mask(network: str) -> tuple[int, int, int]:
    """(version, shift, bits): an address lies in `network` when its number shifted right is `bits`."""
    parsed = ipaddress.ip_network(network)
    shift = BITS[parsed.version] - parsed.prefixlen
    return parsed.version, shift, int(parsed.network_address) >> shift
