"""What would be done to a mail, and why: every check's word on one request, as the running daemon would judge it now.

Law: the checks in force judge by what they remember, and remember nothing of it; the answer is put together by the
chain's own code. DNS may be asked. Checks behind the one with the last word are asked, too, and marked so.
"""

import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Final, Protocol, runtime_checkable

from policyd.assembly import Assembly
from policyd.chain import Chain
from policyd.checks.rbl import Rbl, examine
from policyd.checks.spf import Spf
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, Evidence
from policyd.model.request import PolicyRequest
from policyd.model.units import number_of
from policyd.model.verdict import NO_OPINION, Check, Decision, Verdict
from policyd.policies import Plan
from policyd.shadow import Shadow

DNS_TIME: Final = 5.0
"""Seconds in which the DNS lists may answer for the explanation; nearly always they have answered the check before."""


@runtime_checkable
class Peeking(Protocol):
    """A check that remembers what it judges, and can judge without."""

    def peek(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """What `evaluate` would say; nothing is remembered."""


class Witness:
    """A check that is asked for the explanation: it remembers what it said, and nothing of the request."""

    def __init__(self, check: Check) -> None:
        self.name = check.name
        self.check = check
        self.verdict: Verdict | None = None
        self.error = ""
        self.seconds = 0.0

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Awaitable[Verdict]:
        """The check's verdict, later. Raises Unavailable."""
        return self.judge(request, evidence, now)

    async def judge(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
        """The check's verdict. Raises Unavailable."""
        begun = time.perf_counter()
        check = self.check
        try:
            verdict = (check.peek if isinstance(check, Peeking) else check.evaluate)(request, evidence, now)
            self.verdict = verdict if isinstance(verdict, Verdict) else await verdict
        except Unavailable as error:
            self.error = str(error)
            raise
        finally:
            self.seconds = time.perf_counter() - begun
        return self.verdict

    @property
    def is_asked(self) -> bool:
        """Whether it came to its turn."""
        return self.verdict is not None or bool(self.error)


async def explain(
    assembly: Assembly, trusted: Sequence[str], request: PolicyRequest, now: int, *, is_shadow: bool
) -> dict[str, Any]:
    """Every check's word on `request` at `now`, and the answer; plain values."""
    plan = assembly.checks.plan
    number = plan.winners([request], now)[0]
    (lineup,) = plan.lineups([number], now)
    shadows = [check for check in lineup if isinstance(check, Shadow)]
    witnesses = [Witness(check.check if isinstance(check, Shadow) else check) for check in lineup if check is not None]
    hidden = {check.name for check in shadows}
    asked = tuple(Shadow(witness) if witness.name in hidden else witness for witness in witnesses)
    chain = Chain(Plan(asked), trusted, lambda *_: None, 0, is_shadow=is_shadow)
    (answer,) = chain.decide([request], now)
    decision = answer if isinstance(answer, Decision) else await answer
    reached = {witness.name for witness in witnesses if witness.is_asked}
    steps = [await _step(assembly, witness, request, now) for witness in witnesses]
    for step in steps:
        step |= {"reached": step["check"] in reached, "shadow": step["check"] in hidden}
    known = dict.fromkeys(check.name for check in assembly.checks.checks)
    others = [name for name in known if name not in {witness.name for witness in witnesses}]
    return {"steps": steps, "not_asked": others, "policy": plan.names[number], "answer": _answer(decision)}


async def _step(assembly: Assembly, witness: Witness, request: PolicyRequest, now: int) -> dict[str, Any]:
    if not witness.is_asked:
        with suppress(Unavailable):  # it is told: `error`
            await witness.judge(request, NO_EVIDENCE, now)
    verdict = witness.verdict or NO_OPINION
    return {
        "check": witness.name,
        "error": witness.error,
        "seconds": round(witness.seconds, 6),
        "action": str(verdict.action),
        "reason": verdict.reason,
        "final": verdict.final,
        "delay": verdict.delay,
        "match": verdict.match,
        "why": verdict.why,
        "exempt": sorted(verdict.exempt),
        "facts": await _facts(assembly, witness.check, request),
        "evidence": _evidence(verdict.evidence),
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    """What was learned; empty when nothing was."""
    if evidence is NO_EVIDENCE:
        return {}
    return {name: asdict(value) for name, value in evidence._asdict().items() if value is not None}


async def _facts(assembly: Assembly, check: Check, request: PolicyRequest) -> list[str]:
    """What a check that asks DNS was told."""
    if isinstance(check, Rbl):
        said = await examine(check.lists, assembly.resolver, request, DNS_TIME)
        return [_of_list(each.zone, each.subject, each.answer, each.points, each.problem, each.text) for each in said]
    if isinstance(check, Spf) and request.client_address is not None:
        asked = {identity: check.question(request, identity) for identity in check.identities(request)}
        known = {identity: check.evaluator.known(question) for identity, question in asked.items()}
        return [_of_spf(identity, *answer[:4]) for identity, answer in known.items() if answer is not None]
    return []


def _of_list(zone: str, subject: str, answer: Sequence[str], points: float, problem: str, text: str) -> str:
    found = problem or (f"{' '.join(answer)} ({number_of(points, 'point', 'points')})" if answer else "not listed")
    return f"{zone} of {subject}: {found}" + (f": {text}" if text else "")


def _of_spf(identity: str, result: str, domain: str, mechanism: str, problem: str) -> str:
    return f"{identity} {domain}: {result}" + "".join(f", {each}" for each in (mechanism, problem) if each)


def _answer(decision: Decision) -> dict[str, Any]:
    would = decision.would
    return {
        "action": str(decision.action),
        "check": decision.check,
        "reason": decision.reason,
        "delay": decision.delay,
        "match": decision.match,
        "would": str(would.action) if would else "",
        "would_by": would.check if would else "",
    }
