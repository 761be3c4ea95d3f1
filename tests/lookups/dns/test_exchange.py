import asyncio
from collections.abc import Callable, Sequence

import dns.flags
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.alarms import Alarms
from policyd.lookups.dns.codec import encode
from policyd.lookups.dns.exchange import Exchange, Outcome
from policyd.lookups.dns.nameserver import Nameserver
from policyd.lookups.dns.settings import Place
from policyd.model.dns import Answer
from tests.examples import thorough
from tests.lookups.doubles import FakeLink, Says
from tests.lookups.virtual import now, run_virtually
from tests.lookups.wires import question, said

ASKED = encode("a.example", "A")
RIGHT = said(question(), "a.example 60 A 192.0.2.1")
ANSWER = Answer(("192.0.2.1",), 60, "found")
SERVFAIL = said(question(), code=dns.rcode.SERVFAIL)
REFUSED = said(question(), code=dns.rcode.REFUSED)
FORMERR = said(question(), code=dns.rcode.FORMERR)
TRUNCATED = said(question(), flags=dns.flags.TC)
GARBAGE = said(question())[:-5].replace(b"\0\x01\0\0\0\0\0\x01", b"\0\x01\0\x05\0\0\0\x01")


def says(*things: tuple[float, bytes | None]) -> FakeLink:
    return FakeLink(lambda message: things)


def silent() -> FakeLink:
    return says()


class Told:
    """What a finished exchange said, and when it did."""

    def __init__(self, outcome: Outcome, seconds: float) -> None:
        self.outcome = outcome
        self.seconds = round(seconds, 2)


def ask(*links: FakeLink, timeout: float = 3.0, tries: int = 3, down: Sequence[int] = ()) -> Told:
    """The end of a question to servers behind `links`; that it ends once and leaves nothing is seen to here."""

    async def asking() -> Told:
        loop, began = asyncio.get_running_loop(), now()
        servers = [Nameserver(Place(f"192.0.2.{n}"), link, loop) for n, link in enumerate(links)]
        for index in down:
            servers[index].is_up = False
        ends: list[Told] = []
        done: Callable[[Outcome], None] = lambda outcome: ends.append(Told(outcome, now() - began))  # noqa: E731
        exchange = Exchange(ASKED, "A", servers, done, loop, Alarms())
        exchange.start(timeout, tries)
        await asyncio.sleep(timeout + 1)
        for server in servers:
            server.close()
        assert not any(link.listening for link in links)
        assert len(ends) == 1
        return ends[0]

    return run_virtually(asking())


def test_an_answer_ends_it() -> None:
    told = ask(link := says((0.05, RIGHT)))
    assert (told.outcome, told.seconds, len(link.sent)) == (ANSWER, 0.05, 1)


def test_what_was_lost_is_sent_again() -> None:
    replies = iter([[], [(0.05, RIGHT)]])
    told = ask(FakeLink(lambda message: next(replies)))
    assert (told.outcome, told.seconds) == (ANSWER, 1.05)


def test_who_is_slow_is_heard_as_well() -> None:
    replies = iter([[(2.5, RIGHT)], [], []])
    assert ask(FakeLink(lambda message: next(replies))).seconds == 2.5


def test_silence_ends_in_time() -> None:
    told = ask(link := silent())
    assert (told.outcome, told.seconds, len(link.sent)) == ("timeout", 3.0, 3)


def test_tries_go_round_the_servers() -> None:
    told = ask(first := silent(), second := silent(), third := says((0.1, RIGHT)))
    assert (told.outcome, told.seconds) == (ANSWER, 2.1)
    assert (len(first.sent), len(second.sent), len(third.sent)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [(SERVFAIL, "servfail"), (REFUSED, "refused"), (GARBAGE, "malformed"), (None, "unreachable")],
)
def test_who_fails_is_followed_by_the_next_at_once(wire: bytes | None, reason: str) -> None:
    told = ask(failing := says((0.1, wire)), says((0.1, RIGHT)))
    assert (told.outcome, told.seconds, len(failing.sent)) == (ANSWER, 0.2, 1)
    told = ask(says((0.1, wire)), says((0.1, wire)))
    assert (told.outcome, told.seconds) == (reason, 0.2)


def test_who_is_silent_may_still_answer_when_another_failed() -> None:
    assert ask(says((1.5, RIGHT)), says((0.1, SERVFAIL))).seconds == 1.5
    told = ask(silent(), says((0.1, SERVFAIL)))
    assert (told.outcome, told.seconds) == ("timeout", 3.0)


def test_refusals_tell_more_than_silence_of_the_wire() -> None:
    assert ask(says((0.1, None)), says((0.1, REFUSED))).outcome == "refused"


