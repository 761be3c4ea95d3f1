"""What is sought about one request: answers about its identities, all at once.

Law: one future, however many answers come. Whoever goes gives up what is still sought.
"""

import asyncio
from functools import partial

from policyd.model.spf import SpfAnswer, SpfEvaluator, SpfIdentity, SpfInquiry, SpfQuestion


class Inquiry:
    """Seeks answers, each for at most `seconds`. One task waits for them."""

    __slots__ = ("_answers", "_evaluator", "_news", "_seconds", "_sought")

    def __init__(self, evaluator: SpfEvaluator, seconds: float) -> None:
        self._evaluator = evaluator
        self._seconds = seconds
        self._answers: dict[SpfIdentity, SpfAnswer | None] = {}
        self._sought: list[SpfInquiry] = []
        self._news: asyncio.Future[None] | None = None

    @property
    def identities(self) -> tuple[SpfIdentity, ...]:
        """Who is asked about, in the order in which they were added."""
        return tuple(self._answers)

    def add(self, identity: SpfIdentity, question: SpfQuestion, known: SpfAnswer | None) -> None:
        """Ask about one more, unless the answer is `known`."""
        self._answers[identity] = known
        if known is None:
            self._sought.append(self._evaluator.seek(question, self._seconds, partial(self._hear, identity)))

    async def answer(self, identity: SpfIdentity) -> SpfAnswer:
        """The answer about one that was added."""
        while (answer := self._answers[identity]) is None:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        return answer

    def cancel(self) -> None:
        """Seek nothing more."""
        for sought in self._sought:
            sought.cancel()

    def _hear(self, identity: SpfIdentity, answer: SpfAnswer) -> None:
        self._answers[identity] = answer
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
