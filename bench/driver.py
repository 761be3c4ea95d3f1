"""The load: N connections, each with one request on its way, as Postfix's processes ask.

Law: the driver must not be what is measured. One process, raw sockets, one look at the clock per request; it is
checked against a server that does nothing (`--echo`). Every reply is looked at: a wrong one ends the run.
"""

import gc
import os
import select
import socket
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter_ns
from typing import Final, NamedTuple, NoReturn

Address = tuple[str, int] | str
"""Where a server listens: host and port, or the path of a unix socket."""
PATIENCE: Final = 20.0
"""Seconds without any reply after which the server is given up."""
_FOREVER: Final = 1 << 62
Recv = Callable[[int], bytes]
Send = Callable[[bytes], int]


class WrongAnswer(Exception):
    """The server hung up, said nothing, or said what is no policy reply."""


class Sample(NamedTuple):
    """What a run showed: latencies in nanoseconds, in order of size, and replies by the first letters of their verb."""

    seconds: float
    latencies: Sequence[int]
    answers: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency in milliseconds that `percent` of the requests did not exceed."""
        rank = min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))
        return self.latencies[rank] / 1e6


class Driver:
    """Connections to one server. Raises OSError if they cannot be made.

    With `mails` each is made anew after so many requests, one after the other, as Postfix does it: an smtpd ends after
    100 clients (max_use), and its connection with it (measured).
    """

    def __init__(self, address: Address, connections: int, mails: int = 0) -> None:
        self._address, self._mails = address, mails
        self._sockets = {sock.fileno(): sock for sock in (_connect(address) for _ in range(connections))}
        self._left = {fd: mails * place // connections for place, fd in enumerate(self._sockets)} if mails else {}
        self._epoll = select.epoll()
        for fd in self._sockets:
            self._epoll.register(fd, select.EPOLLIN)

    def close(self) -> None:
        """Hang up."""
        self._epoll.close()
        for sock in self._sockets.values():
            sock.close()

    def start(self, requests: Iterator[bytes], together: int = 8, patience: float = 60.0) -> None:
        """Send one request over each connection, a few connections at a time: behind each a process may have to start.

        Raises WrongAnswer.
        """
        sockets = list(self._sockets.values())
        for first in range(0, len(sockets), together):
            group = sockets[first : first + together]
            for sock in group:
                sock.send(next(requests))
            for sock in group:
                if not select.select([sock], [], [], patience)[0]:
                    raise WrongAnswer(f"no reply for {patience:.0f} s")
                _whole(sock.recv(2048), sock.fileno())

    def run(self, requests: Iterator[bytes], seconds: float | None = None) -> Sample:
        """Send `requests` until they end or `seconds` are over, and wait for the last reply.

        Raises WrongAnswer.
        """
        gc.collect()
        gc.disable()  # a collection is a stall of the driver that would count as the server's
        try:
            return self._run(requests, _FOREVER if seconds is None else int(seconds * 1e9))
        except ConnectionError as error:
            raise WrongAnswer(f"the server hung up: {error}") from error
        finally:
            gc.enable()

    def _run(self, requests: Iterator[bytes], duration: int) -> Sample:
        latencies, answers = array("q"), Counter[bytes]()
        sent = dict.fromkeys(self._sockets, 0)
        peers = {fd: (sock.recv, sock.send) for fd, sock in self._sockets.items()}
        left = self._left
        poll, clock, done = self._epoll.poll, perf_counter_ns, latencies.append
        begin, outstanding = clock(), 0
        deadline = begin + duration
        for (fd, sock), request in zip(self._sockets.items(), requests, strict=False):
            sent[fd] = clock()
            sock.send(request)
            outstanding += 1
        while outstanding:
            for fd, _ in poll(PATIENCE) or _silence():
                recv, send = peers[fd]
                reply = recv(2048)
                now = clock()
                done(now - sent[fd])
                if reply[-2:] != b"\n\n" or reply[:7] != b"action=":
                    reply = _whole(reply, fd)
                answers[reply[7:12]] += 1
                if now >= deadline or not (request := next(requests, b"")):
                    outstanding -= 1
                    continue
                if left and not self._may_go_on(fd):
                    fd, send = self._renewed(fd, peers)
                sent[fd] = now
                send(request)  # never partial: with one request on its way the socket's buffer is empty
        verbs = {verb.decode("ascii", "replace"): number for verb, number in answers.items()}
        return Sample((clock() - begin) / 1e9, sorted(latencies), verbs)

    def _may_go_on(self, fd: int) -> bool:
        self._left[fd] -= 1
        return self._left[fd] >= 0

    def _renewed(self, fd: int, peers: dict[int, tuple[Recv, Send]]) -> tuple[int, Send]:
        """Another connection in the place of one that has had its mails."""
        del peers[fd], self._left[fd]
        self._sockets.pop(fd).close()
        sock = _connect(self._address)
        fd = sock.fileno()
        self._sockets[fd], self._left[fd], peers[fd] = sock, self._mails - 1, (sock.recv, sock.send)
        self._epoll.register(fd, select.EPOLLIN)
        return fd, sock.send


def _connect(address: Address) -> socket.socket:
    if isinstance(address, str):
        sock = socket.socket(socket.AF_UNIX)
    else:
        sock = socket.socket(socket.AF_INET)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        sock.settimeout(PATIENCE)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    sock.settimeout(0)
    return sock


def _whole(reply: bytes, fd: int) -> bytes:
    """The rest of a reply that came in pieces; raises WrongAnswer if it is none."""
    while reply and reply[-2:] != b"\n\n":
        piece = os.read(fd, 2048) if select.select([fd], [], [], PATIENCE)[0] else _silence()
        reply = reply + piece if piece else b""
    if not reply.startswith(b"action="):
        raise WrongAnswer(f"the server answered {reply[:100]!r}" if reply else "the server hung up")
    return reply


def _silence() -> NoReturn:
    raise WrongAnswer(f"no reply for {PATIENCE:.0f} s")
