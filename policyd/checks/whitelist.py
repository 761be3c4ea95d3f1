"""The whitelist: clients and recipients of whom no other check is asked.

Law: a listed mail is answered DUNNO, never OK: Postfix's own restrictions still count. A bad line never empties a list,
a missing file never stops the daemon; both are reported.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from policyd.checks.tools import Tools
from policyd.model.action import DUNNO
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict
from policyd.tables.clients import ClientList
from policyd.tables.recipients import RecipientList
from policyd.tables.table import Source

REMEMBERED: Final = 8192
"""Recipients remembered: the same come again. Clients do not; to remember them cost more than to ask (measured)."""

_CLIENT: Final = Verdict(DUNNO, "client whitelist")
_RECIPIENT: Final = Verdict(DUNNO, "recipient whitelist")


@dataclass(frozen=True)
class Settings:
    """The options of ``[whitelist]``. Each file's companion ``FILE.local`` is read too."""

    clients: tuple[str, ...] = ("/etc/policyd/whitelist_clients",)
    recipients: tuple[str, ...] = ("/etc/policyd/whitelist_recipients",)


class Whitelist:
    """Judges by the client's verified name, then its address, then the recipient."""

    name: Final = "whitelist"

    def __init__(self, clients: ClientList, recipients: RecipientList) -> None:
        self._client = clients.match if len(clients) else None
        self._recipient = lru_cache(REMEMBERED)(recipients.match) if len(recipients) else None

    def evaluate(self, request: PolicyRequest, now: int) -> Verdict:
        """No opinion of mail that is not listed."""
        if self._client is not None and self._client(request.client_address, request.client_name):
            return _CLIENT
        if self._recipient is not None and self._recipient(request.recipient):
            return _RECIPIENT
        return NO_OPINION


def build(settings: Settings, tools: Tools) -> Check:
    """The check with the good lines of all files; missing files and bad lines go to `tools.report`."""
    clients = ClientList(list(_sources("clients", settings.clients, tools)))
    recipients = RecipientList(list(_sources("recipients", settings.recipients, tools)))
    for mistake in clients.mistakes + recipients.mistakes:
        tools.report(mistake)
    return Whitelist(clients, recipients)


def _sources(option: str, files: Sequence[str], tools: Tools) -> Iterator[Source]:
    for file in files:
        text = tools.read_file(file)
        if text is None:
            tools.report(f"{file}: no such file, create it or take it out of [whitelist] {option}; read as empty")
        else:
            yield Source(file, text)
        local = f"{file}.local"
        if (text := tools.read_file(local)) is not None:
            yield Source(local, text)
