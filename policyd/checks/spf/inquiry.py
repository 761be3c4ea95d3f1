"""What is sought about one request: answers about its identities, all at once, and what follows from each.

Law: one future, however many answers come. Whoever goes gives up what is still sought.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from policyd.checks.spf.judgement import Opinion
from policyd.model.dns import Sought
from policyd.model.spf import SpfAnswer, SpfEvaluator, SpfIdentity, SpfQuestion

Weigh = Callable[[SpfIdentity, SpfAnswer], Opinion]
"""Makes the opinion on an answer, when it comes."""


class Inquiry:
    """Seeks answers, each for at most `seconds`. One task waits for them."""

    __slots__ = ("_evaluator", "_news", "_opinions", "_seconds", "_sought", "_weigh")

    def __init__(self, evaluator: SpfEvaluator, seconds: float, weigh: Weigh) -> None:
        self._evaluator = evaluator
        self._seconds = seconds
        self._weigh = weigh
        self._opinions: dict[SpfIdentity, Opinion | None] = {}
        self._sought: list[Sought] = []
        self._news: asyncio.Future[None] | None = None

    @property
    def identities(self) -> tuple[SpfIdentity, ...]:
        """Who is asked about, in the order in which they were added."""
        return tuple(self._opinions)

    def add(self, identity: SpfIdentity, question: SpfQuestion, known: SpfAnswer | None) -> None:
        """Ask about one more, unless the answer is `known`."""
        self._opinions[identity] = None
        if known is None:
            self._sought.append(self._evaluator.seek(question, self._seconds, partial(self._hear, identity)))
        else:
            self._hear(identity, known)

    async def opinion(self, identity: SpfIdentity) -> Opinion:
        """The opinion on one that was added."""
        while (opinion := self._opinions[identity]) is None:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return opinion

    def cancel(self) -> None:
        """Seek nothing more."""
        for sought in self._sought:
            sought.cancel()

    def _hear(self, identity: SpfIdentity, answer: SpfAnswer) -> None:
        self._opinions[identity] = self._weigh(identity, answer)
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
