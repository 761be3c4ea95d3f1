"""Asks the lists for their test points, feeds their health and says what changed.

Law: one probe of a list runs at a time, whoever wants it, and takes `DEADLINE` at most. The clock is the caller's.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from policyd.checks.rbl.asking import ask_all
from policyd.checks.rbl.points import Found, judge, judge_sample, points, sample, unheard
from policyd.checks.rbl.sayings import deafness, sentence, silence
from policyd.checks.rbl.watch import Watched
from policyd.model.dns import Resolver

DEADLINE: Final = 5.0
"""Seconds for the questions of one probe."""
TICK: Final = 1.0
"""Seconds between two looks at which lists are due."""


class Prober:
    """Probes `watched` lists through `resolver`; `say` takes one sentence for the log."""

    def __init__(self, resolver: Resolver, watched: Sequence[Watched], say: Callable[[str], object]) -> None:
        self._resolver = resolver
        self._watched = watched
        self._say = say
        self._running: dict[Watched, asyncio.Task[None]] = {}
        self._held: list[str] = []

    async def run(self, clock: Callable[[], int]) -> None:
        """Probe for ever whatever is due; `clock` gives seconds since the epoch."""
        while True:
            await self.round(clock())
            await asyncio.sleep(TICK)

    async def round(self, now: int) -> None:
        """Probe what is due at `now`, all at once."""
        due = [self._probe(watched, now) for watched in self._watched if watched.health.is_due(now)]
        if due:
            done, _ = await asyncio.wait(due)  # not gather: mail may wait for a probe when this ends
            for probe in done:
                probe.result()
        self._say_silent()

    def begin(self, lists: Iterable[Watched], now: int) -> None:
        """Have probes of `lists` under way, which `prove` will wait for."""
        for watched in lists:
            self._probe(watched, now)

    async def prove(self, lists: Iterable[Watched], now: int, seconds: float) -> None:
        """Have a probe of `lists`, as far as it can be had in `seconds`. A probe goes on when its caller is gone."""
        probes = [self._probe(watched, now) for watched in lists]
        done, _ = await asyncio.wait(probes, timeout=max(seconds, 0.0))
        for probe in done:
            probe.result()

    def _probe(self, watched: Watched, now: int) -> asyncio.Task[None]:
        running = self._running.get(watched)
        if running is None:
            running = self._running[watched] = asyncio.create_task(self._run(watched, now))
            running.add_done_callback(lambda _: self._running.pop(watched, None))
        return running

    async def _run(self, watched: Watched, now: int) -> None:
        zone, asked = watched.zone, points(watched.zone, now)
        extra = sample(zone, now) if watched.wants_sample(now) else ()
        replies = await ask_all(self._resolver, (*asked.names, *extra), DEADLINE)
        answers = {name: reply.answer for name, reply in replies.items()}
        found = judge(zone, asked, answers)
        if found.finding == "good" and not watched.is_deaf and (code := unheard(zone, asked, answers)):
            watched.is_deaf = True
            self._say(deafness(zone, code))
        if extra and found.finding == "good":
            found = self._judge_sample(watched, now, judge_sample(extra, answers) or found)
        if change := watched.health.take(found.finding, now, found.ttl):
            text = sentence(zone, change, found)
            if found.finding == "silent":
                self._held.append(text)
            else:
                self._say(text)

    def _judge_sample(self, watched: Watched, now: int, found: Found) -> Found:
        watched.is_wide = found.finding == "lists all" or (watched.is_wide and found.finding != "good")
        watched.sampled_at = now
        return found

    def _say_silent(self) -> None:
        """One line if no list answers, else one for each that does not."""
        silent = [watched for watched in self._watched if watched.health.parked and watched.health.finding == "silent"]
        if len(self._held) > 1 and len(silent) == len(self._watched):
            self._held = [silence(len(silent))]
        for text in self._held:
            self._say(text)
        self._held.clear()
