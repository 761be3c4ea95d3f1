"""A check in shadow mode changes nothing but what is told."""

import asyncio
from collections.abc import Awaitable

import pytest

from policyd.model.action import DUNNO, Action
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, DnsListEvidence, Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Verdict, Would
from policyd.shadow import Shadow
from policyd.wire.request import parse_request

REQUEST = parse_request(b"client_address=192.0.2.1\nsender=a@x\nrecipient=b@y")
REJECT = Action("REJECT", "no")


class Says:
    name = "rbl"

    def __init__(self, verdict: Verdict, *, waits: bool = False) -> None:
        self.verdict = verdict
        self.waits = waits

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        return self._later() if self.waits else self.verdict

    async def _later(self) -> Verdict:
        return self.verdict


def shadowed(verdict: Verdict) -> Verdict:
    at_once = Shadow(Says(verdict)).evaluate(REQUEST, NO_EVIDENCE, 0)
    assert isinstance(at_once, Verdict)

    async def ask() -> Verdict:
        later = Shadow(Says(verdict, waits=True)).evaluate(REQUEST, NO_EVIDENCE, 0)
        assert not isinstance(later, Verdict)
        return await later

    assert asyncio.run(ask()) == at_once
    return at_once


@pytest.mark.parametrize(
    "action", [REJECT, Action("PREPEND", "X-Tag: yes"), Action("HOLD", "look"), Action("450", "4.7.1 x")]
)
def test_a_wish_is_told_and_not_had(action: Action) -> None:
    verdict = shadowed(Verdict(action, "listed", match="f:1: x", delay=7, why="w"))
    assert verdict.would == Would(action, "rbl", "listed")
    assert (verdict.action, verdict.final, verdict.match, verdict.delay) == (DUNNO, False, "f:1: x", 7)
    assert verdict.why == "w"


def test_no_opinion_stays_none() -> None:
    assert shadowed(NO_OPINION) is NO_OPINION


def test_a_pass_is_no_last_word_and_no_delay() -> None:
    found = Verdict(DUNNO, "triplet found", match="f:1: x", why="w")
    assert shadowed(found._replace(delay=300)) == found._replace(final=False)


def test_others_hear_nothing_of_it() -> None:
    learned = NO_EVIDENCE._replace(dns_lists=DnsListEvidence(points=9.0, is_suspect=True))
    verdict = shadowed(Verdict(DUNNO, "allow list", final=False, exempt=frozenset({"greylist"}), evidence=learned))
    assert verdict.exempt == frozenset()
    assert verdict.evidence is NO_EVIDENCE


def test_a_check_that_cannot_answer_says_so_in_shadow_too() -> None:
    class Fails:
        name = "rbl"

        def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
            raise Unavailable("no")

    with pytest.raises(Unavailable):
        Shadow(Fails()).evaluate(REQUEST, NO_EVIDENCE, 0)
