"""Questions into bytes, bytes into answers.

Law: pure, and no bytes whatever make it raise, hang or work long: the records of one message are counted before they
are read, and names are decoded only where they matter. The frame is taken apart here, because dnspython's whole-message
parser costs more than everything else together and is the attacker's lever (docs/decisions/0004-dns.md); the data of
records is dnspython's work. Nothing of a message is believed but the answer to the question that was asked.
"""

import struct
from collections.abc import Callable
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any, Final, Literal, NamedTuple

import dns.name
import dns.rdata
from dns.exception import DNSException
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from policyd.model.dns import Answer, DnsUnavailable, Mx, Outcome, Record, RecordType

MAX_MESSAGE: Final = 16384
"""Bytes of a message that is read; honest answers to what checks ask have some hundred."""
MAX_RECORDS: Final = 256
"""Records of a message that is read: each costs microseconds, and their number is the attacker's choice."""
MAX_CHAIN: Final = 8
"""Aliases followed; unbound itself follows 11."""
PAYLOAD: Final = 1232
"""Bytes of a datagram that no network must cut in pieces (DNS flag day 2020; IPv6's least MTU less its headers)."""
Signal = Literal["stray", "truncated", "no edns", "servfail", "refused", "malformed"]
"""What a message is that holds no answer. ``stray``: nothing to do with the question, keep on waiting."""

_TYPES: Final[dict[RecordType, int]] = {
    "A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "TLSA": 52, "SPF": 99,
}  # fmt: skip
_NS, _CNAME, _SOA, _IN = 2, 5, 6, 1

_RESPONSE, _OPCODE, _AUTHORITATIVE, _TRUNCATED, _RECURSE = 0x8000, 0x7800, 0x0400, 0x0200, 0x0100
_AUTHENTIC: Final = 0x0020
"""AD. In a question it asks the server to say whether DNSSEC vouches for the answer (RFC 6840 5.7)."""
_NXDOMAIN: Final = 3
_REFUSALS: Final[dict[int, Signal]] = {1: "no edns", 2: "servfail", 4: "no edns", 5: "refused"}

_HEADER: Final = struct.Struct("!HHHHHH")
_RECORD: Final = struct.Struct("!HHIH")
# The root's name, type OPT, our payload in place of the class, no extended code, version 0, no flags, no options.
_EDNS: Final = b"\0" + _RECORD.pack(41, PAYLOAD, 0, 0)
_HEAD: Final = _HEADER.pack(0, _RECURSE | _AUTHENTIC, 1, 0, 0, 0)[2:]
_HEAD_EDNS: Final = _HEADER.pack(0, _RECURSE | _AUTHENTIC, 1, 0, 0, 1)[2:]
_LENGTHS: Final = {length: bytes((length,)) for length in range(1, 64)}
_TAILS: Final = {kind: struct.pack("!BHH", 0, type_, _IN) for kind, type_ in _TYPES.items()}
# A record of the question's own name, which a pointer to it says: nearly all are written so.
_POINTED: Final = struct.Struct("!HHHIH")
_QUESTION_NAME: Final = 0xC000 | _HEADER.size
_LONGEST: Final = (1 << 31) - 1


class _Raw(NamedTuple):
    """A record as it lies in a message: offsets of its owner's name and of its data."""

    owner: int
    type: int
    ttl: int
    start: int
    length: int


def encode(name: str, kind: RecordType) -> bytes:
    """The question section for `name`, in lower case. A backslash escapes nothing. Raises DnsUnavailable."""
    if not (name.isascii() and name.isprintable() and len(name) <= 253):
        raise DnsUnavailable("bad name")
    wire = b""
    try:
        for label in name.lower().encode().split(b"."):
            wire += _LENGTHS[len(label)] + label
    except KeyError:
        raise DnsUnavailable("bad name") from None
    return wire + _TAILS[kind]


def query(number: int, asked: bytes, *, edns: bool = True) -> bytes:
    """The message with id `number` that asks a question section."""
    head = number.to_bytes(2, "big")
    return head + _HEAD_EDNS + asked + _EDNS if edns else head + _HEAD + asked


def read(wire: bytes, asked: bytes, kind: RecordType) -> Answer | Signal:
    """What a message whose id is right says to the question `asked`."""
    if len(wire) < _HEADER.size:
        return "stray"
    _, flags, questions, answers, authorities, _ = _HEADER.unpack_from(wire)
    code = flags & 15
    if flags & (_RESPONSE | _OPCODE) != _RESPONSE:
        return "stray"
    end = _HEADER.size + len(asked)
    # A server that could not read the question (RFC 6891 7: an old one, because of EDNS) need not repeat it.
    if (questions or not code) and (questions != 1 or wire[_HEADER.size : end].lower() != asked):
        return "stray"
    if flags & _TRUNCATED:
        return "truncated"
    if code not in (0, _NXDOMAIN):
        return _REFUSALS.get(code, "servfail")
    if len(wire) > MAX_MESSAGE or answers + authorities > MAX_RECORDS:
        return "malformed"
    try:
        if answers and not code and (plain := _pointed(wire, end, answers, kind, flags)) is not None:
            return plain
        answer = _answer(wire, end, kind, flags, answers, authorities)
    except (DNSException, ValueError, IndexError, struct.error):
        return "malformed"
    return answer._replace(is_secure=True) if flags & _AUTHENTIC and isinstance(answer, Answer) else answer


