"""A world of lists in a dictionary: the Resolver double of these tests, with every fault a list can have."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from policyd.checks.rbl import Rbl, Settings
from policyd.model.address import parse_address
from policyd.model.dns import Answer, DnsUnavailable, Record, RecordType, UnavailableReason
from policyd.model.request import PolicyRequest
from tests.lookups.doubles import Seeking
from tests.lookups.virtual import run_virtually

NOW = 1_700_000_000

Fault = Callable[[str], Answer | UnavailableReason | float]
"""Name asked -> what is answered, a reason for none, or seconds of silence."""

FAULTS: dict[str, Fault] = {
    "hang": lambda name: 60.0,
    "SERVFAIL": lambda name: "servfail",
    "REFUSED": lambda name: "refused",
    "malformed": lambda name: "malformed",
    "lists the world": lambda name: found("127.0.0.2"),
    "trusts the world": lambda name: found("127.0.5.3"),
    "DNSWL over its limit": lambda name: found("127.0.10.3"),
    "DNSWL blocked": lambda name: found("127.0.0.255"),
    "public resolver": lambda name: found("127.255.255.254"),
    "too many queries": lambda name: found("127.255.255.255"),
    "SURBL refusal": lambda name: found("127.0.0.1"),
    "lost domain": lambda name: found("192.0.2.1"),
    "listing beside an error": lambda name: found("127.0.0.2", "127.255.255.254"),
    "64 kB": lambda name: found(*(f"127.0.{number >> 8}.{number & 255}" for number in range(2, 4000))),
    "no addresses": lambda name: found(b"127.0.0.2", "", "::1", "127.0.0.256"),
    "emptied": lambda name: nothing(),
}


def found(*records: Record) -> Answer:
    return Answer(tuple(records), 60, "found")


def nothing() -> Answer:
    return Answer((), 60, "no name")


@dataclass
class World(Seeking):
    """Answers of lists by name. The test points of `zones` are there from the start."""

    zones: tuple[str, ...] = ()
    listed: dict[str, Answer] = field(default_factory=dict)
    txt: dict[str, Answer] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    """By zone."""
    is_warm: bool = False
    """Whether every answer is known without asking."""
    warm: str = ""
    """The zone whose answers are."""
    asked: list[tuple[str, RecordType]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for zone in self.zones:
            code = "127.0.10.0" if zone == "list.dnswl.org" else "127.0.0.2"
            self.listed |= {f"{point}.{zone}": found(code) for point in ("2.0.0.127", "test")}

    def cached(self, name: str, kind: RecordType) -> Answer | None:
        answer = self._answer(name, kind)
        is_warm = self.is_warm or (self.warm and name.endswith(f".{self.warm}"))
        return answer if is_warm and isinstance(answer, Answer) else None

    async def resolve(self, name: str, kind: RecordType) -> Answer:
        self.asked.append((name, kind))
        answer = self._answer(name, kind)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            raise DnsUnavailable("timeout")
        if isinstance(answer, str):
            raise DnsUnavailable(answer)
        return answer

    def _answer(self, name: str, kind: RecordType) -> Answer | UnavailableReason | float:
        for zone, fault in self.faults.items():
            if name.endswith(f".{zone}"):
                return fault(name)
        return (self.listed if kind == "A" else self.txt).get(name, nothing())


def request(address: str = "203.0.113.9", **other: str) -> PolicyRequest:
    return PolicyRequest(
        protocol_state="RCPT",
        client_address=parse_address(address),
        client_name=other.get("name", "unknown"),
        reverse_client_name=other.get("reverse", "unknown"),
        helo_name=other.get("helo", "localhost"),
        sender=other.get("sender", ""),
        recipient=other.get("recipient", "jane@example.test"),
        instance="1",
    )


def proved(settings: Settings, world: World, say: Callable[[str], None] = lambda _: None, now: int = NOW) -> Rbl:
    """The check after its first probes."""
    check = Rbl(settings, world, say)
    run_virtually(check.prober.round(now))
    return check
