"""What the lists of a check are asked about, one kind after the other.

Law: a list without entries is not asked at all, and the others only about whom they may name: a door says so for all
files of a list at once, and remembers it until one of them changes. What a request does not say is on no list; an empty
sender that Postfix did say is the null sender, and may be.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from operator import attrgetter
from typing import Any, Final, cast

from policyd.model.evidence import Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Verdict
from policyd.tables.gates import Gate, joined, near
from policyd.tables.lists import Client, ListKind, Match, Subject, TableList, parse_source

Door = Callable[[PolicyRequest], bool]
"""Whether a list may name a request."""
Judge = Callable[[ListKind, Match], Verdict | None]
"""What a match means; None: nothing, and the next kind is asked."""


def files(*default: str) -> Any:
    """An option of a check's settings that names list files, each of them once."""
    return field(default=default, metadata={"check": parse_source, "unique": True})


class Questions:
    """Lists in the order in which they are asked, and what a match in one of them means."""

    __slots__ = ("_asked", "_judge", "_lists")

    def __init__(self, lists: Sequence[TableList], judge: Judge) -> None:
        self._lists = lists
        self._judge = judge
        self._asked: Sequence[tuple[Door, TableList]] = ()
        for table_list in lists:
            table_list.on_change.append(self._arrange)
        self._arrange()

    def _arrange(self) -> None:
        self._asked = [(_door(table_list), table_list) for table_list in self._lists if table_list.tables]

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
        """The first verdict of a list that names this request; no opinion if none does."""
        for is_open, asked in self._asked:  # nearly always all doors are closed
            if not is_open(request) or (subject := _SUBJECTS[asked.kind](request)) is None:
                continue
            match = asked.match(subject, now)
            if match is not None and (verdict := self._judge(asked.kind, match)) is not None:
                return verdict
        return NO_OPINION


def _door(table_list: TableList) -> Door:
    gates = [table.gate for table in table_list.tables if table.gate is not None]
    if len(gates) < len(table_list.tables):
        return lambda request: True
    gate = joined(gates)
    return _client_door(gate) if table_list.kind == "client" else _mail_door(gate, attrgetter(table_list.kind))


def _client_door(gate: Gate) -> Door:
    is_near, is_open = near(gate.heads), gate.is_open
    return lambda request: is_near(request.client_address) or is_open(request.client_name)


def _mail_door(gate: Gate, mail_of: Callable[[PolicyRequest], str]) -> Door:
    is_open = gate.is_open
    return lambda request: is_open(mail_of(request))


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
