import asyncio
from collections.abc import Awaitable, Callable

import pytest

from policyd.lookups.dns.nameserver import MISSES, PROBE_EVERY, PROBE_TIMEOUT, Nameserver
from policyd.lookups.dns.settings import Place
from tests.lookups.doubles import FakeLink, Says
from tests.lookups.virtual import run_virtually
from tests.lookups.wires import said

PLACE = Place("192.0.2.53")


def silent(message: bytes) -> list[tuple[float, bytes | None]]:
    return []


def honest(message: bytes) -> list[tuple[float, bytes | None]]:
    return [(0.01, said(message))]


def with_server(says: Says, story: Callable[[Nameserver, FakeLink], Awaitable[None]]) -> None:
    async def run() -> None:
        link = FakeLink(says)
        server = Nameserver(PLACE, link, asyncio.get_running_loop())
        await story(server, link)
        server.close()
        assert (link.is_closed, link.listening) == (True, 0)

    run_virtually(run())


def test_a_slow_zone_does_not_make_a_server_dead() -> None:
    """An attacker's own nameservers may hang as long as they like: ours answers the probe."""

    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(100):
            server.missed()
            await asyncio.sleep(0.1)
            assert server.is_up
        assert len(link.sent) > 1

    with_server(honest, story)


def test_a_server_that_answers_nothing_is_dead_after_one_probe(caplog: pytest.LogCaptureFixture) -> None:
    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(MISSES - 1):
            server.missed()
        assert not link.sent
        server.missed()
        server.missed()
        assert len(link.sent) == 1
        await asyncio.sleep(PROBE_TIMEOUT + 0.1)
        assert not server.is_up

    with_server(silent, story)
    (record,) = caplog.records
    assert "nameserver 192.0.2.53:53 does not answer" in record.getMessage()
    assert "[dns] nameservers" in record.getMessage()


def test_a_dead_one_is_probed_every_few_seconds_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(MISSES):
            server.missed()
        await asyncio.sleep(10 * (PROBE_TIMEOUT + PROBE_EVERY) + 0.1)
        assert not server.is_up
        assert len(link.sent) == 11
        link.says = honest
        await asyncio.sleep(PROBE_TIMEOUT + PROBE_EVERY)
        assert server.is_up
        probes = len(link.sent)
        await asyncio.sleep(60)
        assert len(link.sent) == probes

    caplog.set_level("INFO", "policyd.dns")
    with_server(silent, story)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_misses_count_only_in_a_row() -> None:
    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(10):
            for _ in range(MISSES - 1):
                server.missed()
            server.heard()
        assert not link.sent

    with_server(silent, story)


def test_any_answer_ends_the_suspicion() -> None:
    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(MISSES):
            server.missed()
        await asyncio.sleep(PROBE_TIMEOUT / 2)
        server.heard()
        await asyncio.sleep(60)
        assert server.is_up
        assert len(link.sent) == 1

    with_server(silent, story)


def test_a_refusal_is_a_sign_of_life_and_garbage_is_none() -> None:
    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(MISSES):
            server.missed()
        await asyncio.sleep(PROBE_TIMEOUT + 0.1)
        assert not server.is_up
        link.says = lambda message: [(0.01, message[:2] + b"\x81\x85" + message[4:])]  # REFUSED
        await asyncio.sleep(PROBE_TIMEOUT + PROBE_EVERY)
        assert server.is_up

    with_server(lambda message: [(0.01, b"garbage of some length"), (0.02, None)], story)


def test_a_filter_of_this_machine_is_told_from_a_dead_server(caplog: pytest.LogCaptureFixture) -> None:
    def forbidden(message: bytes) -> list[tuple[float, bytes | None]]:
        raise PermissionError(1, "Operation not permitted")

    async def story(server: Nameserver, link: FakeLink) -> None:
        for _ in range(MISSES):
            server.missed()
        await asyncio.sleep(PROBE_TIMEOUT + 0.1)
        assert not server.is_up
        link.says = honest
        await asyncio.sleep(PROBE_EVERY + 0.1)
        assert server.is_up

    with_server(forbidden, story)
    assert "write IPAddressAllow= into its systemd unit" in caplog.records[0].getMessage()
