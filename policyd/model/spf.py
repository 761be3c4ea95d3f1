"""SPF (RFC 7208): the question that checks may ask, the answer, and the port of whoever knows it.

Law: no object of an SPF library crosses this page. Every text in an answer is printable ASCII and bounded, but is the
attacker's all the same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

from policyd.model.address import Address
from policyd.model.dns import Sought
from policyd.model.evidence import SpfResult

SpfIdentity = Literal["mailfrom", "helo"]
"""Who was checked, in the words of RFC 7208 9.1."""


class SpfQuestion(NamedTuple):
    """Whether this client may send for this identity."""

    client: Address
    helo: str
    sender: str
    """An envelope sender; "" asks about the HELO name, as ``postmaster@`` it (RFC 7208 2.4)."""


class SpfAnswer(NamedTuple):
    """What the domain's owner says of the client."""

    result: SpfResult
    domain: str
    """The domain that was asked, in A-labels and lower case; "" if the identity has none that can be asked."""
    mechanism: str = ""
    """The term of the domain's record that matched; ``default`` if none did, "" without a result of a record."""
    problem: str = ""
    """Why it is an error."""
    explanation: str = ""
    """The owner's own words about a fail (exp=)."""
    is_no_mail: bool = False
    """Whether the record is ``v=spf1 -all`` and nothing else: nobody ever sends for this domain."""
    is_wide: bool = False
    """Whether the record lets more than a /8 of the Internet pass: such a pass proves nothing."""
    is_secure: bool = False
    """Whether every answer that it rests on was validated by DNSSEC."""
    ttl: int = 0
    """For how many seconds it was true when it was found."""


class SpfStep(NamedTuple):
    """One record on the way to an answer."""

    depth: int
    how: Literal["record", "include", "redirect"]
    domain: str
    record: str
    """Empty: there is none."""
    result: str
    """What the record said; "" if it was not read to its end because of an error."""
    mechanism: str


class SpfReport(NamedTuple):
    """An answer, and how it came about."""

    answer: SpfAnswer
    steps: tuple[SpfStep, ...] = ()
    terms: int = 0
    """Terms that cost a look-up (RFC 7208 4.6.4: 10 are allowed)."""
    voids: int = 0
    """Terms whose look-up found nothing."""
    queries: int = 0
    """Questions to the DNS."""


@dataclass(frozen=True, slots=True)
class SpfLimits:
    """How much work one answer may be."""

    terms: int = 10
    voids: int = 2
    queries: int = 50
    explanation: bool = True
    """Whether the owner's words about a fail are asked for."""
    cache_seconds: int = 300
    """For how long an answer is remembered at most; its TTL may say less."""


class SpfEvaluator(Protocol):
    """Who knows what domain owners say. Nothing that it is asked makes it raise."""

    def known(self, question: SpfQuestion) -> SpfAnswer | None:
        """The answer if it is known now, at once and without a task; None: it must be sought."""

    def seek(self, question: SpfQuestion, seconds: float, hear: Callable[[SpfAnswer], object]) -> Sought:
        """Have `hear` told the answer when it is found; ``temperror`` if that takes longer than so many seconds."""

    async def evaluate(self, question: SpfQuestion, seconds: float) -> SpfAnswer:
        """The answer, known or sought."""

    async def report(self, question: SpfQuestion, seconds: float) -> SpfReport:
        """The answer as it is sought, freshly, and how it came about."""


class _NoEvaluator:
    def known(self, question: SpfQuestion) -> SpfAnswer | None:
        """Nothing can be found out."""
        return SpfAnswer("temperror", "", problem="nobody to ask")

    def seek(self, question: SpfQuestion, seconds: float, hear: Callable[[SpfAnswer], object]) -> Sought:
        """Nobody seeks, because this is known."""
        raise NotImplementedError

    async def evaluate(self, question: SpfQuestion, seconds: float) -> SpfAnswer:
        """Nothing can be found out."""
        return SpfAnswer("temperror", "", problem="nobody to ask")

    async def report(self, question: SpfQuestion, seconds: float) -> SpfReport:
        """Nothing can be found out."""
        return SpfReport(await self.evaluate(question, seconds))


NO_EVALUATOR: Final[SpfEvaluator] = _NoEvaluator()
"""Where nobody may be asked."""
