"""The desk: what all connections ask, worked on together.

Law: what a tick of the loop brings is worked on stage by stage: read all, decide all, answer all, record all. A
stage's code stays in the processor's caches for a row of requests, which takes a third off its time (measured); and
replies leave in a row, also those that were waited for, because each by itself wakes a sleeping smtpd in the middle of
our work. This and the server are the only rooms that catch every exception: a bug is logged with its traceback and
answered DUNNO.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import time
from typing import Final, Protocol

from policyd.alarms import Alarms
from policyd.model.action import DUNNO
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Commit, Decision

TOGETHER: Final = 128
"""Reads worked on at once, at most: with more, every smtpd would wait for the last of them."""

Decide = Callable[[Sequence[PolicyRequest], int], list[Decision | Awaitable[Decision]]]
Record = Callable[[Sequence[tuple[PolicyRequest, Decision]], float], None]

_log = logging.getLogger("policyd.server")


class Asker(Protocol):
    """A connection as the desk sees it: it has at most one request under way."""

    def read(self, data: bytes) -> None:
        """Take the bytes apart, and ask."""

    def reply(self, reply: bytes) -> None:
        """Send the reply to the request under way, and take up the next."""


Answered = tuple[Asker, PolicyRequest, Decision]


@dataclass
class Service:
    """What all connections share. Reload replaces the fields; open connections follow at their next request."""

    decide: Decide
    record: Record
    """Is told of answers and the seconds they took, after they were sent. It records all of them, or none."""
    on_protocol_error: Callable[[str], None]
    on_rejected: Callable[[], None]
    request_deadline: float = 8.0
    max_connections: int = 4096
    close_after_reply: bool = False


class Desk:
    """Requests on their way from the sockets to the chain and back. `later` runs a function in the loop's next tick."""

    def __init__(
        self, service: Service, clock: Callable[[], float], later: Callable[[Callable[[], None]], object]
    ) -> None:
        self.service = service
        self._clock = clock
        self._later = later
        self._reads: list[tuple[Asker, bytes]] = []
        self._since = 0.0
        """When the first of those who wait now was read."""
        self._asked: list[tuple[Asker, PolicyRequest]] = []
        self._waited: list[tuple[Answered, float]] = []
        """Who had to wait for his answer, which is there now, and since when."""
        self._is_scheduled = False
        self._alarms = Alarms()
        self._tasks: dict[Asker, asyncio.Task[None]] = {}
        """Of those who wait. A loop itself holds no task (asyncio's own words), so somebody must."""

    def receive(self, connection: Asker, data: bytes) -> None:
        """Take what `connection` read; it is worked on with what else this tick brings."""
        self._reads.append((connection, data))
        if not self._is_scheduled:
            self._schedule()

    def ask(self, connection: Asker, request: PolicyRequest) -> None:
        """Take a request, the only one of `connection` that is under way."""
        self._asked.append((connection, request))
        if not self._is_scheduled:
            self._schedule()

    def _schedule(self) -> None:
        self._is_scheduled = True
        self._since = self._clock()
        self._later(self._tick)

    def _tick(self) -> None:
        reads, self._reads = self._reads[:TOGETHER], self._reads[TOGETHER:]
        started = self._since
        try:
            if reads or self._asked:
                self._work(reads, started)
            if self._waited:
                self._answer_those_who_waited()
        finally:
            self._is_scheduled = False
            if self._reads or self._asked or self._waited:
                self._schedule()
            if self._reads:  # they have waited as long as those who were served
                self._since = started

    def _work(self, reads: list[tuple[Asker, bytes]], started: float) -> None:
        for connection, data in reads:
            connection.read(data)
        asked, self._asked = self._asked, []
        answered: list[Answered] = []
        held: dict[Commit, list[Answered]] = {}
        for (connection, request), decision in zip(asked, self._decide(asked), strict=True):
            if not isinstance(decision, Decision):
                promise = self._wait(connection, request, decision, started)
                self._tasks[connection] = asyncio.create_task(promise)
            elif decision.commit is None:
                answered.append((connection, request, decision))
            else:
                held.setdefault(decision.commit, []).append((connection, request, decision))
        for commit, waiting in held.items():
            commit.then(partial(self._committed, waiting, started))
        self._answer(answered, started)

    def _decide(self, asked: list[tuple[Asker, PolicyRequest]]) -> list[Decision | Awaitable[Decision]]:
        now, decide = int(time()), self.service.decide
        try:
            return decide([request for _, request in asked], now)
        except Exception:
            _log.exception("a bug: requests are asked about one by one; please report it with the lines below")
        return [self._decide_alone(request, now) for _, request in asked]

    def _decide_alone(self, request: PolicyRequest, now: int) -> Decision | Awaitable[Decision]:
        try:
            return self.service.decide([request], now)[0]
        except Exception:
            return _fault()

    async def _wait(
        self, connection: Asker, request: PolicyRequest, pending: Awaitable[Decision], started: float
    ) -> None:
        try:
            with self._alarms.within(self.service.request_deadline):
                decision = await pending
        except TimeoutError:
            decision = Decision(DUNNO, "chain", "deadline", 0, "0" * 8)
        except Exception:
            decision = _fault()
        finally:
            del self._tasks[connection]
        answered = (connection, request, decision)
        if decision.commit is not None:
            decision.commit.then(partial(self._committed, [answered], started))
            return
        self._waited.append((answered, started))
        if not self._is_scheduled:
            self._schedule()

    def _committed(self, waiting: list[Answered], started: float, done: bool) -> None:  # noqa: FBT001
        if not done:  # deferring what was not stored would defer that mail for ever (promise 2)
            waiting = [(asker, request, decision.failed("unavailable")) for asker, request, decision in waiting]
        self._answer(waiting, started)

    def _answer(self, answered: list[Answered], started: float) -> None:
        self._reply(answered)
        self._record([(request, decision) for _, request, decision in answered], self._clock() - started)

    def _answer_those_who_waited(self) -> None:
        waited, self._waited = self._waited, []
        self._reply([answered for answered, _ in waited])
        for (_, request, decision), started in waited:
            self._record([(request, decision)], self._clock() - started)

    def _reply(self, answered: Sequence[Answered]) -> None:
        for connection, _, decision in answered:
            try:
                connection.reply(decision.action.reply)
            except Exception:
                _log.exception("a reply could not be sent")

    def _record(self, answered: Sequence[tuple[PolicyRequest, Decision]], seconds: float) -> None:
        try:
            self.service.record(answered, seconds)
        except Exception:
            if len(answered) == 1:
                _log.exception("a decision could not be recorded")
                return
            for one in answered:  # a bug that one of them meets is not the others' fault
                self._record([one], seconds)


def _fault() -> Decision:
    """The answer to a bug of ours, whose traceback goes to the log."""
    _log.exception("a bug: this request is answered DUNNO; please report it with the lines below")
    return Decision(DUNNO, "chain", "fault", 0, "0" * 8)
