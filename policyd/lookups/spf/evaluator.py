"""The evaluator: rounds of the engine, and between them the questions that it lacks.

Law: one deadline bounds everything, the explanation included, and whoever asked may go away at any time. Equal checks
in flight are one. Whatever goes wrong is a ``temperror``: never an exception, never a fail.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from policyd.alarms import Alarms
from policyd.lookups.spf.engine import Evaluation
from policyd.lookups.spf.flights import Flight, Waiter
from policyd.lookups.spf.foresight import foreseen, is_without_record
from policyd.lookups.spf.knowledge import Knowledge, Miss, Question
from policyd.lookups.spf.results import Results
from policyd.lookups.spf.search import Done, Search, Steps
from policyd.lookups.spf.subject import Subject, make_subject
from policyd.lookups.spf.terms import MAX_RECORD
from policyd.lookups.spf.turns import Turns
from policyd.model.action import clean_text
from policyd.model.dns import Resolver, Sought
from policyd.model.spf import SpfAnswer, SpfLimits, SpfQuestion, SpfReport, SpfStep

EXPLANATION_TIME: Final = 1.0
"""Seconds that a refusal waits for the owner's own words; they are only politeness."""
FAILURE_TTL: Final = 2
"""Seconds for which an answer is remembered that the DNS could not give, as the resolver itself does."""
NO_MAIL: Final = ["v=spf1", "-all"]
MAX_MECHANISM: Final = 255
MAX_PROBLEM: Final = 160
"""Characters of what is wrong, which quotes the record."""

_log = logging.getLogger("policyd.spf")


@dataclass(slots=True)
class _Found:
    """What rounds brought."""

    answer: SpfAnswer
    evaluation: Evaluation | None = None


@dataclass(slots=True)
class _Work:
    """One check: whom it is about, what is known, what came out."""

    subject: Subject
    knowledge: Knowledge
    found: _Found | None = None
    search: Search | None = None
    """Who asks for what it lacks; None: it must do with what is known."""


