"""The blacklist: clients, HELO names, senders and recipients that are refused, held, tagged or noted.

Law: the first list that names the mail decides, with the action of its line; a line without one refuses. DUNNO takes
its key out of the lists of that kind only, as in one of Postfix's restrictions; the other kinds are still asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from policyd.checks.listed import Questions, files
from policyd.checks.tools import Tools
from policyd.model.action import STATUS, Action
from policyd.model.verdict import Check, Verdict
from policyd.tables.lists import ListKind, Match, TableList

GOES_ON: Final = frozenset(
    {"DEFER_IF_PERMIT", "DEFER_IF_REJECT", "PREPEND", "HOLD", "FILTER", "REDIRECT", "BCC", "WARN", "INFO"}
)
"""Actions behind which Postfix asks its next restriction (smtpd's check_table_result): so later checks are asked."""

TEXT_LIMIT: Final = 300
"""Characters of `text`; what was listed and the decision id stand behind it."""

_WHAT: Final = {
    "client": "client host",
    "helo": "HELO name",
    "sender": "sender address",
    "recipient": "recipient address",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of ``[blacklist]``. With each file its companions ``FILE.local`` and ``FILE.d/*`` are read.

    Raises ValueError, ``option: what is wrong``.
    """

    clients: tuple[str, ...] = files()
    helo: tuple[str, ...] = files()
    senders: tuple[str, ...] = files("/etc/policyd/blacklist_senders")
    recipients: tuple[str, ...] = files()
    text: str = "Rejected by local policy"
    """What is told where a line names no action; what was listed follows behind a comma."""

    def __post_init__(self) -> None:
        """Refuse a text that Postfix would not send."""
        status = STATUS.match(self.text)
        if status and status[1] != "5":
            raise ValueError(
                f"text: {self.text!r} starts with the status of another answer; start with 5.7.1 or without one"
            )
        if len(self.text) > TEXT_LIMIT:
            raise ValueError(f"text: at most {TEXT_LIMIT} characters can be sent")
        try:
            Action("550", self.text)
        except ValueError as error:
            raise ValueError(f"text: {error}") from None


class Blacklist:
    """Judges by the client, then its HELO name, then the sender, then the recipient."""

    name: Final = "blacklist"

    def __init__(self, lists: Sequence[TableList], text: str) -> None:
        self._refusals = {table_list.kind: _refusal(text, table_list.kind) for table_list in lists}
        self.evaluate = Questions(lists, self._judge).evaluate

    def _judge(self, kind: ListKind, match: Match) -> Verdict | None:
        action = match.action or self._refusals[kind]
        if action.verb == "DUNNO":
            return None
        return Verdict(action, "blacklist", final=action.verb not in GOES_ON, match=str(match))


def _refusal(text: str, kind: ListKind) -> Action:
    status = "" if STATUS.match(text) else "5.7.1 "
    return Action("550", f"{status}{text}, {_WHAT[kind]} is listed")


def build(settings: Settings, tools: Tools) -> Check:
    """The check with the lists of all files."""
    lists = [
        tools.list("client", settings.clients),
        tools.list("helo", settings.helo),
        tools.list("sender", settings.senders),
        tools.list("recipient", settings.recipients),
    ]
    return Blacklist(lists, settings.text)
