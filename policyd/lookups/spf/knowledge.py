"""What one evaluation knows of the DNS so far, and how it says that it must know more.

Law: an answer that was used once stays for the whole evaluation, whatever its TTL: each round must see the same world,
or it would never end. A question that is not answered yet ends the round, and no `except` of pyspf can undo that.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, cast

from policyd.model.dns import Answer, DnsUnavailable, RecordType, Sought

Question = tuple[str, RecordType]
Cached = Callable[[str, RecordType], Answer | None]
MAX_NAME: Final = 253
FOREVER: Final = (1 << 31) - 1
"""The largest TTL there is (RFC 2181 8)."""

_NAME: Final = re.compile(r"(?=[ -~]{1,253}$)[^.]{1,63}(?:\.[^.]{1,63})*", re.ASCII)


class Miss(BaseException):
    """The round cannot go on. No Exception: pyspf catches those, and the mark on the evaluation says the same."""


class Knowledge:
    """Answers by question, for one evaluation of at most `limit` questions."""

    def __init__(self, cached: Cached, limit: int) -> None:
        self._cached = cached
        self._limit = limit
        self._known: dict[Question, Answer | DnsUnavailable] = {}
        self.ttl = FOREVER
        """Seconds for which all of it stays true; 0 if a question had no answer."""
        self.is_secure = True
        """Whether DNSSEC vouches for all of it."""
        self._at_hand: dict[Question, Answer] = {}
        """What the resolver knew when it was foreseen; it counts when it is used."""
        self.expected: dict[Question, Sought] = {}
        """What the resolver was asked and has not answered."""
        self.parsed: dict[tuple[str, str], Any] = {}
        """What rounds before found of terms, by their domain and text; likewise the others."""
        self.included: dict[tuple[str, int, int, int], Any] = {}

    @property
    def queries(self) -> int:
        """Questions so far, those that the resolver's cache answered among them."""
        return len(self._known) + len(self.expected)

    def get(self, question: Question) -> Answer | DnsUnavailable | None:
        """What is known; None: it must be asked."""
        answer = self._known.get(question)
        if answer is not None or self.queries >= self._limit:
            return answer
        cached = self._at_hand.get(question) or self._cached(*question)
        if cached is not None:
            self.put(question, cached)
        return cached

    def put(self, question: Question, answer: Answer | DnsUnavailable) -> None:
        """Keep what the resolver said."""
        self._known[question] = answer
        self.expected.pop(question, None)
        if not isinstance(answer, Answer):
            self.ttl, self.is_secure = 0, False
            return
        if answer.ttl < self.ttl:
            self.ttl = answer.ttl
        if not answer.is_secure:
            self.is_secure = False

    def missing(self, questions: Sequence[Question]) -> list[Question]:
        """Those of `questions` that are not known, as many as may be asked."""
        unknown = [question for question in dict.fromkeys(questions) if self.get(question) is None]
        room = self._limit - self.queries
        if len(unknown) <= room:
            return unknown
        # What is expected costs nothing more.
        free = [question for question in unknown if question in self.expected]
        return free + [question for question in unknown if question not in self.expected][:room]

    def beside(self, questions: Sequence[Question], needed: Sequence[Question] = ()) -> list[Question]:
        """Those of `questions` that may be asked with the `needed` ones, because they may be needed next.

        Half of the limit is left for what is needed indeed.
        """
        known, expected = self._known, self.expected
        new = [each for each in questions if each not in known and each not in expected and each not in needed]
        unknown = [question for question in dict.fromkeys(new) if not self._is_at_hand(question)]
        return unknown[: max(0, self._limit // 2 - self.queries - len(needed))]

    def _is_at_hand(self, question: Question) -> bool:
        if (cached := self._cached(*question)) is None:
            return False
        self._at_hand[question] = cached
        return True


def question_of(name: str, kind: str) -> Question | None:
    """What to ask for; None: there can be no such name."""
    return _question_of(name, kind) if len(name) <= MAX_NAME + 1 else None


@lru_cache(maxsize=4096)
def _question_of(name: str, kind: str) -> Question | None:
    name = name.lower().removesuffix(".")
    return (name, cast(RecordType, kind)) if _NAME.fullmatch(name) else None
