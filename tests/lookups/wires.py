"""What a server may say, in bytes: honest answers built by dnspython, for doubles to tell and to spoil."""

from collections.abc import Sequence
from functools import lru_cache

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from policyd.lookups.dns.codec import encode, query
from policyd.model.dns import RecordType

SOA = "ns.example. hostmaster.example. 1 3600 600 86400 {minimum}"


def question(name: str = "a.example", kind: RecordType = "A", number: int = 0) -> bytes:
    """A whole question as the resolver sends it."""
    return query(number, encode(name, kind))


def said(
    asked: bytes,
    *records: str,
    code: dns.rcode.Rcode = dns.rcode.NOERROR,
    minimum: int | None = None,
    soa_ttl: int = 300,
    authority: Sequence[str] = (),
    flags: int = 0,
) -> bytes:
    """The answer to `asked`: records as ``OWNER TTL TYPE DATA``, with a SOA if it has a `minimum`."""
    message = dns.message.make_response(dns.message.from_wire(asked), recursion_available=True)
    message.flags |= flags
    message.set_rcode(code)
    message.answer.extend(_rrset(record) for record in records)
    message.authority.extend(_rrset(record) for record in authority)
    if minimum is not None:
        message.authority.append(_rrset(f"example {soa_ttl} SOA {SOA.format(minimum=minimum)}"))
    return message.to_wire(max_size=65535)


@lru_cache(maxsize=64)
def name_of(asked: bytes) -> tuple[str, str]:
    """The name and the kind of record that `asked` asks for."""
    rrset = dns.message.from_wire(asked).question[0]
    return rrset.name.to_text(omit_final_dot=True).lower(), rrset.rdtype.name


def _rrset(record: str) -> dns.rrset.RRset:
    owner, ttl, kind, data = record.split(maxsplit=3)
    return dns.rrset.from_text(dns.name.from_text(owner), int(ttl), "IN", kind, data)
