"""A real DNS server, small: it serves one zone of an SPF test suite on loopback, over UDP and TCP.

Law: it answers as a resolver does: aliases are followed, names without data have an SOA, what is too long for a
datagram is truncated. Every TTL is 0. What the suite calls a TIMEOUT is silence, or SERVFAIL, as a real resolver makes
of silence.
"""

import selectors
import socket
import struct
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Literal, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.SOA import SOA
from dns.rdtypes.ANY.TXT import TXT

from tests.lookups.spf.corpus import Zone

Fault = Literal["silence", "servfail"]
IN: Final = dns.rdataclass.IN


class ZoneServer:
    """Serves `zone` at 127.0.0.1:`port` until the end of its ``with``."""

    def __init__(self, zone: Zone, fault: Fault = "servfail") -> None:
        self.zone = zone
        self.fault = fault
        self.asked: list[tuple[str, str]] = []
        self._tcp, self._udp = _same_port()
        self.port = int(self._tcp.getsockname()[1])
        self._stop, self._stopped = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        """As `[dns] nameservers` has it."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.close()
        self._thread.join()
        for each in (self._udp, self._tcp, self._stopped):
            each.close()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as ready:
            for each in (self._udp, self._tcp, self._stopped):
                ready.register(each, selectors.EVENT_READ)
            while self._stopped not in (asked := {key.fileobj for key, _ in ready.select()}):
                if self._udp in asked:
                    self._answer_datagram()
                if self._tcp in asked:
                    self._answer_stream()

    def _answer_datagram(self) -> None:
        wire, client = self._udp.recvfrom(65535)
        query = dns.message.from_wire(wire)
        answer = self._answer(query)
        if answer is None:
            return
        most = max(512, query.payload)
        try:
            reply = answer.to_wire(max_size=most)
        except dns.exception.TooBig:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC | dns.flags.RA
            reply = short.to_wire()
        self._udp.sendto(reply, client)

    def _answer_stream(self) -> None:
        client, _ = self._tcp.accept()
        with client:
            client.settimeout(5)
            (length,) = struct.unpack("!H", client.recv(2, socket.MSG_WAITALL))
            answer = self._answer(dns.message.from_wire(client.recv(length, socket.MSG_WAITALL)))
            if answer is not None:
                reply = answer.to_wire(max_size=65535)
                client.sendall(struct.pack("!H", len(reply)) + reply)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        """What is said to `query`; None: nothing."""
        (question,) = query.question
        name = b".".join(question.name.labels[:-1]).decode("latin-1").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        found = self.zone.look_up(name, kind)
        if found is None:
            if self.fault == "silence":
                return None
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        for owner, record in found:
            _add(answer.answer, _name(owner), [_rdata(*record)])
        if not any(record[0] == kind for _, record in found):
            if not self.zone.has(name):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            soa = SOA(IN, dns.rdatatype.SOA, _name("ns.test"), _name("hostmaster.test"), 1, 0, 0, 0, 0)
            _add(answer.authority, _name("test"), [soa])
        return answer


def _same_port() -> tuple[socket.socket, socket.socket]:
    """A listening TCP and a UDP socket of one port, which may be taken for the other by somebody else."""
    while True:
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            tcp.close()
            udp.close()
        else:
            return tcp, udp


def _add(section: list[dns.rrset.RRset], owner: dns.name.Name, values: Iterable[dns.rdata.Rdata]) -> None:
    # An RRset of its own for each record: dnspython would merge equal ones, and two equal records are an error.
    section.extend(dns.rrset.from_rdata(owner, 0, value) for value in values)


def _name(text: str) -> dns.name.Name:
    """Of labels as they are: the suites know no escapes."""
    labels = text.encode("latin-1").split(b".") if text else []
    return dns.name.Name([*(label for label in labels if label), b""])


def _rdata(kind: str, value: Any) -> dns.rdata.Rdata:
    if value == []:  # no string at all, which RFC 1035 does not allow and dnspython does not make
        return dns.rdata.GenericRdata(IN, dns.rdatatype.TXT, b"")
    if kind == "TXT":
        return TXT(IN, dns.rdatatype.TXT, [part for text in value for part in _parts(text)])
    if kind == "MX":
        return MX(IN, dns.rdatatype.MX, value[0], _name(value[1]))
    if kind in ("PTR", "CNAME"):
        return dns.rdata.from_wire(IN, dns.rdatatype.from_text(kind), wire := _name(value).to_wire(), 0, len(wire))
    return dns.rdata.from_text(IN, kind, value)


def _parts(text: bytes) -> list[bytes]:
    """A text as character-strings, of at most 255 octets each; an empty one is one that is empty."""
    return [text[start : start + 255] for start in range(0, len(text), 255)] or [b""]
