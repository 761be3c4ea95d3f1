import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import repeat

import pytest

from bench.driver import Driver, Sample, WrongAnswer
from bench.triplets import request


@contextmanager
def server(*pieces: bytes) -> Iterator[tuple[str, int]]:
    """One connection; every request is answered with `pieces`, and with none of them it is closed."""

    def serve() -> None:
        connection = listener.accept()[0]
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            while connection.recv(4096) and pieces:
                for piece in pieces:
                    connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join(5)
    assert not thread.is_alive()


def ask(address: tuple[str, int], requests: Iterator[bytes], seconds: float | None = None) -> Sample:
    driver = Driver(address, 1)
    try:
        return driver.run(requests, seconds)
    finally:
        driver.close()


def test_every_request_is_sent_and_every_reply_counted() -> None:
    with server(b"action=DUNNO\n\n") as address:
        sample = ask(address, repeat(request(1, 1), 50))
    assert sample.answers == {"DUNNO": 50}
    assert len(sample.latencies) == 50
    assert sample.rate > 0


def test_it_ends_with_the_time() -> None:
    with server(b"action=DUNNO\n\n") as address:
        sample = ask(address, repeat(request(1, 1)), 0.05)
    assert 0.05 <= sample.seconds < 1


def test_a_reply_in_pieces_is_one_reply() -> None:
    with server(b"acti", b"on=DEFER_IF_PERMIT 4.2.0 later\n", b"\n") as address:
        assert ask(address, repeat(request(1, 1), 3)).answers == {"DEFER": 3}


@pytest.mark.parametrize(("pieces", "complaint"), [((b"250 ok\n\n",), "answered"), ((), "hung up")])
def test_what_is_no_reply_ends_the_run(pieces: tuple[bytes, ...], complaint: str) -> None:
    with server(*pieces) as address, pytest.raises(WrongAnswer, match=complaint):
        ask(address, repeat(request(1, 1)))


def test_percentiles_are_in_milliseconds() -> None:
    sample = Sample(1.0, [n * 1_000_000 for n in range(1, 101)], {})
    assert (sample.percentile(50), sample.percentile(99), sample.percentile(99.9)) == (51.0, 100.0, 100.0)


def test_a_connection_ends_after_so_many_mails_and_another_takes_its_place() -> None:
    heard: list[int] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection = listener.accept()[0]
                heard.append(0)
                threads.append(threading.Thread(target=answer, args=(connection, len(heard) - 1)))
                threads[-1].start()

    def answer(connection: socket.socket, number: int) -> None:
        with connection:
            while connection.recv(4096):
                heard[number] += 1
                connection.sendall(b"action=DUNNO\n\n")

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads.append(threading.Thread(target=serve))
        threads[0].start()
        driver = Driver(listener.getsockname(), 2, mails=10)
        assert list(driver._left.values()) == [0, 5]  # they do not all end at once
        assert driver.run(repeat(request(1, 1), 100)).answers == {"DUNNO": 100}
        driver.close()
        listener.shutdown(socket.SHUT_RDWR)
    for thread in threads:
        thread.join(5)
    assert sum(heard) == 100
    assert max(heard) == 10
    assert heard[0] == 1
    assert heard[1] <= 6  # fewer if the other one was served first, again and again
