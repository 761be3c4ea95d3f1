import asyncio
from collections.abc import Callable

from policyd.checks.spf.inquiry import Inquiry
from policyd.checks.spf.judgement import Opinion
from policyd.model.dns import Sought
from policyd.model.spf import NO_EVALUATOR, SpfAnswer, SpfIdentity, SpfQuestion

HELO, SENDER = SpfAnswer("none", "mail.a.example"), SpfAnswer("pass", "a.example")


def weigh(identity: SpfIdentity, answer: SpfAnswer) -> Opinion:
    return Opinion(identity, answer, "tag")


class Evaluator:
    """Says nothing until it is told to."""

    def __init__(self) -> None:
        self.hears: dict[str, Callable[[SpfAnswer], object]] = {}
        self.cancelled: list[str] = []

    def seek(self, question: SpfQuestion, seconds: float, hear: Callable[[SpfAnswer], object]) -> Sought:
        assert seconds == 5
        self.hears[question.sender] = hear
        return Seeking(self, question.sender)

    known, evaluate, report = NO_EVALUATOR.known, NO_EVALUATOR.evaluate, NO_EVALUATOR.report


class Seeking:
    def __init__(self, evaluator: Evaluator, sender: str) -> None:
        self.evaluator, self.sender = evaluator, sender

    def cancel(self) -> None:
        self.evaluator.cancelled.append(self.sender)


def question(sender: str) -> SpfQuestion:
    return SpfQuestion(None, "mail.a.example", sender)  # type: ignore[arg-type]


def test_answers_are_waited_for_in_any_order() -> None:
    async def work() -> None:
        evaluator = Evaluator()
        inquiry = Inquiry(evaluator, 5, weigh)
        inquiry.add("helo", question(""), None)
        inquiry.add("mailfrom", question("u@a.example"), None)
        assert inquiry.identities == ("helo", "mailfrom")
        helo = asyncio.create_task(inquiry.opinion("helo"))
        await asyncio.sleep(0)
        evaluator.hears["u@a.example"](SENDER)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not helo.done()
        evaluator.hears[""](HELO)
        assert (await helo).answer == HELO
        assert await inquiry.opinion("mailfrom") == weigh("mailfrom", SENDER)

    asyncio.run(work())


def test_what_is_known_is_not_sought_and_what_is_sought_can_be_given_up() -> None:
    async def work() -> None:
        evaluator = Evaluator()
        inquiry = Inquiry(evaluator, 5, weigh)
        inquiry.add("helo", question(""), HELO)
        inquiry.add("mailfrom", question("u@a.example"), None)
        assert list(evaluator.hears) == ["u@a.example"]
        assert await inquiry.opinion("helo") == weigh("helo", HELO)
        inquiry.cancel()
        assert evaluator.cancelled == ["u@a.example"]

    asyncio.run(work())
