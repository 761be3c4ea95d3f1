"""What the world's names say: the questions that checks may ask, and the answers as plain values.

Law: no object of a DNS library crosses this page. "There is no such name" is an answer; everything that is no answer
(a timeout, SERVFAIL, REFUSED, nonsense) is `Unavailable`, and never looks like one.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, Protocol

from policyd.model.errors import Unavailable

RecordType = Literal["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SPF", "TLSA", "TXT"]
"""The kinds of record that are asked for. SPF is type 99, which nobody evaluates any more (RFC 7208 3.1)."""


class Mx(NamedTuple):
    """A mail exchanger: the smaller its preference, the earlier it is tried (RFC 5321 5.1)."""

    preference: int
    exchange: str
    """A name without the last dot; empty: this domain takes no mail (RFC 7505)."""


Record = str | bytes | Mx
"""A, AAAA: canonical text. CNAME, NS, PTR: a name in lower case, without the last dot; strange octets are escaped as in
RFC 1035 5.1. TXT, SPF: all character-strings joined, as SPF reads them (RFC 7208 3.3). TLSA: the whole record data.
Bytes and names are the attacker's."""

Outcome = Literal["found", "no data", "no name"]
"""``no data``: the name is there, but has no such record. ``no name``: NXDOMAIN. SPF counts both as void look-ups."""


class Answer(NamedTuple):
    """What a resolver knows: the records, none unless they were ``found``.

    `ttl`: for how many seconds it was true when it came; an answer out of the cache has less left.
    """

    records: tuple[Record, ...]
    ttl: int
    outcome: Outcome
    is_secure: bool = False
    """Whether the nameserver says that DNSSEC vouches for it (RFC 4035 3.2.3). Worth as much as the way to it."""


UnavailableReason = Literal[
    "timeout", "refused", "servfail", "malformed", "unreachable", "overload", "resolver down", "bad name"
]
"""Why there is no answer, in words fit for a metrics label."""


class DnsUnavailable(Unavailable):
    """A question has no answer now. `reason` is the word for counters; its text has no name in it, either."""

    def __init__(self, reason: UnavailableReason) -> None:
        super().__init__(f"DNS: {reason}")
        self.reason: UnavailableReason = reason


class Sought(Protocol):
    """An answer that is sought, of the DNS or of what rests on it."""

    def cancel(self) -> None:
        """Whoever asked does not want to be told any more."""


Hear = Callable[[Answer | DnsUnavailable], object]
"""Is told the answer, or why there is none."""


class Resolver(Protocol):
    """Who knows the answers. Names are absolute host names in A-labels; none is completed by a search list."""

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        """The answer if it is known now, at once and without a task; None: it must be asked."""

    def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
        """Have `hear` told once, in a later tick of the loop; its deadline is the caller's."""

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        """The answer, asked of the network if need be. Raises DnsUnavailable; its deadline is the caller's."""


class _NoResolver:
    def cached(self, name: str, kind: RecordType) -> Answer | None:
        """Nothing is known."""

    def seek(self, name: str, kind: RecordType, hear: Hear) -> Sought:
        """Nothing can be asked, and that is told at once: no loop need run."""
        hear(DnsUnavailable("resolver down"))
        return self

    def cancel(self) -> None:
        """All is told."""

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        """Nothing can be asked."""
        raise DnsUnavailable("resolver down")


NO_RESOLVER: Final[Resolver] = _NoResolver()
"""Where no name may be asked."""
