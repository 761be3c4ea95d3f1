import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import dns.flags
import dns.rcode
import pytest

from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.resolver import FAILURE_TTL, DnsResolver
from policyd.lookups.dns.servers import Servers
from policyd.lookups.dns.settings import DnsSettings
from policyd.model.dns import Answer, DnsUnavailable, Mx, Record, RecordType, Resolver
from policyd.model.units import Bytes, Seconds
from tests.lookups.contract import WORLD, ResolverContract
from tests.lookups.doubles import FakeLink, Says
from tests.lookups.faulty import Answerer, FaultyServer, Via
from tests.lookups.virtual import now, run_virtually
from tests.lookups.wires import name_of, said

RCODES = {
    "servfail": dns.rcode.SERVFAIL,
    "refused": dns.rcode.REFUSED,
    "no name": dns.rcode.NXDOMAIN,
    "no data": dns.rcode.NOERROR,
}


# --- the contract, over real sockets ---


def told_by_world(message: bytes, via: Via) -> Sequence[bytes]:
    name, kind = name_of(message)
    name = name.replace("\\032", " ").replace("\\\\", "\\")
    known = next((value for question, value in WORLD.items() if question == (name, kind)), "no name")
    if isinstance(known, str):
        return [said(message, code=RCODES[known], minimum=60)]
    owner = name.replace("\\", "\\\\").replace(" ", "\\032")
    return [said(message, *(f"{owner} 60 {kind} {written(record)}" for record in known))]


def written(record: Record) -> str:
    if isinstance(record, Mx):
        return f"{record.preference} {record.exchange}."
    if isinstance(record, str):
        return f"{record}." if record[-1].isalpha() else record
    if record.startswith(b"\3"):
        return "3 1 1 " + record[3:].hex()
    return " ".join('"' + "".join(f"\\{octet:03d}" for octet in part) + '"' for part in (record[:3], record[3:]))


class TestDnsResolver(ResolverContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Resolver]:
        async with opened(told_by_world) as (resolver, _):
            yield resolver


@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
class TestDnsResolverOnUvloop(TestDnsResolver):
    @staticmethod
    def loop_factory() -> asyncio.AbstractEventLoop:
        import uvloop

        return uvloop.new_event_loop()


@asynccontextmanager
async def opened(
    answer: Answerer, settings: DnsSettings | None = None, delay: float = 0.0
) -> AsyncIterator[tuple[DnsResolver, FaultyServer]]:
    async with FaultyServer(answer, delay=delay) as server:
        wanted = settings or DnsSettings()
        resolver = open_resolver(
            DnsSettings(
                nameservers=(server.address,),
                timeout=wanted.timeout,
                tries=wanted.tries,
                max_in_flight=wanted.max_in_flight,
            )
        )
        try:
            yield resolver, server
        finally:
            resolver.close()


def ask(answer: Answerer, settings: DnsSettings | None = None, delay: float = 0.0) -> Answer | str:
    """The answer over real sockets, or the reason for none; nothing lasts longer than it may."""

    async def asking() -> Answer | str:
        async with opened(answer, settings, delay) as (resolver, _), asyncio.timeout(2):
            try:
                return await resolver.resolve("a.example", "A")
            except DnsUnavailable as error:
                return error.reason

    return asyncio.run(asking())


QUICK = DnsSettings(timeout=Seconds(0.1), tries=2)  # type: ignore[arg-type]
RECORD = "a.example 60 A 192.0.2.1"
FOUND = Answer(("192.0.2.1",), 60, "found")


def many(message: bytes, count: int) -> bytes:
    """That many addresses."""
    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\x09\0\4\x7f\0" + n.to_bytes(2, "big") for n in range(count))
    return message[:2] + b"\x81\x80\0\1" + count.to_bytes(2, "big") + bytes(4) + message[12:-11] + records


def long_by_tcp(count: int) -> Answerer:
    def answer(message: bytes, via: Via) -> Sequence[bytes]:
        return [said(message, flags=dns.flags.TC) if via == "udp" else many(message, count)]

    return answer


