"""`python -m bench.spf_dns HOST PORT MILLISECONDS`: a DNS server for bench.spf, which knows every domain.

Law: it must not be what is measured: bytes in, bytes out, no DNS library. Any ``dN.example`` has a record like that of
a large sender: three includes, 21 IPv4 and 6 IPv6 networks, four TXT look-ups in all, of names that are its own;
``sN.example`` includes the three of ``big.example``, as customers of a large sender do. Other names do not exist.
"""

import select
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Mapping
from typing import Final

TTL: Final = 300
CLIENT: Final = "198.51.100.200"
"""The address that the last network of the last include lets pass."""

_INCLUDES: Final = (
    " ".join(f"ip4:10.{n}.0.0/16" for n in range(11)) + " " + " ".join(f"ip6:2001:db8:{n}::/48" for n in range(3)),
    " ".join(f"ip4:172.16.{n}.0/24" for n in range(9)) + " " + " ".join(f"ip6:2001:db8:f{n}::/48" for n in range(3)),
    "ip4:198.51.100.0/24",
)


def answer(query: bytes) -> bytes:
    """The whole reply to one query."""
    labels, end = _labels(query)
    asked = query[12 : end + 5]
    text = record(labels) if query[end + 1 : end + 3] == b"\0\x10" else ""
    if not text:
        soa = b"\x01a\0\x01b\0" + struct.pack("!IIIII", 1, 1800, 900, 604800, TTL)
        authority = b"\x07example\0" + struct.pack("!HHIH", 6, 1, TTL, len(soa)) + soa
        return query[:2] + b"\x81\x83\0\x01\0\0\0\x01\0\0" + asked + authority
    pieces = [text[start : start + 255].encode() for start in range(0, len(text), 255)]
    data = b"".join(bytes((len(piece),)) + piece for piece in pieces)
    return (
        query[:2]
        + b"\x81\x80\0\x01\0\x01\0\0\0\0"
        + asked
        + b"\xc0\x0c"
        + struct.pack("!HHIH", 16, 1, TTL, len(data))
        + data
    )


def record(labels: list[str]) -> str:
    """The SPF record of a name; "" if there is none."""
    first = labels[0]
    if len(labels) == 2 and first[0] in "ds" and first[1:].isdigit():
        below = f"{first}.example" if first[0] == "d" else "big.example"
        return "v=spf1 " + " ".join(f"include:_n{number}.{below}" for number in (1, 2, 3)) + " ~all"
    if len(labels) == 3 and first in ("_n1", "_n2", "_n3"):
        return f"v=spf1 {_INCLUDES[int(first[2]) - 1]} ~all"
    return ""


def _labels(query: bytes) -> tuple[list[str], int]:
    """The name that is asked for, in lower case, and where its last byte is."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("latin-1").lower())
        at += length + 1
    return labels, at


def serve(host: str, port: int, delay: float) -> None:
    """Answer for ever, each query after `delay` seconds."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    server.bind((host, port))
    server.settimeout(0)
    late: deque[tuple[float, bytes, tuple[str, int]]] = deque()
    while True:
        wait = max(0.0, late[0][0] - time.monotonic()) if late else None
        if select.select([server], [], [], wait)[0]:
            _receive(server, late, time.monotonic() + delay)
        now = time.monotonic()
        while late and late[0][0] <= now:
            _, reply, client = late.popleft()
            server.sendto(reply, client)


def _receive(server: socket.socket, late: deque[tuple[float, bytes, tuple[str, int]]], due: float) -> None:
    for _ in range(64):
        try:
            query, client = server.recvfrom(4096)
        except BlockingIOError:
            return
        late.append((due, answer(query), client))


def main(arguments: Mapping[int, str] | list[str]) -> None:
    """Serve until killed."""
    serve(arguments[1], int(arguments[2]), float(arguments[3]) / 1000)


if __name__ == "__main__":
    main(sys.argv)
