"""The whitelist: clients, senders and recipients of whom no other check is asked, or only some are not.

Law: a listed mail is answered DUNNO, never OK: Postfix's own restrictions still count. An entry whose action is
another one says what others shall do, and whitelists nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from policyd.checks.listed import Questions, files
from policyd.checks.tools import Tools
from policyd.model.action import DUNNO
from policyd.model.evidence import Evidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Reason, Verdict
from policyd.tables.lists import ListKind, Match, TableList

EXEMPTIBLE: Final = ("blacklist", "rbl", "spf", "greylist")
"""The names of all checks that a list may exempt from."""

_REASONS: Final[Mapping[ListKind, Reason]] = {
    "client": "client whitelist",
    "helo": "helo whitelist",
    "sender": "sender whitelist",
    "recipient": "recipient whitelist",
}


@dataclass(frozen=True, slots=True)
class ExemptingList:
    """One ``[[whitelist.lists]]``: who is on it is exempt from some checks only. Raises ValueError, ``option: ...``."""

    clients: tuple[str, ...] = files()
    helo: tuple[str, ...] = files()
    senders: tuple[str, ...] = files()
    recipients: tuple[str, ...] = files()
    exempt: tuple[str, ...] = ()
    """The names of the checks that are not asked."""

    def __post_init__(self) -> None:
        """Refuse lists that exempt from nothing or from what is no check, and exemptions of nobody."""
        names, lists = ", ".join(EXEMPTIBLE), self.clients or self.helo or self.senders or self.recipients
        if lists and not self.exempt:
            raise ValueError(f"exempt: is missing; name the checks that are not asked (of {names})")
        if unknown := [name for name in self.exempt if name not in EXEMPTIBLE]:
            raise ValueError(f"exempt: no check is named {unknown[0]!r} that comes behind the whitelist; write {names}")
        if self.exempt and not lists:
            raise ValueError("names no list; write clients, helo, senders or recipients, with files in brackets")


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of ``[whitelist]``. With each file its companions ``FILE.local`` and ``FILE.d/*`` are read."""

    clients: tuple[str, ...] = files("/etc/policyd/whitelist_clients")
    senders: tuple[str, ...] = files()
    recipients: tuple[str, ...] = files("/etc/policyd/whitelist_recipients")
    lists: tuple[ExemptingList, ...] = ()
    """More lists, each of which exempts from the checks it names."""


class Whitelist:
    """Judges by the client, then the sender, then the recipient; then come the lists that exempt from some checks."""

    name: Final = "whitelist"

    def __init__(self, lists: Sequence[TableList], exempting: Sequence[tuple[Sequence[TableList], frozenset[str]]]):
        self._welcoming = Questions(lists, _welcome)
        self._exempting = [Questions(tables, partial(_exempt, checks)) for tables, checks in exempting]
        self.evaluate = self._exempted if exempting else self._welcoming.evaluate

    def _exempted(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
        verdict = self._welcoming.evaluate(request, evidence, now)
        if verdict is not NO_OPINION:
            return verdict
        for questions in self._exempting:
            found = questions.evaluate(request, evidence, now)
            if found is not NO_OPINION:
                exempt = verdict.exempt | found.exempt
                verdict = (found if verdict is NO_OPINION else verdict)._replace(exempt=exempt)
        return verdict


def _welcome(kind: ListKind, match: Match) -> Verdict | None:
    if match.action is not None and match.action.verb != "DUNNO":
        return None
    return Verdict(DUNNO, _REASONS[kind], match=str(match))


def _exempt(checks: frozenset[str], kind: ListKind, match: Match) -> Verdict | None:
    welcome = _welcome(kind, match)
    return welcome and welcome._replace(final=False, exempt=checks)


def build(settings: Settings, tools: Tools) -> Check:
    """The check with the lists of all files."""
    lists = [
        tools.list("client", settings.clients),
        tools.list("sender", settings.senders),
        tools.list("recipient", settings.recipients),
    ]
    return Whitelist(lists, [(_tables(section, tools), frozenset(section.exempt)) for section in settings.lists])


def _tables(section: ExemptingList, tools: Tools) -> list[TableList]:
    return [
        tools.list("client", section.clients),
        tools.list("helo", section.helo),
        tools.list("sender", section.senders),
        tools.list("recipient", section.recipients),
    ]
