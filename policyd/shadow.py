"""A check in shadow mode: it is asked about everything and heard in nothing.

Law: what it would have had is told, with no effect on the answer: no action, no exemption, no evidence for others, and
no waiting for a commit. What it remembers (greylisting's triplets) it remembers as ever, so that it is warm on the day
it is enforced.
"""

from collections.abc import Awaitable

from policyd.model.action import DUNNO
from policyd.model.evidence import Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict, Would


class Shadow:
    """`check`, without its power."""

    def __init__(self, check: Check) -> None:
        self.name = check.name
        self.check = check

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """What the check finds, as a wish. Raises Unavailable when it cannot judge."""
        verdict = self.check.evaluate(request, evidence, now)
        return self._wish(verdict) if isinstance(verdict, Verdict) else self._later(verdict)

    async def _later(self, verdict: Awaitable[Verdict]) -> Verdict:
        return self._wish(await verdict)

    def _wish(self, verdict: Verdict) -> Verdict:
        if verdict is NO_OPINION:
            return verdict
        action, reason, match, why = verdict.action, verdict.reason, verdict.match, verdict.why
        if action is DUNNO:  # a pass that is not heard delayed nobody
            return Verdict(DUNNO, reason, final=False, match=match, why=why)
        return Verdict(
            DUNNO,
            reason,
            final=False,
            delay=verdict.delay,
            match=match,
            would=Would(action, self.name, reason),
            why=why,
        )
