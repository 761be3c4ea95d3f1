"""The resolver that all checks share: what is known is told at once, what is not is asked once for everybody.

Law: everything is bounded: what is remembered, what is in flight, what waits to be. A caller who is gone takes nobody
else with him: every one is told by himself, and the question ends by itself. An answer that is none is
remembered for a moment only (RFC 9520 3.2: at least one second; RFC 2308 7.1: never for long).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from policyd.alarms import Alarms
from policyd.lookups.dns.cache import Cache, Question
from policyd.lookups.dns.codec import encode
from policyd.lookups.dns.exchange import Exchange, Outcome
from policyd.lookups.dns.figures import DnsStats, Figures
from policyd.lookups.dns.nameserver import Nameserver
from policyd.lookups.dns.servers import Servers
from policyd.lookups.dns.settings import DnsSettings
from policyd.lookups.dns.window import MOMENT, Slot, Window
from policyd.model.dns import Answer, DnsUnavailable, Hear, RecordType, Sought, UnavailableReason

FAILURE_TTL: Final = 2.0
"""Seconds for which a question that had no answer is not asked again."""
_REMEMBERED: Final[frozenset[UnavailableReason]] = frozenset({"timeout", "servfail", "refused", "malformed"})


class _Waiter:
    """One who wants to know."""

    __slots__ = ("hear",)

    def __init__(self, hear: Hear) -> None:
        self.hear: Hear | None = hear
        """None: he is gone, or was told."""

    def cancel(self) -> None:
        self.hear = None

    def tell(self, outcome: Outcome) -> None:
        hear, self.hear = self.hear, None
        if hear is not None:
            hear(outcome if isinstance(outcome, Answer) else DnsUnavailable(outcome))


class _Flight(Slot):
    """A question that is asked or waits to be, and who wants to know."""

    __slots__ = ("asked", "exchange", "question", "waiters")

    def __init__(self, question: Question, asked: bytes, waiter: _Waiter) -> None:
        self.question = question
        self.asked = asked
        self.waiters = [waiter]
        self.exchange: Exchange | None = None


class DnsResolver:
    """A model.dns.Resolver over `servers`. All of it is called from one event loop.

    `clock` gives seconds that only go forward; it times what is remembered, the loop's own time times what is asked.
    """

    def __init__(self, settings: DnsSettings, servers: Servers, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._servers = servers
        self._clock = clock
        self._cache = Cache(settings.cache_entries, settings.cache_size)
        self._figures = Figures()
        self._flights: dict[Question, _Flight] = {}
        self._queue: deque[_Flight] = deque()
        self._window = Window(settings.max_in_flight)
        self._alarms = Alarms()
        self._pumping: asyncio.Handle | None = None
        self._pumps_soon = False
        self._told: deque[tuple[_Waiter, Outcome]] = deque()

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        """The answer if it is known now, at once and without a task; None: it must be asked."""
        known = self._cache.get(_question(name, kind), self._clock())
        if not isinstance(known, Answer):
            return None
        self._figures.cache_hits += 1
        return known

    def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
        """Have `hear` told once, in a later tick; its deadline is the caller's."""
        question, now, waiter = _question(name, kind), self._clock(), _Waiter(hear)
        known: Outcome | None = self._cache.get(question, now)
        if known is not None:
            self._figures.cache_hits += 1
            self._tell_soon([waiter], known)
        elif (flight := self._flights.get(question)) is not None:
            self._figures.merged += 1
            flight.waiters.append(waiter)
        else:
            self._depart(question, waiter, now)
        return waiter

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        """The answer, asked of the network if need be. Raises DnsUnavailable; its deadline is the caller's."""
        told: asyncio.Future[Answer | DnsUnavailable] = asyncio.get_running_loop().create_future()
        inquiry = self.seek(name, kind, told.set_result)
        try:
            answer = await told
        finally:
            inquiry.cancel()
        if isinstance(answer, DnsUnavailable):
            raise answer
        return answer

    def stats(self) -> DnsStats:
        """The figures of this moment."""
        counted, servers = self._figures, self._servers.known
        return DnsStats(
            questions=counted.questions,
            cache_hits=counted.cache_hits,
            merged=counted.merged,
            outcomes=dict(counted.outcomes),
            unavailable=dict(counted.unavailable),
            question_seconds=counted.seconds,
            question_seconds_counts=tuple(counted.seconds_counts),
            in_flight=self._window.in_flight,
            waiting=len(self._queue),
            cache_entries=len(self._cache),
            cache_bytes=self._cache.bytes,
            cache_evicted=self._cache.evicted,
            strays=sum(server.link.strays for server in servers),
            servers={str(server.place): server.is_up for server in servers},
        )

    def close(self) -> None:
        """Ask nothing more; whoever waits is told that the resolver is down."""
        self._queue.clear()
        if self._pumping is not None:
            self._pumping.cancel()
        for flight in list(self._flights.values()):
            if flight.exchange is None:
                self._tell(flight, "resolver down")
            else:
                flight.exchange.end("resolver down")
        self._servers.close()

    def _depart(self, question: Question, waiter: _Waiter, now: float) -> None:
        """Ask a question for `waiter`, or tell him why that cannot be."""
        try:
            flight = _Flight(question, self._admitted(question, now), waiter)
        except DnsUnavailable as error:
            self._figures.unavailable[error.reason] += 1
            self._tell_soon([waiter], error.reason)
            return
        self._flights[question] = flight
        self._queue.append(flight)
        self._pump_soon()

    def _admitted(self, question: Question, now: float) -> bytes:
        """A question as it is asked, if it may be. Raises DnsUnavailable."""
        asked = encode(*question)
        if len(self._flights) >= self._settings.max_in_flight + self._settings.max_waiting:
            raise DnsUnavailable("overload")
        for server in self._servers.current(now):
            if server.is_up:
                return asked
        raise DnsUnavailable("resolver down")

    def _start(self, flight: _Flight, servers: Sequence[Nameserver], now: float) -> None:
        self._figures.questions += 1
        self._window.enter(flight, now)
        done, loop = partial(self._landed, flight), asyncio.get_running_loop()
        flight.exchange = Exchange(flight.asked, flight.question[1], servers, done, loop, self._alarms)
        flight.exchange.start(self._settings.timeout, self._settings.tries)

    def _landed(self, flight: _Flight, outcome: Outcome) -> None:
        self._window.leave(flight)
        now = self._clock()
        self._figures.time(now - flight.sent)
        if isinstance(outcome, Answer):
            self._figures.outcomes[outcome.outcome] += 1
            if not self._settings.min_ttl <= outcome.ttl <= self._settings.max_ttl:
                ttl = min(max(outcome.ttl, self._settings.min_ttl), self._settings.max_ttl)
                outcome = outcome._replace(ttl=ttl)
            if outcome.ttl > 0:
                self._cache.put(flight.question, outcome, now + outcome.ttl)
        else:
            self._figures.unavailable[outcome] += 1
            if outcome in _REMEMBERED:
                self._cache.put(flight.question, outcome, now + FAILURE_TTL)
        self._tell(flight, outcome)
        if self._queue:
            self._pump_soon()

    def _tell(self, flight: _Flight, outcome: Outcome) -> None:
        del self._flights[flight.question]
        self._tell_soon(flight.waiters, outcome)

    def _tell_soon(self, waiters: Iterable[_Waiter], outcome: Outcome) -> None:
        """Have them told when this tick is over: all that came is read in a row, and then heard in a row."""
        if not self._told:
            asyncio.get_running_loop().call_soon(self._tell_all)
        self._told.extend([(waiter, outcome) for waiter in waiters])

    def _tell_all(self) -> None:
        told = self._told
        try:
            for _ in range(len(told)):
                waiter, outcome = told.popleft()
                waiter.tell(outcome)
        finally:
            if told:
                asyncio.get_running_loop().call_soon(self._tell_all)

    def _pump_soon(self) -> None:
        """Send what waits when this tick is over: in a row, because each by itself would wake a sleeping nameserver."""
        if self._pumps_soon:
            return
        self._pumps_soon = True
        if self._pumping is not None:
            self._pumping.cancel()
        self._pumping = asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Send what waits, as far as there is room; what nobody waits for any more is dropped."""
        self._pumps_soon, self._pumping = False, None
        now = self._clock()
        servers = self._servers.current(now)
        while self._queue and self._window.is_open(now):
            flight = self._queue.popleft()
            for waiter in flight.waiters:
                if waiter.hear is not None:
                    self._start(flight, servers, now)
                    break
            else:
                del self._flights[flight.question]
        if self._queue and not self._pumps_soon:
            self._pumping = asyncio.get_running_loop().call_later(MOMENT, self._pump)


def _question(name: str, kind: RecordType) -> Question:
    return (name if name.islower() and name[-1] != "." else name.lower().removesuffix("."), kind)