class Evaluator:
    """A model.spf.SpfEvaluator over `resolver`. `receiver` is this host's name, `wall_clock` gives the time of day."""

    def __init__(
        self,
        resolver: Resolver,
        limits: SpfLimits,
        receiver: str,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._resolver = resolver
        self._limits = limits
        self._receiver = receiver
        self._clock = clock
        self._wall_clock = wall_clock
        self._results = Results()
        self._latest: tuple[SpfQuestion, Subject] | None = None
        self._flights: dict[Subject, Flight] = {}
        self._turns = Turns(clock)
        self._alarms = Alarms()

    def known(self, question: SpfQuestion) -> SpfAnswer | None:
        """The answer if it is known now, at once and without a task; None: it must be sought."""
        subject = make_subject(question)
        self._latest = question, subject
        if not subject.domain:
            return NOTHING
        answer = self._results.get(subject, self._clock())
        return self._find_at_once(subject) if answer is None else answer

    def seek(self, question: SpfQuestion, seconds: float, hear: Callable[[SpfAnswer], object]) -> Sought:
        """Have `hear` told the answer when it is found; ``temperror`` if that takes longer than so many seconds."""
        latest = self._latest  # who seeks has only just seen that it is not known
        subject = latest[1] if latest is not None and latest[0] == question else make_subject(question)
        if (flight := self._flights.get(subject)) is not None:
            return Waiter(hear, flight)
        flight = Flight(subject, self._flights)
        waiter, work = Waiter(hear, flight), self._work(subject)
        flight.sought = search = self._search(work, partial(self._landed, flight, work, seconds))
        search.start(seconds)
        return waiter

    async def evaluate(self, question: SpfQuestion, seconds: float) -> SpfAnswer:
        """The answer, known or sought."""
        if (known := self.known(question)) is not None:
            return known
        told: asyncio.Future[SpfAnswer] = asyncio.get_running_loop().create_future()
        inquiry = self.seek(question, seconds, told.set_result)
        try:
            return await told
        finally:
            inquiry.cancel()

    async def report(self, question: SpfQuestion, seconds: float) -> SpfReport:
        """The answer as `evaluate` finds it, freshly, and how it came about."""
        subject = make_subject(question)
        if not subject.domain:
            return SpfReport(NOTHING)
        ended: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        work = self._work(subject)
        search = self._search(work, ended.set_result)
        search.start(seconds)
        try:
            return _report(self._found(work, await ended, seconds), work.knowledge)
        finally:
            search.cancel()

    def _landed(self, flight: Flight, work: _Work, seconds: float, error: BaseException | None) -> None:
        flight.land(self._keep(work, self._found(work, error, seconds)))

    def _keep(self, work: _Work, found: _Found) -> SpfAnswer:
        """The answer, remembered for as long as may be. That there is no record the resolver's memory says as fast."""
        ttl = min(found.answer.ttl, self._limits.cache_seconds)
        if ttl > 0 and found.answer.result != "none":
            uses_sender = found.evaluation is not None and found.evaluation.uses_sender
            self._results.put(work.subject, found.answer, self._clock() + ttl, uses_sender=uses_sender)
        return found.answer

    def _find_at_once(self, subject: Subject) -> SpfAnswer | None:
        """The answer if the resolver knows everything and this slice of the loop has time; None otherwise."""
        texts = self._resolver.cached(subject.domain, "TXT")
        if texts is not None and is_without_record(texts):
            return SpfAnswer("none", subject.domain, is_secure=texts.is_secure, ttl=texts.ttl)
        if texts is None or not self._turns.are_free():
            return None
        work = self._work(subject)
        try:
            found = self._turns.at_once(partial(self._round, work))
            if not isinstance(found, _Found) or (self._wants_explanation(found) and self._explain_once(work, found)):
                return None
        except Exception:
            return None  # it is met, and told of, where it is waited for
        return self._keep(work, found)

    def _work(self, subject: Subject) -> _Work:
        return _Work(subject, Knowledge(self._resolver.cached, self._limits.queries))

    def _search(self, work: _Work, done: Done) -> Search:
        steps = self._steps(work)
        work.search = search = Search(steps, work.knowledge, self._resolver, self._turns, self._alarms, done)
        return search

    def _found(self, work: _Work, error: BaseException | None, seconds: float) -> _Found:
        """What was found by the end of a search, whatever its end was."""
        is_late = isinstance(error, TimeoutError)
        if error is not None and not is_late:
            _log.error("a bug: an SPF check is cut short; please report it with the lines below", exc_info=error)
        if work.found is not None:  # only the explanation is missing
            return work.found
        return _Found(_trouble(work.subject, f"no answer within {seconds:.1f} s" if is_late else "internal fault"))

    def _steps(self, work: _Work) -> Steps:
        """Round after round, and what must be asked for between them."""
        first: Question = (work.subject.domain, "TXT")
        yield [first]  # every evaluation begins with it
        answer = work.knowledge.get(first)
        if is_without_record(answer):  # as most HELO names
            knowledge = work.knowledge
            none = SpfAnswer("none", work.subject.domain, is_secure=knowledge.is_secure, ttl=knowledge.ttl)
            work.found = _Found(none)
            return
        beside = foreseen(work.subject, answer, self._limits)
        if beside and (unknown := work.knowledge.beside(beside)):
            yield unknown
        while not isinstance(found := self._round(work), _Found):
            yield found
        work.found = found
        if self._wants_explanation(found) and work.search is not None:
            work.search.hurry(EXPLANATION_TIME)
            while lacking := self._explain_once(work, found):
                yield lacking

    def _round(self, work: _Work) -> _Found | Sequence[Question]:
        """Evaluate with what is known: the end, or the questions that must be answered first."""
        domain = work.subject.domain
        evaluation = self._evaluation(work)
        try:
            result, problem = evaluation.judge()
        except Miss:
            return evaluation.missing
        if evaluation.missing:  # in case something swallowed the Miss
            return evaluation.missing
        first = evaluation.steps[0] if evaluation.steps else None
        answer = SpfAnswer(
            result=result,
            domain=domain,
            mechanism=_clean(first.mechanism, MAX_MECHANISM) if first else "",
            problem=_clean(problem, MAX_PROBLEM),
            is_no_mail=result == "fail" and first is not None and first.record.lower().split() == NO_MAIL,
            is_wide=result == "pass" and evaluation.is_wide,
            is_secure=work.knowledge.is_secure,
            ttl=FAILURE_TTL if result == "temperror" else work.knowledge.ttl,
        )
        return _Found(answer, evaluation)

    def _wants_explanation(self, found: _Found) -> bool:
        """Whether the owner's own words must be asked for: those about a fail, and about nothing else."""
        evaluation = found.evaluation
        is_explained = evaluation is not None and evaluation.explained is not None
        return is_explained and found.answer.result == "fail" and self._limits.explanation

    def _explain_once(self, work: _Work, found: _Found) -> Sequence[Question]:
        """Add the owner's own words as far as they are known; what must be asked for them."""
        judged, evaluation = found.evaluation, self._evaluation(work)
        assert judged is not None  # noqa: S101 - there is a result
        assert judged.explained is not None  # noqa: S101 - or nobody wants them
        try:
            text = evaluation.explanation(*judged.explained)
        except Miss:
            return evaluation.missing
        judged.uses_sender = judged.uses_sender or evaluation.uses_sender
        found.answer = found.answer._replace(explanation=text.strip(" "), ttl=min(found.answer.ttl, work.knowledge.ttl))
        return ()

    def _evaluation(self, work: _Work) -> Evaluation:
        now = int(self._wall_clock())
        return Evaluation(work.subject, work.knowledge, self._limits, self._receiver, now)


NOTHING: Final = SpfAnswer("none", "", problem="no domain that can be asked")
"""The identity has no domain (RFC 7208 4.3)."""


def _clean(text: str, limit: int) -> str:
    return clean_text(text, limit) if text else ""


def _trouble(subject: Subject, problem: str) -> SpfAnswer:
    return SpfAnswer("temperror", subject.domain, problem=problem, ttl=FAILURE_TTL)


def _report(found: _Found, knowledge: Knowledge) -> SpfReport:
    evaluation = found.evaluation
    if evaluation is None:
        none = SpfStep(0, "record", found.answer.domain, "", "none", "")
        return SpfReport(found.answer, (none,) if found.answer.result == "none" else (), queries=knowledge.queries)
    steps = tuple(
        SpfStep(
            frame.depth,
            frame.how,
            frame.domain,
            _clean(frame.record, MAX_RECORD),
            frame.result,
            _clean(frame.mechanism, MAX_MECHANISM),
        )
        for frame in evaluation.steps
    )
    return SpfReport(found.answer, steps, evaluation.lookups, evaluation.void_lookups, knowledge.queries)
