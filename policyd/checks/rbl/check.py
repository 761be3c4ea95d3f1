"""The check: which questions a request asks, and the verdict on the answers.

Law: what the resolver knows already is judged at once, without a task. Everything else is asked at the same time, under
one deadline. A listing only counts while its list is proved to work (health.py): where the proof is old, it is renewed
before anybody is refused or trusted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from policyd.checks.rbl.answers import Heard, Listing, listings, read
from policyd.checks.rbl.asking import Reply, ask_all
from policyd.checks.rbl.judgement import Score, Sentence, learned_of, score, sentence
from policyd.checks.rbl.names import MAX_NAME, askable, backwards, domain_of, shortened
from policyd.checks.rbl.prober import Prober
from policyd.checks.rbl.profiles import LOOK_UPS, LookUp
from policyd.checks.rbl.reply import asked_about, clean_txt, deferral, header, rejection
from policyd.checks.rbl.settings import Settings
from policyd.checks.rbl.watch import Watched, ZoneStatus
from policyd.checks.rbl.wiring import Wiring
from policyd.checks.rbl.zones import MAX_TEXT, Zone, compile_zones
from policyd.checks.tools import Tools
from policyd.model.action import DUNNO
from policyd.model.address import BITS, Address
from policyd.model.dns import Answer, Resolver
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, NO_LISTS, Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict
from policyd.tables.networks import parse_network

TXT_TIME: Final = 1.0
"""Seconds that a refusal waits for the list's own text; it is only politeness."""
MAX_TXT: Final = 8
"""Strings of it that are read; a list may have hundreds."""

TRUST: Final = Verdict(DUNNO, "allow list", final=False, exempt=frozenset({"greylist"}))
"""A client whom an allow list vouches for is not greylisted; all else is judged as before."""


class Subjects(NamedTuple):
    """What of a request is looked up: whole names, and what lists of registered domains are asked in their place."""

    whole: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


NO_SUBJECTS: Final = Subjects()


Question = tuple[Watched, LookUp, str, str]
"""A list, what of the request it is asked about, that itself, and the name to ask. Plain: every mail has many."""


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
        lists = tuple(self._watched.values())
        self._by_look_up = [
            (look_up, asked) for look_up in LOOK_UPS if (asked := [w for w in lists if look_up in w.zone.look_up])
        ]
        self._wiring = Wiring()
        self._skipped: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in map(parse_network, settings.skip_networks):
            self._skipped[network.version].append((BITS[network.version] - network.prefix, network.bits))
        self.prober = Prober(resolver, lists, say)

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict | Awaitable[Verdict]:
        """Judge one request, at once if the resolver knows all answers. Raises Unavailable if no list can be asked."""
        if self._is_skipped(request):
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
        return tuple(watched.status() for watched in self._watched.values())

    def questions(self, request: PolicyRequest) -> list[tuple[str, str]]:
        """What `request` asks: the list as people may see it, and the subject."""
        return [(watched.zone.shown, subject) for watched, _, subject, _ in self._questions(request)]

    def _questions(self, request: PolicyRequest) -> Iterator[Question]:
        for look_up, lists in self._by_look_up:
            subjects = _subjects(look_up, request)
            for watched in lists:
                zone = watched.zone
                yield from [
                    (watched, look_up, subject, name)
                    for subject in (subjects.cut if zone.profile.cut else subjects.whole)
                    if len(name := f"{subject}.{zone.name}") <= MAX_NAME
                ]

    def _is_skipped(self, request: PolicyRequest) -> bool:
        address = request.client_address
        if address is None:
            return False
        for shift, bits in self._skipped[address.version]:
            if address.number >> shift == bits:
                if said := self._wiring.see_private(address.text, request.helo_name):
                    self._say(said)
                return True
        self._wiring.see_public()
        return False

    async def _later(self, case: Case, cold: list[Question]) -> Verdict:
        clock = asyncio.get_running_loop().time
        until = clock() + self._settings.deadline
        if cold:
            self._hear(case, cold, await ask_all(self._resolver, [question[3] for question in cold], until - clock()))
        if unproved := self._unproved(case):
            await self.prober.prove(unproved, case.now, until - clock())
        found, judgement = self._find(case)
        txt = self._known_txt(found, judgement)
        if txt is None:
            question = found.listings[0].question
            replies = await ask_all(self._resolver, [question], min(TXT_TIME, until - clock()), "TXT")
            txt = _text(found.listings[0], replies[question].answer)
        return self._judged(case, found, judgement, txt)

    def _hear(self, case: Case, cold: list[Question], replies: dict[str, Reply]) -> None:
        for question in cold:
            answer, seconds = replies[question[3]]
            watched = question[0]
            if isinstance(answer, Answer):
                watched.heard(seconds)
                _note(case, question, answer)
                watched.surge.see(_network(question, case.request), case.now, listed=bool(answer.records))
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
        return None if answer is None else _text(listing, answer)

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
        return verdict if learned == NO_LISTS else verdict._replace(evidence=NO_EVIDENCE._replace(dns_lists=learned))


def _subjects(look_up: LookUp, request: PolicyRequest) -> Subjects:
    if look_up == "client address":
        address = request.client_address
        return Subjects((backwards(address),)) if address is not None else NO_SUBJECTS
    text = asked_about(look_up, request)
    name = domain_of(text) if look_up in ("sender domain", "recipient domain") else askable(text)
    return Subjects((name,), shortened(name)) if name else NO_SUBJECTS


def _note(case: Case, question: Question, answer: Answer) -> None:
    watched, look_up, _, name = question
    if answer.records:
        case.heard.append(Heard(watched.zone, look_up, name, read(watched.zone, answer.records)))
    else:
        watched.answered += 1
        case.clean += 1


def _network(question: Question, request: PolicyRequest) -> str:
    """What counts as one subject of a surge: a whole network, because one may be listed as a whole."""
    address: Address | None = request.client_address
    _, look_up, text, _ = question
    if look_up != "client address" or address is None:
        return text
    return address.network(24 if address.version == 4 else 48)


def _text(listing: Listing, answer: Answer | str) -> str:
    """All TXT of an answer, joined as Postfix does."""
    if not isinstance(answer, Answer):
        return ""
    texts = [record.decode("utf-8", "replace") for record in answer.records[:MAX_TXT] if isinstance(record, bytes)]
    return clean_txt(listing, " / ".join(text[:MAX_TEXT] for text in texts))


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