def _answer(wire: bytes, offset: int, kind: RecordType, flags: int, answers: int, authorities: int) -> Answer | Signal:
    records, offset = _records(wire, offset, answers)
    found, ttl = _follow(wire, records, _TYPES[kind]) if answers else (records, _LONGEST)
    outcome: Outcome = "no name" if flags & 15 == _NXDOMAIN else "found" if found else "no data"
    if outcome == "found":
        return Answer(tuple(_data(wire, kind, record.start, record.length) for record in found), ttl, outcome)
    authority, _ = _records(wire, offset, authorities)
    soa = next((record for record in authority if record.type == _SOA), None)
    if soa is not None:
        # RFC 2308 5: the lesser of the SOA's own TTL and its MINIMUM, the last field of its data.
        minimum = int.from_bytes(wire[soa.start + soa.length - 4 : soa.start + soa.length], "big")
        return Answer((), min(ttl, soa.ttl, _ttl(minimum)), outcome)
    # RFC 2308 2.2: a referral is no answer; this server resolves nothing for us.
    if outcome == "no data" and not flags & _AUTHORITATIVE and any(record.type == _NS for record in authority):
        return "refused"
    return Answer((), 0, outcome)  # RFC 2308 5: not to be remembered


def _pointed(wire: bytes, offset: int, count: int, kind: RecordType, flags: int) -> Answer | None:
    """The answer if all its records are of this kind and of the question's own name; None: it needs a closer look."""
    ttl, values = _LONGEST, []
    for _ in range(count):
        if offset + _POINTED.size > len(wire):
            return None
        owner, type_, class_, seconds, length = _POINTED.unpack_from(wire, offset)
        start = offset + _POINTED.size
        offset = start + length
        if owner != _QUESTION_NAME or type_ != _TYPES[kind] or class_ != _IN or offset > len(wire):
            return None
        if seconds < ttl or seconds > _LONGEST:
            ttl = _ttl(seconds)
        values.append(_data(wire, kind, start, length))
    return Answer(tuple(values), ttl, "found", bool(flags & _AUTHENTIC))


def _records(wire: bytes, offset: int, count: int) -> tuple[list[_Raw], int]:
    """The Internet's records of a section and where it ends."""
    found = []
    for _ in range(count):
        owner, offset = offset, _behind_name(wire, offset)
        type_, class_, ttl, length = _RECORD.unpack_from(wire, offset)
        start = offset + _RECORD.size
        offset = start + length
        if offset > len(wire):
            raise ValueError("a record ends behind its message")
        if class_ == _IN:
            found.append(_Raw(owner, type_, _ttl(ttl), start, length))
    return found, offset


def _behind_name(wire: bytes, offset: int) -> int:
    """Where a name ends. Pointers are not followed, so this cannot loop."""
    while length := wire[offset]:
        if length >= 0xC0:
            return offset + 2
        if length > 63:
            raise ValueError("no such kind of label")
        offset += length + 1
    return offset + 1


def _ttl(seconds: int) -> int:
    return seconds if seconds < 1 << 31 else 0  # RFC 2181 8


def _follow(wire: bytes, records: list[_Raw], type_: int) -> tuple[list[_Raw], int]:
    """The records at the end of the chain of aliases that begins at the question's name, and the least TTL met."""
    matter = [record for record in records if record.type in (type_, _CNAME)]
    names, name, ttl = _Names(wire), _HEADER.size, _LONGEST
    for _ in range(MAX_CHAIN + 1):
        here = [record for record in matter if names.equal(record.owner, name)]
        data = [record for record in here if record.type == type_]
        if data or not here:
            return data, min([ttl, *(record.ttl for record in data)])
        alias = here[0]
        name, ttl = alias.start, min(ttl, alias.ttl)
    raise ValueError("a chain of aliases without end")


class _Names:
    """Compares the names of one message, and decodes each at most once: most are pointers to the question's."""

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._decoded: dict[int, dns.name.Name] = {}

    def equal(self, one: int, other: int) -> bool:
        """Whether the names at two offsets are the same."""
        one, other = self._target(one), self._target(other)
        return one == other or self._at(one) == self._at(other)

    def _target(self, offset: int) -> int:
        head = self._wire[offset]
        return (head & 0x3F) << 8 | self._wire[offset + 1] if head >= 0xC0 else offset

    def _at(self, offset: int) -> dns.name.Name:
        if offset not in self._decoded:
            self._decoded[offset] = dns.name.from_wire(self._wire, offset)[0]
        return self._decoded[offset]


def _data(wire: bytes, kind: RecordType, start: int, length: int) -> Record:
    """The value of a record of the kind that was asked."""
    if kind == "TXT":
        return _joined(wire[start : start + length])
    if kind == "A" or kind == "AAAA":
        return inet_ntop(AF_INET if kind == "A" else AF_INET6, wire[start : start + length])
    if kind == "TLSA":
        return wire[start : start + length]
    return _VALUES[kind](dns.rdata.from_wire(RdataClass.IN, RdataType(_TYPES[kind]), wire, start, length))


def _joined(data: bytes) -> bytes:
    """The strings of a TXT, of which there should be one (RFC 1035 3.3.14); four times faster than dnspython."""
    if data and data[0] == len(data) - 1:  # a single one
        return data[1:]
    strings, at = [], 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            raise ValueError("a string ends behind its record")
        strings.append(data[at + 1 : end])
        at = end
    return b"".join(strings)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower().removesuffix(".")


_VALUES: Final[dict[RecordType, Callable[[Any], Record]]] = {
    "CNAME": lambda data: _text(data.target),
    "NS": lambda data: _text(data.target),
    "PTR": lambda data: _text(data.target),
    "MX": lambda data: Mx(data.preference, _text(data.exchange)),
    "SPF": lambda data: b"".join(data.strings),
}
