"""Law tested (promise 9): whatever a DNS list or its server does wrong, nobody is refused and nobody trusted because of
it; every mail is answered in time; the list is parked within two probes and comes back by itself.

All that lies between a request and the network is real: chain, checks, prober, resolver, sockets. The server is not,
and time is virtual.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, cast

import dns.flags
import dns.rcode
import pytest

from policyd import config
from policyd.assembly import Assembler
from policyd.chain import Chain
from policyd.checks.rbl import Rbl
from policyd.checks.rbl import prober as prober_module
from policyd.checks.rbl.health import AGAIN, INTERVAL
from policyd.lists import Lists
from policyd.lookups.dns import resolver as resolver_module
from policyd.model.units import Seconds
from policyd.model.verdict import Decision
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.wire.request import parse_request
from tests.lookups.faulty import FaultyServer, Via
from tests.lookups.virtual import run_virtually
from tests.lookups.wires import name_of, said

NOW: Final = 1_700_000_000
TIMEOUT: Final = 0.15
DEADLINE: Final = 0.3
PATIENCE: Final = 0.02
LISTED, TRUSTED, STRANGER = "203.0.113.66", "203.0.113.25", "203.0.113.9"

Fault = Callable[[bytes, str, Via], Sequence[bytes]]
"""A question, its name, and how it came -> what answers it."""


def address(*data: str) -> Fault:
    return lambda message, name, via: [said(message, *(f"{name} 0 A {each}" for each in data))]


def code(rcode: dns.rcode.Rcode) -> Fault:
    return lambda message, name, via: [said(message, code=rcode)]


def wrong_ids(message: bytes, name: str, via: Via) -> Sequence[bytes]:
    right = said(message, f"{name} 0 A 127.0.0.2")
    return [bytes([number, message[1]]) + right[2:] for number in range(40) if number != message[0]]


def truncated(message: bytes, name: str, via: Via) -> Sequence[bytes]:
    return [said(message, f"{name} 0 A 127.0.0.2", flags=dns.flags.TC)]


def as_long_as_can_be(message: bytes, name: str, via: Via) -> Sequence[bytes]:
    if via == "udp":
        return [said(message, flags=dns.flags.TC)]
    record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x7f\0"
    records = b"".join(record + number.to_bytes(2, "big") for number in range(2, 4082))
    return [message[:2] + b"\x81\x80\0\1" + (4080).to_bytes(2, "big") + bytes(4) + message[12:-11] + records]


def alias_loop(message: bytes, name: str, via: Via) -> Sequence[bytes]:
    return [said(message, f"{name} 0 CNAME loop.example.", f"loop.example 0 CNAME {name}.")]


FAULTS: Final[dict[str, Fault]] = {
    "hang": lambda message, name, via: [],
    "SERVFAIL": code(dns.rcode.SERVFAIL),
    "REFUSED": code(dns.rcode.REFUSED),
    "truncation": truncated,
    "64 kB": as_long_as_can_be,
    "CNAME loop": alias_loop,
    "wrong ids": wrong_ids,
    "10 s delay": lambda message, name, via: [said(message, f"{name} 0 A 127.0.0.2")],
    "lists the world": address("127.0.0.2"),
    "trusts the world": address("127.0.5.3"),
    "open resolver": address("127.255.255.254"),
    "a listing and an error": address("127.0.0.2", "127.255.255.254"),
    "expired domain": address("192.0.2.1"),
    "no test point": code(dns.rcode.NXDOMAIN),
}
HONEST: Final = {
    "2.0.0.127.bl.example": "127.0.0.2",
    "2.0.0.127.wl.example": "127.0.0.2",
    "66.113.0.203.bl.example": "127.0.0.2",
    "25.113.0.203.wl.example": "127.0.5.3",
}
CONFIG: Final = """
[chain]
checks = ["rbl", "greylist"]
[rbl]
sites = ["bl.example*3, wl.example=127.0.[0..255].[1..3]*-2"]
"""


class House:
    """Checks that ask a server which may go wrong for some zones."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.zones: tuple[str, ...] = ()
        self.now = NOW
        self.slowest = 0.0
        self.server = FaultyServer(self._answer)
        self._assembler = Assembler(MemoryStore(StoreOptions()), lambda: self.now)

    def _answer(self, message: bytes, via: Via) -> Sequence[bytes]:
        name, kind = name_of(message)
        if self.fault is not None and name.endswith(self.zones):
            return self.fault(message, name, via)
        if kind == "A" and name in HONEST:
            return [said(message, f"{name} 0 A {HONEST[name]}")]
        return [said(message, code=dns.rcode.NXDOMAIN)]

    async def open(self) -> None:
        await self.server.__aenter__()
        settings = config.parse(CONFIG, "f")
        quick = replace(settings.dns, nameservers=(self.server.address,), timeout=cast(Seconds, TIMEOUT), tries=2)
        rbl = replace(settings.checks["rbl"], deadline=cast(Seconds, DEADLINE))
        settings = replace(settings, dns=quick, checks={**settings.checks, "rbl": rbl})
        built = self._assembler.build(settings, Lists())
        self._assembler.take(built._replace(checks=built.checks._replace(jobs=())))
        self._chain = Chain(built.checks.plan, [], lambda check, error: None, first_id=0)
        (self._rbl,) = (check for check in built.checks.checks if isinstance(check, Rbl))

    async def close(self) -> None:
        self._assembler.close()
        await self.server.__aexit__(None, None, None)

    async def probe(self, later: int) -> None:
        self.now += later
        await self._rbl.prober.round(self.now)

    def parked(self) -> tuple[str, ...]:
        return tuple(status.zone for status in self._rbl.status() if status.is_parked)

    async def ask(self, client: str) -> Decision:
        text = f"protocol_state=RCPT\nclient_address={client}\nsender=a@x.example\nrecipient=b@y.example"
        clock = asyncio.get_running_loop().time
        began = clock()
        (answer,) = self._chain.decide([parse_request(text.encode())], self.now)
        decision = answer if isinstance(answer, Decision) else await answer
        self.slowest = max(self.slowest, clock() - began)
        return decision

    async def ask_many(self) -> list[Decision]:
        """Mail of strangers, some of it at the same time."""
        clients = [STRANGER, *(f"203.0.{number}.7" for number in range(8))]
        return await asyncio.gather(*map(self.ask, clients))


