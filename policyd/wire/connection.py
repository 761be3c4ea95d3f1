"""The policy protocol of one connection: bytes in, requests out.

Law: parsing never waits and never guesses; the only error is ProtocolError, after which the connection is dead.
Bytes are split into lines first and decoded after, so no chunk border can cut a character (policyd-rate-limit
#13); values are split at their first "=" (SRS and VERP senders hold more); nothing of one request survives into
the next (iRedAPD's does). One request is everything up to an empty line, also nothing: one request, one reply.
"""

import re
from typing import Final

from policyd.model.errors import ProtocolError
from policyd.model.request import PolicyRequest
from policyd.wire.request import parse_one, parse_request

MAX_REQUEST: Final = 64 << 10
"""Bytes of one request. The longest that Postfix can send is under 10 kB: 29 attributes, lines of 2,048 bytes."""

# Postfix ends lines with LF, some other clients with CRLF.
_END: Final = re.compile(rb"\n\r?\n")
_EMPTY_LINE: Final = re.compile(rb"\r?\n")


class PolicyConnection:
    """The receiving side of one connection. Pipelined requests come out in their order."""

    __slots__ = ("buffer",)

    def __init__(self) -> None:
        self.buffer = bytearray()
        """What arrived of a request that is not whole yet; empty nearly always."""

    def receive_data(self, data: bytes) -> list[PolicyRequest]:
        """Take what the socket gave; return the requests that are whole now.

        Raises ProtocolError when a request passes MAX_REQUEST: log, hang up, send nothing.
        """
        # Postfix writes one request in one piece and waits for its reply: nothing to cut, nothing to keep.
        if not self.buffer and len(data) <= MAX_REQUEST and (request := parse_one(data)) is not None:
            return [request]
        searched = max(0, len(self.buffer) - 2)
        self.buffer += data
        requests = []
        while (raw := self._next_whole(searched)) is not None:
            requests.append(parse_request(raw))
            searched = 0
        if len(self.buffer) > MAX_REQUEST:
            raise ProtocolError(f"a request of more than {MAX_REQUEST} bytes")
        return requests

    def _next_whole(self, searched: int) -> bytes | None:
        """Cut the first whole request off the buffer; before `searched` no request ends."""
        end = _EMPTY_LINE.match(self.buffer) or _END.search(self.buffer, searched)
        if end is None:
            return None
        if end.start() > MAX_REQUEST:
            raise ProtocolError(f"a request of more than {MAX_REQUEST} bytes")
        raw = bytes(self.buffer[: end.start() + 1])
        length = end.end()
        del end, self.buffer[:length]  # a match holds its buffer, which then cannot shrink
        return raw
