"""From answers to a sentence: pure.

Law: the strictest sentence of the two identities counts. What the administrator wrote for a domain outranks what he
wrote for everybody; a trusted forwarder and the sender's own DMARC policy soften, and never harden.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from policyd.checks.spf.settings import DomainSettings, Sentence, Settings
from policyd.model.spf import SpfAnswer, SpfIdentity

STRICTEST_FIRST: Final[tuple[Sentence, ...]] = ("reject", "defer", "greylist", "tag", "none")
_RANKS: Final = {sentence: rank for rank, sentence in enumerate(STRICTEST_FIRST)}
HARMFUL: Final[frozenset[Sentence]] = frozenset({"reject", "defer", "greylist"})


class Opinion(NamedTuple):
    """What follows from the answer about one identity."""

    identity: SpfIdentity
    answer: SpfAnswer
    sentence: Sentence
    may_leave_to_dmarc: bool = False
    """Whether the sender's own DMARC policy may take its place."""

    def softened(self) -> "Opinion":
        """The same without harm."""
        return self._replace(sentence="tag") if self.sentence in HARMFUL else self


def opinion(settings: Settings, identity: SpfIdentity, answer: SpfAnswer, *, is_null: bool = False) -> Opinion:
    """What follows from `answer`. `is_null`: the HELO name stands in for the null sender, too (RFC 7208 2.4)."""
    if answer.is_no_mail and settings.reject_no_mail:
        return Opinion(identity, answer, "reject")
    override = _override(settings.domain, answer) if settings.domain else None
    if override is not None:
        return Opinion(identity, answer, override)
    sentence = (settings.helo if identity == "helo" else settings.mail_from).of(answer.result)
    if is_null:
        sentence = strictest((sentence, settings.mail_from.of(answer.result)))
    # DMARC judges the sender's domain. Only a fail is its business; an error is nobody's statement.
    leave = settings.leave_to_dmarc and identity == "mailfrom" and answer.result == "fail"
    return Opinion(identity, answer, sentence, leave and sentence in HARMFUL)


def strictest(sentences: Iterable[Sentence]) -> Sentence:
    """The strictest one."""
    return min(sentences, key=STRICTEST_FIRST.index)


def deciding(opinions: Sequence[Opinion]) -> Opinion:
    """The opinion with the strictest sentence, the first among equals."""
    return min(opinions, key=_rank)


def shown(opinions: Sequence[Opinion]) -> Opinion | None:
    """Whose header the mail gets: that of the sender's domain if it says anything; None: none is wanted."""
    silent = None
    for opinion in reversed(opinions):
        if opinion.sentence == "none":
            continue
        if opinion.answer.result != "none":
            return opinion
        silent = silent or opinion
    return silent


def _rank(opinion: Opinion) -> int:
    return _RANKS[opinion.sentence]


def _override(domains: Sequence[DomainSettings], answer: SpfAnswer) -> Sentence | None:
    for domain in domains:
        if answer.domain and domain.covers(answer.domain):
            return domain.of(answer.result)
    return None