FAULTS: dict[str, tuple[Answerer, str]] = {
    "hangs": (lambda message, via: [], "timeout"),
    "SERVFAIL": (lambda message, via: [said(message, code=dns.rcode.SERVFAIL)], "servfail"),
    "REFUSED": (lambda message, via: [said(message, code=dns.rcode.REFUSED)], "refused"),
    "64 kB by TCP": (long_by_tcp(4090), "malformed"),
    "TCP that closes": (
        lambda message, via: [said(message, flags=dns.flags.TC)] if via == "udp" else [],
        "unreachable",
    ),
    "truncated by TCP, too": (lambda message, via: [said(message, flags=dns.flags.TC)], "malformed"),
    "CNAME loop": (
        lambda message, via: [said(message, "a.example 9 CNAME b.example.", "b.example 9 CNAME a.example.")],
        "malformed",
    ),
    "wrong ids": (
        lambda message, via: [said(bytes([n, message[1]]) + message[2:], RECORD) for n in range(40) if n != message[0]],
        "timeout",
    ),
    "another question": (
        lambda message, via: [said(message.replace(b"\1a\7", b"\1b\7"), "b.example 9 A 192.0.2.6")],
        "timeout",
    ),
    "garbage": (lambda message, via: [message[:2] + bytes(range(256)), b"", b"\0", bytes(4000)], "timeout"),
    "its own question": (lambda message, via: [message], "timeout"),
    "compression loop": (
        lambda message, via: [
            message[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + message[12:-11] + b"\xc0\x1b\0\1\0\1\0\0\0\x09\0\4\x7f\0\0\2"
        ],
        "malformed",
    ),
    "cut in the middle": (lambda message, via: [said(message, RECORD)[:-12]], "malformed"),
    "long datagram": (lambda message, via: [many(message, 300)], "malformed"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_never_an_answer(fault: str) -> None:
    answer, reason = FAULTS[fault]
    assert ask(answer, QUICK if reason == "timeout" else None) == reason


def test_garbage_before_the_answer_changes_nothing() -> None:
    assert ask(lambda message, via: [*FAULTS["garbage"][0](message, via), said(message, RECORD)]) == FOUND


def test_what_no_datagram_holds_comes_by_tcp() -> None:
    answer = ask(long_by_tcp(250))
    assert isinstance(answer, Answer)
    assert len(answer.records) == 250


def test_ten_seconds_are_too_long() -> None:
    assert ask(lambda message, via: [said(message, RECORD)], QUICK, delay=10.0) == "timeout"


def test_a_closed_port_is_known_at_once() -> None:
    async def asking() -> None:
        async with opened(told_by_world) as (resolver, server):
            server._udp.close()
            await asyncio.sleep(0)
            with pytest.raises(DnsUnavailable) as caught:
                async with asyncio.timeout(0.5):
                    await resolver.resolve("a.example", "A")
            assert caught.value.reason == "unreachable"

    asyncio.run(asking())


# --- in virtual time ---


def with_resolver(
    says: Says, story: Callable[[DnsResolver, FakeLink], Awaitable[None]], settings: DnsSettings | None = None
) -> None:
    """Tell a story of a resolver and its one server; in the end nothing is left in flight or listened for."""

    async def run() -> None:
        link = FakeLink(says)
        servers = Servers(["192.0.2.53"], lambda place: link, Path("none"))
        resolver = DnsResolver(settings or DnsSettings(), servers, asyncio.get_running_loop().time)
        await story(resolver, link)
        resolver.close()
        figures = resolver.stats()
        assert (figures.in_flight, figures.waiting, link.listening) == (0, 0, 0)
        await asyncio.sleep(0)

    run_virtually(run())


def found(message: bytes) -> list[tuple[float, bytes | None]]:
    name, _ = name_of(message)
    return [(0.1, said(message, f"{name} 60 A 192.0.2.1"))]


def silent(message: bytes) -> list[tuple[float, bytes | None]]:
    return []


async def reason_of(resolver: DnsResolver, name: str = "a.example", kind: RecordType = "A") -> str:
    with pytest.raises(DnsUnavailable) as caught:
        await resolver.resolve(name, kind)
    return caught.value.reason


def test_an_answer_is_remembered_until_its_time_is_over() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        await resolver.resolve("a.example", "A")
        await asyncio.sleep(59)
        assert (await resolver.resolve("a.example", "A")) == FOUND == resolver.cached("a.example", "A")
        await asyncio.sleep(1)
        assert resolver.cached("a.example", "A") is None
        await resolver.resolve("a.example", "A")
        assert len(link.sent) == 2

    with_resolver(found, story)


@pytest.mark.parametrize(("ttl", "remembered"), [(0, 30), (40, 40), (10**6, 100)])
def test_its_time_is_cut_where_the_administrator_says(ttl: int, remembered: int) -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        assert (await resolver.resolve("a.example", "A")).ttl == remembered
        await asyncio.sleep(remembered - 1)
        assert resolver.cached("a.example", "A") is not None
        await asyncio.sleep(1)
        assert resolver.cached("a.example", "A") is None

    def says(message: bytes) -> list[tuple[float, bytes | None]]:
        return [(0.0, said(message, f"a.example {ttl} A 192.0.2.1"))]

    with_resolver(says, story, DnsSettings(min_ttl=Seconds(30), max_ttl=Seconds(100)))


def test_an_answer_for_no_time_is_told_once() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        for _ in range(3):
            assert (await resolver.resolve("a.example", "A")).ttl == 0
        assert len(link.sent) == 3

    with_resolver(lambda message: [(0.0, said(message, "a.example 0 A 192.0.2.1"))], story)


def test_a_failure_is_remembered_for_a_moment() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        assert await reason_of(resolver) == "servfail"
        await asyncio.sleep(FAILURE_TTL - 0.1)
        assert await reason_of(resolver) == "servfail"
        assert len(link.sent) == 1
        await asyncio.sleep(0.1)
        link.says = found
        assert await resolver.resolve("a.example", "A") == FOUND

    with_resolver(lambda message: [(0.0, said(message, code=dns.rcode.SERVFAIL))], story)


def test_equal_questions_are_asked_once() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        names = ["a.example", "A.EXAMPLE", "a.example."]
        answers = await asyncio.gather(*(resolver.resolve(name, "A") for name in names * 10))
        assert set(answers) == {FOUND}
        assert len(link.sent) == 1
        assert (resolver.stats().questions, resolver.stats().merged) == (1, 29)

    with_resolver(found, story)


def test_a_question_that_nobody_waits_for_still_teaches() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await resolver.resolve("a.example", "A")
        await asyncio.sleep(0.1)
        assert resolver.cached("a.example", "A") == FOUND

    with_resolver(found, story)


def test_a_failure_that_nobody_waits_for_is_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        task = asyncio.ensure_future(resolver.resolve("a.example", "A"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(5)

    with_resolver(silent, story)
    gc.collect()
    assert not caplog.records


def test_questions_wait_for_room_and_more_are_refused_at_once() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        asking = [asyncio.ensure_future(resolver.resolve(f"n{n}.example", "A")) for n in range(5)]
        await asyncio.sleep(0.001)
        assert (resolver.stats().in_flight, resolver.stats().waiting, len(link.sent)) == (2, 3, 2)
        began = now()
        assert await reason_of(resolver, "n5.example") == "overload"
        assert now() == began
        assert await resolver.resolve("n4.example", "A") == FOUND  # an equal one needs no room
        await asyncio.gather(*asking)
        assert round(now() - began, 2) == 0.3
        assert resolver.stats().unavailable["overload"] == 1

    with_resolver(found, story, DnsSettings(max_in_flight=2, max_waiting=3))


def test_a_question_given_up_before_it_was_sent_is_not_sent() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        first, second, third = (asyncio.ensure_future(resolver.resolve(f"n{n}.example", "A")) for n in range(3))
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.gather(first, third)
        assert [name_of(message)[0] for message in link.sent] == ["n0.example", "n2.example"]

    with_resolver(found, story, DnsSettings(max_in_flight=1))


def test_questions_of_a_tick_leave_in_a_row_without_those_given_up() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        told: list[Answer | DnsUnavailable] = []
        _, second, _ = [resolver.seek(f"n{n}.example", "A", told.append) for n in range(3)]
        assert not link.sent
        second.cancel()
        await asyncio.sleep(0)
        assert [name_of(message)[0] for message in link.sent] == ["n0.example", "n2.example"]
        assert resolver.stats().waiting == 0
        await asyncio.sleep(1)
        assert told == [FOUND, FOUND]

    with_resolver(found, story)


def test_many_that_fail_at_once_do_not_pile_up() -> None:
    def unreachable(message: bytes) -> Sequence[tuple[float, bytes | None]]:
        raise OSError("Network is unreachable")

    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        link.says = silent
        asking = [asyncio.ensure_future(reason_of(resolver, f"n{n}.example")) for n in range(5000)]
        await asyncio.sleep(0)
        link.says = unreachable
        assert set(await asyncio.gather(*asking)) == {"unreachable"}

    with_resolver(silent, story, DnsSettings(max_in_flight=1))


def test_a_dead_resolver_costs_nothing_until_it_is_back() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        reasons = await asyncio.gather(*(reason_of(resolver, f"n{n}.example") for n in range(20)))
        assert set(reasons) == {"timeout"}
        began = now()
        assert await reason_of(resolver, "later.example") == "resolver down"
        assert now() == began
        assert resolver.stats().servers == {"192.0.2.53:53": False}
        link.says = found
        await asyncio.sleep(5)
        assert (await resolver.resolve("later.example", "A")).outcome == "found"
        assert resolver.stats().servers == {"192.0.2.53:53": True}

    with_resolver(silent, story)


def test_what_is_remembered_is_told_when_the_resolver_is_dead() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        await resolver.resolve("a.example", "A")
        link.says = silent
        await asyncio.gather(*(reason_of(resolver, f"n{n}.example") for n in range(20)))
        assert await reason_of(resolver, "b.example") == "resolver down"
        assert await resolver.resolve("a.example", "A") == FOUND

    with_resolver(found, story)


def test_a_zone_that_hangs_does_not_hide_the_others() -> None:
    """An attacker's domain may hang: that must never switch off the lists (nameserver.py)."""

    def says(message: bytes) -> list[tuple[float, bytes | None]]:
        return [] if "attacker" in name_of(message)[0] else found(message)

    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        for round_ in range(5):
            names = [f"n{n}.{round_}.attacker.example" for n in range(50)]
            assert set(await asyncio.gather(*(reason_of(resolver, name) for name in names))) == {"timeout"}
            assert (await resolver.resolve(f"n{round_}.list.example", "A")).outcome == "found"

    with_resolver(says, story)


def test_what_is_remembered_is_bounded() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        for n in range(50):
            await resolver.resolve(f"n{n}.example", "A")
        figures = resolver.stats()
        assert figures.cache_entries <= 10
        assert figures.cache_bytes <= 5000
        assert figures.cache_evicted == 50 - figures.cache_entries

    with_resolver(found, story, DnsSettings(cache_entries=10, cache_size=Bytes(5000)))


def test_figures_count_what_happened() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        await resolver.resolve("a.example", "A")
        await resolver.resolve("a.example", "A")
        resolver.cached("a.example", "A")
        resolver.cached("b.example", "A")
        await reason_of(resolver, "..")
        link.says = silent
        await reason_of(resolver, "b.example")
        figures = resolver.stats()
        assert (figures.questions, figures.cache_hits, figures.merged) == (2, 2, 0)
        assert figures.outcomes == {"found": 1, "no data": 0, "no name": 0}
        assert {reason: n for reason, n in figures.unavailable.items() if n} == {"bad name": 1, "timeout": 1}
        assert round(figures.question_seconds, 2) == 2.1
        assert sum(figures.question_seconds_counts) == 2

    with_resolver(found, story)


def test_the_end_tells_everybody() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        asking = [asyncio.ensure_future(reason_of(resolver, f"n{n}.example")) for n in range(4)]
        await asyncio.sleep(0)
        resolver.close()
        assert set(await asyncio.gather(*asking)) == {"resolver down"}
        assert await reason_of(resolver, "later.example") == "resolver down"

    with_resolver(silent, story, DnsSettings(max_in_flight=2))


def test_what_one_who_hears_raises_keeps_nobody_from_hearing() -> None:
    async def story(resolver: DnsResolver, link: FakeLink) -> None:
        told: list[Answer | DnsUnavailable] = []
        complaints: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))

        def stumble(answer: Answer | DnsUnavailable) -> None:
            raise ZeroDivisionError

        for hear in (told.append, stumble, told.append, stumble, told.append):
            resolver.seek("a.example", "A", hear)
        await asyncio.sleep(1)
        assert told == [FOUND] * 3
        assert [type(each) for each in complaints] == [ZeroDivisionError] * 2

    with_resolver(found, story)
