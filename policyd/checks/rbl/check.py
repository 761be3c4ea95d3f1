"""The check: which questions a request asks, and the verdict on the answers.

Law: what the resolver knows already is judged at once, without a task. Everything else is asked at the same time, under
one deadline. A listing only counts while its list is proved to work (health.py): where the proof is old, it is renewed
before anybody is refused or trusted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from policyd.checks.rbl.answers import Heard, listings, read
from policyd.checks.rbl.asking import Reply, ask_all
from policyd.checks.rbl.judgement import Score, Sentence, learned_of, score, sentence
from policyd.checks.rbl.prober import Prober
from policyd.checks.rbl.questions import Question, Questions, network
from policyd.checks.rbl.reply import deferral, header, rejection, summary, text_of
from policyd.checks.rbl.settings import Settings
from policyd.checks.rbl.watch import Watched, ZoneStatus
from policyd.checks.rbl.zones import Zone, compile_zones
from policyd.checks.tools import Tools
from policyd.checks.wiring import Wiring
from policyd.model.action import DUNNO
from policyd.model.dns import Answer, Resolver
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, NO_LISTS, Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict
from policyd.tables.networks import NetworkSet

TXT_TIME: Final = 1.0
"""Seconds that a refusal waits for the list's own text; it is only politeness."""
TRUST: Final = Verdict(DUNNO, "allow list", final=False, exempt=frozenset({"greylist"}))
"""A client whom an allow list vouches for is not greylisted; all else is judged as before."""


@dataclass(slots=True)
class Case:
    """One request while it is judged."""

    request: PolicyRequest
    now: int
    heard: list[Heard] = field(default_factory=list)
    """Answers with records."""
    unknown: list[Zone] = field(default_factory=list)
    """The list of each question without an answer."""
    clean: int = 0
    """Answers without."""
    counted: list[Heard] = field(default_factory=list)
    """Of the answers with records, those that can be believed."""
    doubted: list[Zone] = field(default_factory=list)
    """The list of each of the others."""


