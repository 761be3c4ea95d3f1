"""What can be seen of a record before it is evaluated, so that fewer rounds are needed.

Law: it only saves time. What is asked for too much is bounded, and nothing that is decided depends on it.
"""

import spf

from policyd.lookups.spf.knowledge import Question, question_of
from policyd.lookups.spf.networks import Network
from policyd.lookups.spf.subject import Subject
from policyd.lookups.spf.terms import Record, read_record, record_of
from policyd.model.dns import Answer, DnsUnavailable
from policyd.model.spf import SpfLimits


def is_without_record(answer: Answer | DnsUnavailable | None) -> bool:
    """Whether a domain whose TXT these are has no record, as most HELO names: then nothing is to be evaluated."""
    if not isinstance(answer, Answer) or not answer.records:
        return isinstance(answer, Answer)
    return not any(isinstance(record, bytes) and record[:6].lower() == b"v=spf1" for record in answer.records)


def foreseen(subject: Subject, answer: Answer | DnsUnavailable | None, limits: SpfLimits) -> list[Question]:
    """What the record among these TXT of the subject's domain will ask for in its first round, where that is sure."""
    if not isinstance(answer, Answer) or not answer.records:
        return []
    texts = [text for text in answer.records if isinstance(text, bytes)]
    try:
        text = record_of(texts, subject.domain)
        if text is None:
            return []
        record = read_record(text)
    except spf.PermError:
        return []
    for term in record.terms:
        if isinstance(term, Network) and term.holds(subject.client):
            return []
    if not record.names_first:
        return []
    return questions_of(record, subject.domain, "A" if subject.client.version == 4 else "AAAA", limits)


def questions_of(record: Record, domain: str, addresses: str, limits: SpfLimits) -> list[Question]:
    """What a record of `domain` names; `addresses` is the client's kind of address record."""
    kinds = {"a": addresses, "mx": "MX", "include": "TXT"}
    wanted = [question_of(name or domain, kinds[kind]) for kind, name in record.named[: limits.terms]]
    return [question for question in wanted if question]
