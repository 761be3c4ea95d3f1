"""Resolvers and wires without a network.

`DictResolver` is the Resolver that tests of other rooms use; it passes the contract that the real one passes.
`FakeLink` stands in for the sockets to one nameserver.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import get_args

from policyd.lookups.dns.codec import encode, query
from policyd.lookups.dns.settings import Place
from policyd.lookups.dns.udp import Ear, Release
from policyd.model.dns import Answer, DnsUnavailable, Hear, Outcome, Record, RecordType, Sought, UnavailableReason

Known = Sequence[Record] | Outcome | UnavailableReason
"""Records that are found, or the word for an answer without any, or the reason for none."""


class Seeking:
    """For doubles that say in `cached` and `resolve` what they answer: the rest of a Resolver."""

    def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
        return asyncio.ensure_future(self._tell(name, kind, hear))

    async def _tell(self, name: str, kind: RecordType, hear: Hear) -> None:
        try:
            answer = self.cached(name, kind) or await self.resolve(name, kind)
        except DnsUnavailable as error:
            hear(error)
        else:
            hear(answer)

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        raise NotImplementedError

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        raise NotImplementedError


class DictResolver(Seeking):
    """Answers by (name, kind); a name that it does not hold under any kind does not exist.

    What was resolved is cached for ever; with `is_warm` everything is from the start. `asked` lists what was resolved.
    """

    def __init__(
        self,
        known: Mapping[tuple[str, RecordType], Known],
        *,
        ttl: int = 60,
        delay: float = 0.0,
        is_warm: bool = False,
    ) -> None:
        self._known = {(name.lower().removesuffix("."), kind): value for (name, kind), value in known.items()}
        self._names = {name for name, _ in self._known}
        self._ttl = ttl
        self._delay = delay
        self._cached = set(self._known) if is_warm else set()
        self.asked: list[tuple[str, RecordType]] = []

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        question = (name.lower().removesuffix("."), kind)
        known = self._answer(question) if question in self._cached else None
        return known if isinstance(known, Answer) else None

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        question = (name.lower().removesuffix("."), kind)
        encode(*question)  # refuses what is no name
        self.asked.append(question)
        await asyncio.sleep(self._delay)
        answer = self._answer(question)
        if not isinstance(answer, Answer):
            raise DnsUnavailable(answer)
        self._cached.add(question)
        return answer

    def _answer(self, question: tuple[str, RecordType]) -> Answer | UnavailableReason:
        known = self._known.get(question, "no data" if question[0] in self._names else "no name")
        if not isinstance(known, str):
            return Answer(tuple(known), self._ttl, "found")
        if known in get_args(Outcome):
            return Answer((), self._ttl, known)
        return known


Says = Callable[[bytes], Sequence[tuple[float, bytes | None]]]
"""A question -> what comes back, each thing after so many seconds; None: the port is closed."""


class FakeLink:
    """A wire to a server that `says`, or to one that raises it."""

    def __init__(self, says: Says, stream: Callable[[bytes], bytes] | None = None, place: Place | None = None) -> None:
        self.says = says
        self.stream_says = stream
        self.place = place
        self.sent: list[bytes] = []
        self.streamed: list[bytes] = []
        self.listening = 0
        self.strays = 0
        self.is_closed = False

    def send(self, asked: bytes, *, edns: bool, ear: Ear) -> Release:
        message = query(0, asked, edns=edns)
        self.sent.append(message)
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(delay, ear, wire) for delay, wire in self.says(message)]
        self.listening += 1

        def release() -> None:
            self.listening -= 1
            for timer in timers:
                timer.cancel()

        return release

    async def stream(self, asked: bytes, *, edns: bool) -> bytes:
        message = query(0, asked, edns=edns)
        self.streamed.append(message)
        await asyncio.sleep(0.01)
        if self.stream_says is None:
            raise ConnectionRefusedError
        return self.stream_says(message)

    def close(self) -> None:
        self.is_closed = True
