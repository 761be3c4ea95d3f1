"""What of a request is asked, of which list, by which name.

Law: every list is asked only about what it wants; what of a request is no address or name in the public DNS is not
asked at all, and neither is a name that is too long.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from policyd.checks.rbl.names import MAX_NAME, askable, backwards, domain_of, shortened
from policyd.checks.rbl.profiles import LOOK_UPS, LookUp
from policyd.checks.rbl.reply import asked_about
from policyd.checks.rbl.watch import Watched
from policyd.model.address import Address
from policyd.model.request import PolicyRequest

Question = tuple[Watched, LookUp, str, str]
"""A list, what of the request it is asked about, that itself, and the name to ask. Plain: every mail has many."""


class Subjects(NamedTuple):
    """What of a request is looked up: whole names, and what lists of registered domains are asked in their place."""

    whole: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()


NO_SUBJECTS: Final = Subjects()


class Questions:
    """The questions to these lists."""

    def __init__(self, lists: Sequence[Watched]) -> None:
        self._by_look_up = [
            (look_up, [(w, f".{w.zone.name}", w.zone.profile.cut) for w in lists if look_up in w.zone.look_up])
            for look_up in LOOK_UPS
            if any(look_up in w.zone.look_up for w in lists)
        ]

    def __call__(self, request: PolicyRequest) -> list[Question]:
        """Those about `request`."""
        questions: list[Question] = []
        for look_up, lists in self._by_look_up:
            whole, cut = _subjects(look_up, request)
            for watched, suffix, is_cut in lists:
                subjects = cut if is_cut else whole
                questions += [(watched, look_up, subject, subject + suffix) for subject in subjects]
        return [question for question in questions if len(question[3]) <= MAX_NAME]


def network(question: Question, request: PolicyRequest) -> str:
    """What counts as one subject of a surge: a whole network, because one may be listed as a whole."""
    address: Address | None = request.client_address
    _, look_up, text, _ = question
    if look_up != "client address" or address is None:
        return text
    return address.network(24 if address.version == 4 else 48)


def _subjects(look_up: LookUp, request: PolicyRequest) -> Subjects:
    if look_up == "client address":
        address = request.client_address
        return Subjects((backwards(address),)) if address is not None else NO_SUBJECTS
    text = asked_about(look_up, request)
    name = domain_of(text) if look_up in ("sender domain", "recipient domain") else askable(text)
    return Subjects((name,), shortened(name)) if name else NO_SUBJECTS