@pytest.mark.parametrize(
    "stray",
    [b"", b"garbage", said(question("b.example"), "b.example 60 A 192.0.2.66"), question(), b"\0" * 500],
    ids=["empty", "garbage", "other question", "echo", "zeros"],
)
def test_strangers_change_nothing(stray: bytes) -> None:
    told = ask(says((0.01, stray), (0.02, stray), (0.1, RIGHT)))
    assert (told.outcome, told.seconds) == (ANSWER, 0.1)


def test_servers_that_are_down_are_not_asked() -> None:
    told = ask(dead := silent(), says((0.1, RIGHT)), down=[0])
    assert (told.outcome, told.seconds, len(dead.sent)) == (ANSWER, 0.1, 0)


def test_without_servers_it_ends_at_once() -> None:
    told = ask(silent(), silent(), down=[0, 1])
    assert (told.outcome, told.seconds) == ("resolver down", 0.0)


def test_a_place_that_cannot_be_sent_to_is_passed_over() -> None:
    def fails(message: bytes) -> Sequence[tuple[float, bytes | None]]:
        raise OSError("Network is unreachable")

    assert ask(FakeLink(fails), says((0.1, RIGHT))).outcome == ANSWER
    told = ask(FakeLink(fails), FakeLink(fails))
    assert (told.outcome, told.seconds) == ("unreachable", 0.0)


# --- EDNS ---


def test_an_old_server_is_asked_without_edns() -> None:
    def old(message: bytes) -> Sequence[tuple[float, bytes | None]]:
        return [(0.1, FORMERR if message[11] else RIGHT)]

    told = ask(link := FakeLink(old), tries=1)
    assert (told.outcome, told.seconds, len(link.sent)) == (ANSWER, 0.2, 2)


def test_who_understands_nothing_at_all_refuses() -> None:
    told = ask(link := says((0.1, FORMERR)), tries=1)
    assert (told.outcome, len(link.sent)) == ("refused", 2)


# --- TCP ---


def test_what_was_cut_off_is_asked_over_tcp() -> None:
    link = FakeLink(lambda message: [(0.1, TRUNCATED)], stream=lambda message: RIGHT)
    assert (ask(link).outcome, len(link.sent), len(link.streamed)) == (ANSWER, 1, 1)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (TRUNCATED, "malformed"),
        (b"garbage", "malformed"),
        (said(question("b.example")), "malformed"),
        (SERVFAIL, "servfail"),
        (FORMERR, "malformed"),
    ],
)
def test_over_tcp_no_second_chance(wire: bytes, reason: str) -> None:
    link = FakeLink(lambda message: [(0.1, TRUNCATED)], stream=lambda message: wire)
    assert (ask(link).outcome, len(link.streamed)) == (reason, 1)


@pytest.mark.parametrize(
    ("error", "reason"), [(OSError, "unreachable"), (EOFError, "unreachable"), (ValueError, "malformed")]
)
def test_tcp_that_fails_is_followed_by_the_next_server(error: type[Exception], reason: str) -> None:
    def stream(message: bytes) -> bytes:
        raise error

    def failing() -> FakeLink:
        return FakeLink(lambda message: [(0.1, TRUNCATED)], stream=stream)

    assert ask(failing(), says((0.1, RIGHT))).outcome == ANSWER
    assert ask(failing()).outcome == reason


def test_tcp_that_hangs_ends_in_time() -> None:
    class Hanging(FakeLink):
        async def stream(self, asked: bytes, *, edns: bool) -> bytes:
            try:
                await asyncio.sleep(3600)
            finally:
                self.is_left = True
            return b""

    told = ask(link := Hanging(lambda message: [(0.1, TRUNCATED)]))
    assert (told.outcome, told.seconds, link.is_left) == ("timeout", 3.0, True)


# --- whatever comes ---

wires = st.sampled_from([RIGHT, SERVFAIL, REFUSED, FORMERR, TRUNCATED, GARBAGE, b"", b"garbage", None])
scripts = st.lists(st.tuples(st.floats(0, 4), wires | st.binary(max_size=100)), max_size=4)


@given(st.lists(scripts, min_size=1, max_size=3), wires, st.integers(1, 4))
@thorough
def test_it_always_ends_once_and_in_time(
    behaviours: list[list[tuple[float, bytes | None]]], streamed: bytes | None, tries: int
) -> None:
    def saying(script: list[tuple[float, bytes | None]]) -> Says:
        return lambda message: script

    stream: Callable[[bytes], bytes] | None = None if streamed is None else lambda message: streamed or b""
    told = ask(*(FakeLink(saying(script), stream) for script in behaviours), tries=tries)
    assert told.seconds <= 3.0
