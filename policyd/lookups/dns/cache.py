"""What was answered, for as long as it is true.

Law: nothing is told after its time, and there are never more entries nor more bytes than allowed: the longest unused
gives way. Time is an argument, seconds of a clock that only goes forward.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from policyd.model.dns import Answer, Mx, RecordType, UnavailableReason

OVERHEAD: Final = 512
"""Bytes an entry costs beside its texts: 390 measured, and the rest is for what the allocator rounds up."""
RECORD_OVERHEAD: Final = 64
MX_OVERHEAD: Final = 192

Question = tuple[str, RecordType]
"""A name in lower case without its last dot, and what is asked of it."""
Known = Answer | UnavailableReason


class _Entry(NamedTuple):
    until: float
    size: int
    known: Known


class Cache:
    """Answers by question, and for a moment the questions that had none."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Question, _Entry] = OrderedDict()
        self.bytes = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, question: Question, now: float) -> Known | None:
        """What is known at `now`."""
        entry = self._entries.get(question)
        if entry is None:
            return None
        if entry.until <= now:
            self._forget(question)
            return None
        self._entries.move_to_end(question)
        return entry.known

    def put(self, question: Question, known: Known, until: float) -> None:
        """Remember `known` until then."""
        if question in self._entries:
            self._forget(question)
        entry = _Entry(until, _size(question, known), known)
        self._entries[question] = entry
        self.bytes += entry.size
        while self.bytes > self._max_bytes or len(self._entries) > self._max_entries:
            self.bytes -= self._entries.popitem(last=False)[1].size
            self.evicted += 1

    def _forget(self, question: Question) -> None:
        self.bytes -= self._entries.pop(question).size


def _size(question: Question, known: Known) -> int:
    size = OVERHEAD + len(question[0])
    for record in known.records if isinstance(known, Answer) else ():
        size += MX_OVERHEAD + len(record.exchange) if isinstance(record, Mx) else RECORD_OVERHEAD + len(record)
    return size
