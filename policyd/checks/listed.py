"""What the lists of a check are asked about, one kind after the other.

Law: a list without entries is not asked at all. What a request does not say is on no list; an empty sender that
Postfix did say is the null sender, and may be.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Final, cast

from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Verdict
from policyd.tables.lists import Client, ListKind, Match, Subject, TableList, parse_source

Judge = Callable[[ListKind, Match], Verdict | None]
"""What a match means; None: nothing, and the next kind is asked."""


def check_source(element: str) -> None:
    """Refuse an element of a list option that names no list (`check` of an option's metadata). Raises ValueError."""
    parse_source(element)


class Questions:
    """Lists in the order in which they are asked, and what a match in one of them means."""

    __slots__ = ("_asked", "_judge")

    def __init__(self, lists: Iterable[TableList], judge: Judge) -> None:
        self._asked: Sequence[tuple[TableList, Callable[[PolicyRequest], Subject | None]]] = [
            (table_list, _SUBJECTS[table_list.kind]) for table_list in lists
        ]
        self._judge = judge

    def __call__(self, request: PolicyRequest, now: int) -> Verdict:
        """The first verdict of a list that names this request; no opinion if none does."""
        for asked, subject_of in self._asked:
            tables = asked.tables
            if not tables or (subject := subject_of(request)) is None:
                continue
            for table in tables:  # TableList.match, without a Python frame: this runs for every mail
                if (match := table.find(subject, now)) is not None:
                    break
            else:
                continue
            if (verdict := self._judge(asked.kind, match)) is not None:
                return verdict
        return NO_OPINION


def _sender(request: PolicyRequest) -> str | None:
    return request.sender if request.sender or "sender" in request.attributes else None


# What Client(...) holds, without a Python frame.
_client = cast(Callable[[PolicyRequest], Client], attrgetter("client_address", "client_name"))

_SUBJECTS: Final[Mapping[ListKind, Callable[[PolicyRequest], Subject | None]]] = {
    "client": _client,
    "helo": lambda request: request.helo_name or None,
    "sender": _sender,
    "recipient": lambda request: request.recipient or None,
}
