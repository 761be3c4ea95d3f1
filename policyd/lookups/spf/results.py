"""Answers that were found lately: fifty recipients of a mail, or fifty mails of a sender, are one evaluation.

Law: bounded by their number, each of bounded size; never longer than the DNS says. An answer that depends on the local
part is nobody else's.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from policyd.lookups.spf.subject import Subject
from policyd.model.spf import SpfAnswer

MAX_RESULTS: Final = 8192
"""Answers that are remembered, under 1 kB each; the longest unused gives way."""


class _Entry(NamedTuple):
    answer: SpfAnswer
    until: float
    local: str | None
    """The local part that it depends on; None: it depends on none."""


class Results:
    """Answers by client, domain and HELO name."""

    def __init__(self, limit: int = MAX_RESULTS) -> None:
        self._limit = limit
        self._entries: OrderedDict[tuple[str, str, str], _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, subject: Subject, now: float) -> SpfAnswer | None:
        """The answer about `subject`, if it is known and still true."""
        key = _key(subject)
        entry = self._entries.get(key)
        if entry is None or entry.local not in (None, subject.local):
            return None
        if entry.until <= now:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return entry.answer

    def put(self, subject: Subject, answer: SpfAnswer, until: float, *, uses_sender: bool) -> None:
        """Remember an answer."""
        key = _key(subject)
        self._entries[key] = _Entry(answer, until, subject.local if uses_sender else None)
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)


def _key(subject: Subject) -> tuple[str, str, str]:
    # A HELO name has 2 kB at most, and macros see 512 characters of it; more than 255 is nobody's name.
    return subject.client.text, subject.domain, subject.helo[:512]
