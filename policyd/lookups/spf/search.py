"""One check under way: it asks what it lacks, and goes on when the last answer has come.

Law: it ends exactly once: with its steps, with a fault, or with its time; what it asked for is given up then. What is
only asked for because it may be needed next keeps nobody waiting: mail must not pay for a name that it does not need.
Callbacks and no task: one for each check and each question costs more than the evaluation (docs/decisions/0005-spf.md).
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Final

from policyd.alarms import Alarm, Alarms
from policyd.lookups.spf.knowledge import Knowledge, Question
from policyd.lookups.spf.turns import Turns
from policyd.model.dns import Answer, DnsUnavailable, Resolver

Steps = Generator[Sequence[Question], None, None]
"""Yields what must be known before it can go on: the first, and with it others that may have to be known next."""
Done = Callable[[BaseException | None], None]
"""Told of the end: None, the fault, or TimeoutError."""

PATIENCE: Final = 0.2
"""Seconds for which the others are waited for once the first is known: one more round is cheaper than to ask twice."""
LATE: Final = TimeoutError("the time of the check is over")


class Search:
    """The `steps` of one check over `knowledge`, which answers of `resolver` go into."""

    __slots__ = (
        "_alarms", "_done", "_ends", "_first", "_knowledge", "_lacking", "_patience", "_resolver", "_steps",
        "_timer", "_turns",
    )  # fmt: skip

    def __init__(
        self, steps: Steps, knowledge: Knowledge, resolver: Resolver, turns: Turns, alarms: Alarms, done: Done
    ) -> None:
        self._steps = steps
        self._knowledge = knowledge
        self._resolver = resolver
        self._turns = turns
        self._alarms = alarms
        self._done: Done | None = done
        self._lacking: set[Question] = set()
        self._patience: asyncio.TimerHandle | None = None
        self._timer: Alarm | asyncio.TimerHandle | None = None

    def start(self, seconds: float) -> None:
        """Go as far as can be gone now, and to the end within so many seconds."""
        self._ends = asyncio.get_running_loop().time() + seconds
        self._turns.do(self._go_on)
        if self._done is not None:  # it asks, or waits for its turn
            self._set_timer()

    def hurry(self, seconds: float) -> None:
        """For a step: what follows may take so many seconds."""
        self._ends = min(self._ends, asyncio.get_running_loop().time() + seconds)
        if self._timer is not None:
            self._timer.cancel()
            self._set_timer()

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        self._done = None
        self._give_up()

    def _go_on(self) -> None:
        if self._done is None:  # it ended while it waited for its turn
            return
        try:
            self._ask(next(self._steps))
        except StopIteration:
            self._end(None)
        except Exception as error:
            self._end(error)

    def _ask(self, questions: Sequence[Question]) -> None:
        self._first = questions[0]
        self._lacking.add(self._first)
        for question in questions:
            if question in self._knowledge.expected:  # it was waited for long enough, unless it comes first now
                continue
            self._lacking.add(question)
            self._knowledge.expected[question] = self._resolver.seek(*question, partial(self._hear, question))

    def _hear(self, question: Question, answer: Answer | DnsUnavailable) -> None:
        self._knowledge.put(question, answer)
        if question not in self._lacking:  # it comes late
            return
        self._lacking.remove(question)
        if not self._lacking:
            self._have_enough()
        elif question == self._first:
            self._patience = asyncio.get_running_loop().call_later(PATIENCE, self._have_enough)

    def _have_enough(self) -> None:
        """Go on; what is still to come may come."""
        self._lacking.clear()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._turns.do(self._go_on)

    def _set_timer(self) -> None:
        self._timer = self._alarms.at(self._ends, self._be_late)

    def _be_late(self) -> None:
        self._end(LATE)

    def _end(self, error: BaseException | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            self._give_up()
            done(error)

    def _give_up(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._patience is not None:
            self._patience.cancel()
        self._lacking.clear()
        for inquiry in self._knowledge.expected.values():
            inquiry.cancel()