class Rbl:
    """The check. Its `prober` must run, or lists that were parked never come back."""

    name: Final = "rbl"

    def __init__(self, settings: Settings, resolver: Resolver, say: Callable[[str], object]) -> None:
        self._settings = settings
        self._resolver = resolver
        self._say = say
        self._watched = {zone: Watched(zone) for zone in compile_zones(settings.sites, settings.zones)}
        self.lists = tuple(self._watched.values())
        self._questions = Questions(self.lists)
        self._wiring = Wiring("rbl", "no list can be asked")
        self._skipped = NetworkSet(settings.skip_networks)
        self.prober = Prober(resolver, self.lists, say)

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """Judge one request, at once if the resolver knows all answers. Raises Unavailable if no list can be asked."""
        is_skipped = self.skips(request)
        self._watch_wiring(request, is_skipped=is_skipped)
        if is_skipped:
            return NO_OPINION
        case, cold = Case(request, now), []
        cached = self._resolver.cached
        for question in self._questions(request):
            watched = question[0]
            if watched.health.parked:
                case.unknown.append(watched.zone)
            elif (answer := cached(question[3], "A")) is None:
                cold.append(question)
            elif answer.records:
                _note(case, question, answer)
            else:
                watched.answered += 1
                case.clean += 1
        if not (cold or case.heard or case.unknown):
            return NO_OPINION  # on no list: what `_judged` would come to for most of the mail
        if cold or self._unproved(case):
            return self._later(case, cold)
        found, judgement = self._find(case)
        txt = self._known_txt(found, judgement)
        return self._judged(case, found, judgement, txt) if txt is not None else self._later(case, cold)

    def inherit(self, former: "Rbl") -> None:
        """Know what `former` knows of the lists that it asks by the same name, unless it asks somebody else."""
        if former._resolver is self._resolver:
            known = {(watched.zone.name, watched.zone.test_points): watched for watched in former._watched.values()}
            for zone, watched in self._watched.items():
                if same := known.get((zone.name, zone.test_points)):
                    watched.inherit(same)

    def status(self) -> tuple[ZoneStatus, ...]:
        """What is known of every list."""
        return tuple(watched.status() for watched in self.lists)

    @property
    def wiring_mistake(self) -> str:
        """The sentence about a gateway that stands in place of all clients, "" if there is none."""
        return self._wiring.mistake

    def skips(self, request: PolicyRequest) -> bool:
        """Whether nothing is looked up for `request`, because no list can know its client."""
        address = request.client_address
        return address is not None and address in self._skipped

    def _watch_wiring(self, request: PolicyRequest, *, is_skipped: bool) -> None:
        address = request.client_address
        if address is None:
            return
        if not is_skipped:
            self._wiring.see_public()
        elif said := self._wiring.see_private(address.text, request.helo_name):
            self._say(said)

    async def _later(self, case: Case, cold: list[Question]) -> Verdict:
        clock = asyncio.get_running_loop().time
        until = clock() + self._settings.deadline
        if cold:
            asked = {question[3]: question for question in cold}
            heard = partial(self._begin_proof, case, asked)
            self.prober.begin(self._unproved(case), case.now)
            self._hear(case, cold, await ask_all(self._resolver, asked, until - clock(), heard=heard))
        if unproved := self._unproved(case):
            await self.prober.prove(unproved, case.now, until - clock())
        found, judgement = self._find(case)
        txt = self._known_txt(found, judgement)
        if txt is None:
            question = found.listings[0].question
            replies = await ask_all(self._resolver, [question], min(TXT_TIME, until - clock()), "TXT")
            txt = text_of(found.listings[0].zone, replies[question].answer)
        return self._judged(case, found, judgement, txt)

    def _begin_proof(self, case: Case, asked: Mapping[str, Question], name: str, answer: Answer) -> None:
        """Probe a list as soon as it lists: another one that hangs would leave no time for that."""
        watched, _, subject, _ = asked[name]
        if watched.health.wants_proof(case.now) and read(watched.zone, subject, answer.records).rules:
            self.prober.begin([watched], case.now)

    def _hear(self, case: Case, cold: list[Question], replies: dict[str, Reply]) -> None:
        for question in cold:
            answer, seconds = replies[question[3]]
            watched = question[0]
            if isinstance(answer, Answer):
                watched.heard(seconds)
                _note(case, question, answer)
                watched.surge.see(network(question, case.request), case.now, listed=bool(answer.records))
                if watched.wants_sample(case.now):
                    watched.health.suspect(case.now)
            else:
                watched.unheard(case.now)
                case.unknown.append(watched.zone)

    def _unproved(self, case: Case) -> list[Watched]:
        """The lists that must be probed before their listings count."""
        lists = dict.fromkeys(heard.zone for heard in case.heard if heard.reading.rules)
        return [watched for zone in lists if (watched := self._watched[zone]).health.wants_proof(case.now)]

    def _find(self, case: Case) -> tuple[Score, Sentence]:
        case.counted, case.doubted = [], []
        for heard in case.heard:
            reading, health = heard.reading, self._watched[heard.zone].health
            if reading.fault:
                health.suspect(case.now)
            if reading.fault or (reading.rules and not health.is_believed(case.now)):
                case.doubted.append(heard.zone)
            else:
                case.counted.append(heard)
        found = score(listings(case.counted), (*case.unknown, *case.doubted))
        return found, sentence(found, self._settings)

    def _known_txt(self, found: Score, judgement: Sentence) -> str | None:
        """The text behind a refusal, as far as it is known; "" where none is needed, None if it must be asked."""
        if judgement in ("tag", "pass"):
            return ""
        listing = found.listings[0]
        if listing.rule.text:
            return listing.rule.text
        answer = self._resolver.cached(listing.question, "TXT")
        return None if answer is None else text_of(listing.zone, answer)

    def _judged(self, case: Case, found: Score, judgement: Sentence, txt: str) -> Verdict:
        for zone in (*case.unknown, *case.doubted):
            self._watched[zone].unknown += 1
        for heard in case.counted:
            watched = self._watched[heard.zone]
            watched.answered += 1
            watched.listed += bool(heard.reading.rules)
        if found.unknown and not case.clean and not case.counted:
            raise Unavailable("none of the DNS lists can be believed now")
        learned = learned_of(found, self._settings)
        verdict = _verdict(case.request, found, judgement, txt, is_trusted=learned.is_trusted)
        if learned == NO_LISTS:
            return verdict
        match = summary(found) if verdict.reason != NO_OPINION.reason else ""
        return verdict._replace(match=match, evidence=NO_EVIDENCE._replace(dns_lists=learned))


def _note(case: Case, question: Question, answer: Answer) -> None:
    watched, look_up, subject, name = question
    if answer.records:
        case.heard.append(Heard(watched.zone, look_up, name, read(watched.zone, subject, answer.records)))
    else:
        watched.answered += 1
        case.clean += 1


def _verdict(request: PolicyRequest, found: Score, judgement: Sentence, txt: str, *, is_trusted: bool) -> Verdict:
    match judgement:
        case "reject":
            return Verdict(rejection(found.listings[0], request, txt), "listed")
        case "reject later":
            return Verdict(deferral(found.listings[0], request, txt), "allow list unknown")
        case "defer":
            return Verdict(deferral(found.listings[0], request, txt), "listed")
        case "tag":
            return Verdict(header(found), "tagged", final=False)
        case _:
            return TRUST if is_trusted else NO_OPINION


def build(settings: Settings, tools: Tools) -> Check:
    """The check, and the probing of its lists as a job."""
    check = Rbl(settings, tools.resolver, tools.say)
    if isinstance(tools.former, Rbl):
        check.inherit(tools.former)
    tools.work(check.prober.run)
    return check
