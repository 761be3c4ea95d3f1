"""The resolver in front of a real unbound, which resolves a real rbldnsd's zones."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple

import pytest

from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.resolver import DnsResolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.model.dns import Answer, DnsUnavailable, RecordType
from policyd.model.units import Seconds
from tests.system.nameservers import Rbldnsd, Unbound
from tests.system.parts import free_port, laboratory

BIG = [f"big.local.example. 60 IN A 192.0.2.{n}" for n in range(200)]
SPF = "v=spf1 ip4:192.0.2.0/24 " + "ip4:198.51.100.0/24 " * 10 + "-all"
DATA = [
    *BIG,
    "mail.local.example. 60 IN MX 10 mx.local.example.",
    "alias.local.example. 60 IN CNAME mx.local.example.",
    "mx.local.example. 60 IN A 192.0.2.25",
    f'spf.local.example. 60 IN TXT "{SPF[:200]}" "{SPF[200:]}"',
]
ZONES = {
    "bl.lab.example": ("ip4set", ":127.0.0.2:Listed, see https://lab.example/$\n127.0.0.2\n192.0.2.66 :127.0.0.4:\n"),
    "bl6.lab.example": ("ip6trie", ":127.0.0.2:Listed\n2001:db8:66::/48\n"),
    "dbl.lab.example": ("dnset", ":127.0.1.2:Listed domain\ntest\n.bad.example\n"),
}
NIBBLES = ".".join(reversed("20010db8006600000000000000000001"))


class Servers(NamedTuple):
    unbound: Unbound
    rbldnsd: Rbldnsd


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Both, with a zone whose server is dead."""
    with laboratory() as home, Rbldnsd(home, ZONES) as rbldnsd:
        stubs = dict.fromkeys(ZONES, rbldnsd.port) | {"dead.lab.example": free_port()}
        with Unbound(home, stubs, DATA) as unbound:
            yield Servers(unbound, rbldnsd)


def told(servers: Servers, story: Callable[[DnsResolver], Awaitable[None]], timeout: int = 5) -> DnsResolver:
    async def run() -> DnsResolver:
        resolver = open_resolver(DnsSettings(nameservers=(servers.unbound.address,), timeout=Seconds(timeout)))
        try:
            await story(resolver)
        finally:
            resolver.close()
        return resolver

    return asyncio.run(run())


def ask(servers: Servers, name: str, kind: RecordType = "A") -> Answer:
    answers = []

    async def story(resolver: DnsResolver) -> None:
        answers.append(await resolver.resolve(name, kind))

    told(servers, story)
    return answers[0]


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("2.0.0.127.bl.lab.example", ("127.0.0.2",)),
        ("66.2.0.192.bl.lab.example", ("127.0.0.4",)),
        (f"{NIBBLES}.bl6.lab.example", ("127.0.0.2",)),
        ("bad.example.dbl.lab.example", ("127.0.1.2",)),
        ("www.bad.example.dbl.lab.example", ("127.0.1.2",)),
    ],
)
def test_what_a_list_lists_is_found(servers: Servers, name: str, records: tuple[str, ...]) -> None:
    assert ask(servers, name)[::2] == (records, "found")


def test_why_it_is_listed_is_told(servers: Servers) -> None:
    assert ask(servers, "2.0.0.127.bl.lab.example", "TXT").records == (b"Listed, see https://lab.example/127.0.0.2",)


@pytest.mark.parametrize(
    "name", ["1.0.0.127.bl.lab.example", "invalid.dbl.lab.example", f"{NIBBLES.replace('6.6', '7.6')}.bl6.lab.example"]
)
def test_what_it_does_not_list_does_not_exist_for_as_long_as_it_says(servers: Servers, name: str) -> None:
    answer = ask(servers, name)
    assert answer.outcome == "no name"
    assert 50 <= answer.ttl <= 60


def test_what_no_datagram_holds_comes_by_tcp(servers: Servers) -> None:
    assert len(ask(servers, "big.local.example").records) == len(BIG)


def test_records_of_all_kinds_come_as_values(servers: Servers) -> None:
    assert ask(servers, "mail.local.example", "MX").records == ((10, "mx.local.example"),)
    assert ask(servers, "spf.local.example", "TXT").records == (SPF.encode(),)
    assert ask(servers, "mx.local.example", "AAAA")[::2] == ((), "no data")
    assert ask(servers, "alias.local.example", "CNAME").records == ("mx.local.example",)


def test_a_dead_server_behind_it_is_never_an_empty_answer(servers: Servers) -> None:
    async def story(resolver: DnsResolver) -> None:
        with pytest.raises(DnsUnavailable) as caught:
            await resolver.resolve("2.0.0.127.dead.lab.example", "A")
        assert caught.value.reason in ("servfail", "timeout")
        assert (await resolver.resolve("2.0.0.127.bl.lab.example", "A")).outcome == "found"

    told(servers, story, timeout=2)


def test_thousands_of_questions_at_once_are_all_answered(servers: Servers) -> None:
    async def story(resolver: DnsResolver) -> None:
        names = [f"{n & 255}.{n >> 8}.51.198.bl.lab.example" for n in range(3000)]
        answers = await asyncio.gather(*(resolver.resolve(name, "A") for name in names))
        assert {answer.outcome for answer in answers} == {"no name"}
        assert not any(resolver.stats().unavailable.values())

    told(servers, story)


def test_it_is_missed_when_it_ends_and_used_when_it_is_back(servers: Servers) -> None:
    async def story(resolver: DnsResolver) -> None:
        await resolver.resolve("2.0.0.127.bl.lab.example", "A")
        servers.unbound.stop()
        try:
            reasons = [await reason_of(resolver, f"{n}.0.0.10.bl.lab.example") for n in range(10)]
            assert set(reasons) == {"unreachable"}
            await asyncio.sleep(1.2)
            assert await reason_of(resolver, "99.0.0.10.bl.lab.example") == "resolver down"
            assert list(resolver.stats().servers.values()) == [False]
        finally:
            servers.unbound.start()
        async with asyncio.timeout(6):
            while not all(resolver.stats().servers.values()):
                await asyncio.sleep(0.1)
        assert (await resolver.resolve("66.2.0.192.bl.lab.example", "A")).outcome == "found"

    told(servers, story)


async def reason_of(resolver: DnsResolver, name: str) -> str:
    with pytest.raises(DnsUnavailable) as caught:
        await resolver.resolve(name, "A")
    return caught.value.reason