async def story(house: House, fault: str, zones: tuple[str, ...]) -> None:
    await house.probe(0)
    assert (await house.ask(LISTED)).action.rejects, "the world is as it should be"
    assert (await house.ask(TRUSTED)).reason == "allow list"
    house.fault, house.zones = FAULTS[fault], zones
    house.server.delay = 10.0 if fault == "10 s delay" else 0.0
    house.now += 30
    decisions = await house.ask_many()
    await house.probe(INTERVAL)
    decisions += await house.ask_many()
    await house.probe(AGAIN)
    assert house.parked() == (("bl.example", "wl.example") if fault == "10 s delay" else zones)
    decisions += await house.ask_many()
    assert [each for each in decisions if each.action.rejects] == []
    assert [each for each in decisions if each.reason == "allow list"] == []
    listed, trusted = await house.ask(LISTED), await house.ask(TRUSTED)
    assert not listed.action.rejects, "nobody is refused for good while the allow list is unknown"
    assert (listed.reason == "allow list unknown") == (zones == ("wl.example",) and fault != "10 s delay")
    assert trusted.reason != "allow list", "nobody is trusted while the block list is unknown"
    house.fault, house.server.delay = None, 0.0
    await house.probe(INTERVAL)
    assert house.parked() == ()
    assert (await house.ask(LISTED)).action.rejects
    assert (await house.ask(TRUSTED)).reason == "allow list"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("zones", [("bl.example",), ("wl.example",), ("bl.example", "wl.example")])
def test_a_fault_hurts_nobody_and_ends(fault: str, zones: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober_module, "DEADLINE", DEADLINE)
    monkeypatch.setattr(resolver_module, "FAILURE_TTL", 0.0)  # seconds of the real clock, and minutes pass here

    async def run() -> float:
        house = House()
        await house.open()
        try:
            await story(house, fault, zones)
        finally:
            await house.close()
        return house.slowest

    # Proofs and answers share the deadline of a request.
    assert run_virtually(run(), patience=PATIENCE) < DEADLINE + 0.01
