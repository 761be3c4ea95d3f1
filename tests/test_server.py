"""One reply per request, in order, whatever the chain does and whenever its commits come."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import pytest

from policyd.desk import Service
from policyd.model.action import DUNNO, Action
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision
from policyd.server import FRESH, MAX_PIPELINED, PARTIAL_TIMEOUT, Connection, PolicyServer
from policyd.wire.connection import MAX_REQUEST

DEFER = Action("DEFER_IF_PERMIT", "4.2.0 Greylisted")
DEFERRED = DEFER.reply


class FakeTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.state = "open"
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.state == "open"
        self.written += bytes(data)

    def close(self) -> None:
        self.state = "closed"

    def abort(self) -> None:
        self.state = "aborted"

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class FakeCommit:
    def __init__(self) -> None:
        self.waiting: list[Callable[[bool], None]] = []

    def then(self, done: Callable[[bool], None]) -> None:
        self.waiting.append(done)

    def finish(self, done: bool) -> None:
        for waiter in self.waiting:
            waiter(done)


class House:
    """A server whose chain says what the test wants, and whose event loop ticks when the test says so."""

    def __init__(self, decide: Callable[[PolicyRequest], Decision | Awaitable[Decision]]) -> None:
        self.recorded: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.rejected = 0
        self.now = 1000.0
        self.service = Service(self._decide, self._record, self.errors.append, self._reject)
        self.decide = decide
        self.ticks: deque[Callable[[], None]] = deque()
        self.server = PolicyServer(self.service, lambda: self.now, self._later)

    def _decide(self, requests: Sequence[PolicyRequest], now: int) -> list[Decision | Awaitable[Decision]]:
        return [self.decide(request) for request in requests]

    def _later(self, callback: Callable[[], None]) -> None:
        self.ticks.append(callback)

    def tick(self) -> None:
        """What the loop does until nothing is to be done."""
        while self.ticks:
            self.ticks.popleft()()

    def _record(self, answered: Sequence[tuple[PolicyRequest, Decision]], seconds: float) -> None:
        self.recorded += [(request.sender, decision.reason) for request, decision in answered]

    def _reject(self) -> None:
        self.rejected += 1

    def hear(self, connection: Connection, data: bytes) -> None:
        """One connection sends, and the loop does all there is to do."""
        connection.data_received(data)
        self.tick()

    def connect(self) -> tuple[Connection, FakeTransport]:
        connection, transport = self.server(), FakeTransport()
        connection.connection_made(transport)
        return connection, transport


def passing(request: PolicyRequest) -> Decision:
    return Decision(DUNNO, "chain", "no check objected", 0, request.sender)


def ask(*senders: str) -> bytes:
    return b"".join(f"sender={sender}\n\n".encode() for sender in senders)


def test_a_decision_made_at_once_is_answered_at_once() -> None:
    house = House(passing)
    connection, transport = house.connect()
    house.hear(connection, ask("a"))
    assert transport.written == b"action=DUNNO\n\n"
    assert house.recorded == [("a", "no check objected")]


def test_replies_of_one_connection_keep_their_order_among_others() -> None:
    house = House(lambda request: Decision(Action("WARN", request.sender), "chain", "new", 0, "1"))
    (one, first), (two, second) = house.connect(), house.connect()
    one.data_received(ask("a", "b"))
    two.data_received(ask("x"))
    one.data_received(ask("c"))
    house.tick()
    assert first.written == b"".join(b"action=WARN %c\n\n" % letter for letter in b"abc")
    assert second.written == b"action=WARN x\n\n"


def test_who_closes_only_his_side_still_gets_his_replies() -> None:
    commit = FakeCommit()
    house = House(lambda r: Decision(DEFER, "greylist", "new", 1, "1", commit) if r.sender == "new" else passing(r))
    connection, transport = house.connect()
    idle, _ = house.connect()
    connection.data_received(ask("known", "new"))
    assert connection.eof_received()
    assert not idle.eof_received()
    house.tick()
    assert (transport.written, transport.state) == (b"action=DUNNO\n\n", "open")
    commit.finish(True)
    assert (transport.written, transport.state) == (b"action=DUNNO\n\n" + DEFERRED, "closed")


def test_who_is_gone_before_he_was_read_is_not_asked_about() -> None:
    house = House(passing)
    connection, transport = house.connect()
    connection.data_received(ask("a"))
    connection.close_if_idle()
    assert transport.state == "open"  # there is something to read
    connection.connection_lost(None)
    house.tick()
    assert (transport.written, house.recorded) == (b"", [])


def test_after_hanging_up_nothing_more_is_read() -> None:
    house = House(passing)
    connection, transport = house.connect()
    connection.data_received(b"x" * MAX_REQUEST)
    connection.data_received(b"x")
    connection.data_received(ask("a"))
    house.tick()
    assert (transport.state, transport.written, house.errors) == ("aborted", b"", ["too long"])


def test_fifty_pipelined_requests_get_fifty_replies() -> None:
    house = House(passing)
    connection, transport = house.connect()
    house.hear(connection, ask(*map(str, range(50))))
    assert transport.written == b"action=DUNNO\n\n" * 50


def test_a_reply_waits_for_its_commit_and_the_next_request_for_the_reply() -> None:
    commit = FakeCommit()

    def decide(request: PolicyRequest) -> Decision:
        if request.sender == "new":
            return Decision(DEFER, "greylist", "new", 240, "1", commit)
        return passing(request)

    house = House(decide)
    connection, transport = house.connect()
    house.hear(connection, ask("new", "next"))
    assert (transport.written, house.recorded) == (b"", [])
    commit.finish(True)
    house.tick()
    assert transport.written == DEFERRED + b"action=DUNNO\n\n"


def test_what_could_not_be_stored_is_never_deferred() -> None:
    commit = FakeCommit()
    house = House(lambda _: Decision(DEFER, "greylist", "new", 240, "1", commit))
    connection, transport = house.connect()
    house.hear(connection, ask("new"))
    commit.finish(False)
    house.tick()
    assert transport.written == b"action=DUNNO\n\n"
    assert house.recorded == [("new", "unavailable")]


def test_a_commit_after_the_client_left_sends_nothing() -> None:
    commit = FakeCommit()
    house = House(lambda _: Decision(DEFER, "greylist", "new", 240, "1", commit))
    connection, transport = house.connect()
    house.hear(connection, ask("new"))
    connection.connection_lost(None)
    commit.finish(True)
    house.tick()
    assert transport.written == b""
    assert house.recorded == [("new", "new")]
    assert not house.server.connections


def test_a_bug_is_answered_dunno_and_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: PolicyRequest) -> Decision:
        raise ZeroDivisionError("a bug")

    house = House(broken)
    connection, transport = house.connect()
    with caplog.at_level(logging.ERROR):
        house.hear(connection, ask("a"))
    assert transport.written == b"action=DUNNO\n\n"
    assert house.recorded == [("a", "fault")]
    assert "ZeroDivisionError" in caplog.text


def test_a_bug_in_the_recorder_costs_no_reply(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    house = House(passing)
    house.service.record = broken
    connection, transport = house.connect()
    house.hear(connection, ask("a", "b"))
    assert transport.written == b"action=DUNNO\n\n" * 2
    assert "ZeroDivisionError" in caplog.text


def later(decision: Decision, seconds: float = 0.0, error: Exception | None = None) -> Awaitable[Decision]:
    async def wait() -> Decision:
        await asyncio.sleep(seconds)
        if error is not None:
            raise error
        return decision

    return wait()


def run_async(house: House, *senders: str, until: int) -> bytes:
    async def run() -> bytes:
        connection, transport = house.connect()
        house.hear(connection, ask(*senders))
        while transport.written.count(b"\n\n") < until:
            await asyncio.sleep(0.001)
            house.tick()
        return transport.written

    return asyncio.run(run())


def test_replies_keep_their_order_when_one_check_waits() -> None:
    slow = Decision(DEFER, "rbl", "new", 0, "1")
    house = House(lambda request: later(slow, 0.01) if request.sender == "slow" else passing(request))
    assert run_async(house, "slow", "quick", "slow", until=3) == DEFERRED + b"action=DUNNO\n\n" + DEFERRED


def test_after_the_deadline_the_answer_is_dunno() -> None:
    house = House(lambda _: later(Decision(DEFER, "rbl", "new", 0, "1"), 60))
    house.service.request_deadline = 0.01
    assert run_async(house, "a", until=1) == b"action=DUNNO\n\n"
    assert house.recorded == [("a", "deadline")]


def test_a_bug_in_a_waiting_check_is_answered_dunno() -> None:
    house = House(lambda _: later(Decision(DEFER, "rbl", "new", 0, "1"), error=ZeroDivisionError()))
    assert run_async(house, "a", until=1) == b"action=DUNNO\n\n"
    assert house.recorded == [("a", "fault")]


def test_too_much_without_an_end_is_hung_up_on_without_a_reply() -> None:
    house = House(passing)
    connection, transport = house.connect()
    house.hear(connection, b"sender=" + b"x" * MAX_REQUEST)
    assert (transport.state, transport.written, house.errors) == ("aborted", b"", ["too long"])


def test_a_request_begun_and_never_finished_is_hung_up_on() -> None:
    house = House(passing)
    connection, transport = house.connect()
    _, idle = house.connect()
    house.hear(connection, b"sender=a\n")
    house.now += PARTIAL_TIMEOUT
    house.server.sweep()
    assert transport.state == "open"
    house.hear(connection, b"recipient=b\n")  # a byte now and then does not help
    house.now += 1
    house.server.sweep()
    assert (transport.state, idle.state, house.errors) == ("aborted", "open", ["timeout"])


def test_the_time_of_a_begun_request_starts_when_it_begins() -> None:
    house = House(passing)
    connection, transport = house.connect()
    for _ in range(3):  # each piece ends one request and begins the next
        house.hear(connection, b"sender=a\n\nsender=b\n" if not transport.written else b"\nsender=b\n")
        house.now += PARTIAL_TIMEOUT - 1
        house.server.sweep()
    assert transport.state == "open"


def test_connections_are_limited() -> None:
    house = House(passing)
    house.service.max_connections = 1
    _, first = house.connect()
    _, second = house.connect()
    assert (first.state, second.state, house.rejected) == ("open", "aborted", 1)


def test_exim_gets_one_reply_and_the_end() -> None:
    house = House(passing)
    house.service.close_after_reply = True
    connection, transport = house.connect()
    house.hear(connection, ask("a"))
    assert (transport.written, transport.state) == (b"action=DUNNO\n\n", "closed")


def test_who_asks_without_end_is_made_to_wait() -> None:
    commit = FakeCommit()
    house = House(lambda r: Decision(DEFER, "greylist", "new", 1, "1", commit) if r.sender == "new" else passing(r))
    connection, transport = house.connect()
    house.hear(connection, ask("new", *["next"] * MAX_PIPELINED))
    assert not transport.reading
    commit.finish(True)
    house.tick()
    assert transport.reading
    assert transport.written == DEFERRED + b"action=DUNNO\n\n" * MAX_PIPELINED


def test_who_does_not_read_is_not_read_from() -> None:
    connection, transport = House(passing).connect()
    connection.pause_writing()
    assert not transport.reading
    connection.resume_writing()
    assert transport.reading


def test_draining_answers_what_was_asked_and_closes_the_rest() -> None:
    commit = FakeCommit()
    house = House(lambda _: Decision(DEFER, "greylist", "new", 1, "1", commit))
    busy_connection, busy = house.connect()
    idle_connection, idle = house.connect()
    house.hear(busy_connection, ask("new"))
    house.now += FRESH
    busy_connection.close_if_idle()
    idle_connection.close_if_idle()
    assert (busy.state, idle.state) == ("open", "closed")
    commit.finish(True)
    house.tick()
    busy_connection.close_if_idle()
    assert (busy.written, busy.state) == (DEFERRED, "closed")


def test_draining_waits_for_those_who_have_just_come() -> None:
    house = House(passing)
    connection, transport = house.connect()
    connection.close_if_idle()
    assert transport.state == "open"
    house.hear(connection, ask("new"))
    house.tick()
    assert transport.written == b"action=DUNNO\n\n"
    house.now += FRESH
    connection.close_if_idle()
    assert transport.state == "closed"


def test_draining_first_reads_what_has_arrived() -> None:
    house = House(passing)

    async def run() -> FakeTransport:
        loop = asyncio.get_running_loop()
        house.server.clock = lambda: loop.time() + house.now
        connection, transport = house.connect()
        house.now += FRESH
        loop.call_soon(house.hear, connection, ask("new"))  # as the loop does with what its sockets hold
        await house.server.drain(0.05)
        return transport

    transport = asyncio.run(run())
    assert (transport.written, transport.state) == (b"action=DUNNO\n\n", "aborted")


def test_draining_ends_when_its_time_is_over() -> None:
    house = House(lambda _: Decision(DEFER, "greylist", "new", 1, "1", FakeCommit()))

    async def run() -> FakeTransport:
        house.server.clock = asyncio.get_running_loop().time
        connection, transport = house.connect()
        house.hear(connection, ask("new"))
        await house.server.drain(0.05)
        return transport

    assert asyncio.run(run()).state == "aborted"
