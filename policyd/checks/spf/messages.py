"""What was found out about messages that more recipients may follow of.

Law: bounded, and only for the very message: same instance, same client, same names. Records of TTL 0 may be used for
the transaction in progress (RFC 1035 3.2.1), which is the message; without this five hundred recipients are five
hundred evaluations. What another try may answer better is not kept.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from policyd.checks.spf.judgement import Opinion
from policyd.model.address import Address
from policyd.model.request import PolicyRequest

MAX_MESSAGES: Final = 1024
"""Messages that are remembered; recipients of one follow each other within moments."""

_About = tuple[Address | None, str, str]


class Messages:
    """Opinions by message."""

    def __init__(self, limit: int = MAX_MESSAGES) -> None:
        self._limit = limit
        self._known: OrderedDict[str, tuple[_About, Sequence[Opinion]]] = OrderedDict()

    def get(self, request: PolicyRequest) -> Sequence[Opinion]:
        """What was found about the message of `request`; empty if nothing was."""
        about, opinions = self._known.get(request.instance, (None, ()))
        return opinions if about == _about(request) else ()

    def put(self, request: PolicyRequest, opinions: Sequence[Opinion]) -> None:
        """Remember it."""
        if not request.instance or any(opinion.answer.result == "temperror" for opinion in opinions):
            return
        self._known[request.instance] = _about(request), opinions
        self._known.move_to_end(request.instance)
        if len(self._known) > self._limit:
            self._known.popitem(last=False)


def _about(request: PolicyRequest) -> _About:
    return request.client_address, request.helo_name, request.sender
