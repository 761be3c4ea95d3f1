"""Probing a list: which names are asked of it, and what its answers say of its health.

Law: pure. A list that works lists its test point, does not list the point that must never be listed (RFC 5782 5), nor a
control that no mail comes from. The control changes with every probe, so that no cache answers for it: a list that
began to list the world is found although its test points are still remembered.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from policyd.checks.rbl.answers import fault_of, is_test_answer, read_codes
from policyd.checks.rbl.health import FRESH, Finding
from policyd.checks.rbl.names import LISTED_ADDRESS, backwards
from policyd.checks.rbl.profiles import UNKNOWN
from policyd.checks.rbl.zones import Zone
from policyd.model.address import Address
from policyd.model.dns import Answer, Record

Answers = Mapping[str, Answer | str]
"""By name that was asked: the answer, or the word for why there is none."""

SAMPLE: Final = 20
"""Subjects taken at random, when a list seems to list almost everything."""
TOO_MANY: Final = 18
"""So many of them listed is no list: of random addresses the widest honest ones list far fewer than half."""

_UNLISTED_ADDRESS = "1.0.0.127"
_LISTED_IPV6, _UNLISTED_IPV6 = (backwards(Address("", 6, 0xFFFF7F000000 + number)) for number in (2, 1))
_LISTED_NAME, _UNLISTED_NAME = "test", "invalid"


class Points(NamedTuple):
    """The whole names that a probe asks."""

    listed: tuple[str, ...]
    """One of them must be listed; there are two where nobody knows whether it is a list of IPv4 or IPv6 addresses."""
    unlisted: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return self.listed + self.unlisted


class Found(NamedTuple):
    """The finding, and what it was seen by."""

    finding: Finding
    detail: str = ""
    ttl: int = 0
    """Seconds for which caches may repeat a listing that is none."""


def points(zone: Zone, now: int) -> Points:
    """What to ask of `zone` at `now`."""
    by_address = _is_asked_addresses(zone)
    listed = [zone.profile.listed or (LISTED_ADDRESS if by_address else _LISTED_NAME)] if zone.test_points else []
    unlisted = [_UNLISTED_ADDRESS if by_address else _UNLISTED_NAME]
    unlisted.append(_control(zone, now // FRESH, by_address=by_address))
    if by_address and listed and not zone.profile.zone:
        listed.append(_LISTED_IPV6)
        unlisted.append(_UNLISTED_IPV6)
    return Points(tuple(f"{name}.{zone.name}" for name in listed), tuple(f"{name}.{zone.name}" for name in unlisted))


def judge(zone: Zone, asked: Points, answers: Answers) -> Found:
    """What the answers to `points` say. What the list says wrongly counts more than what it does not say."""
    for name in asked.names:
        if detail := _fault(zone, answers[name], is_test_point=name in asked.listed):
            return Found("refused" if detail.startswith("127.") else "strange", detail)
    for name in asked.unlisted:
        if isinstance(answer := answers[name], Answer) and answer.records:
            return Found("lists all", name.removesuffix(f".{zone.name}"), answer.ttl)
    for name in asked.names:
        if isinstance(answer := answers[name], str):
            return Found("refused" if answer == "refused" else "silent", answer)
    if asked.listed and not any(_records(answers[name]) for name in asked.listed):
        return Found("empty", asked.listed[0].removesuffix(f".{zone.name}"))
    return Found("good")


def unheard(zone: Zone, asked: Points, answers: Answers) -> str:
    """The answer for the test point, if no rule takes it and the filter of one is nobody's wish but our guess."""
    codes = [code for name in asked.listed for code in read_codes(_records(answers[name]))]
    is_guess = any(rule.filter is UNKNOWN.filter for rule in zone.rules)
    is_taken = any(rule.filter.matches(code) for rule in zone.rules for code in codes)
    return ".".join(map(str, codes[0])) if codes and is_guess and not is_taken else ""


def sample(zone: Zone, now: int) -> tuple[str, ...]:
    """Names to ask, if `zone` seems to list almost everything: addresses or domains that nobody chose."""
    numbers = [crc32(f"{zone.name} {now // 60} {number}".encode()) for number in range(SAMPLE)]
    if _is_asked_addresses(zone):
        return tuple(f"{backwards(_address(_public(number)))}.{zone.name}" for number in numbers)
    return tuple(f"{_word(number)}.com.{zone.name}" for number in numbers)


def judge_sample(names: Sequence[str], answers: Answers) -> Found | None:
    """``lists all`` if almost all of a sample are listed, ``silent`` if too few were answered, else None."""
    listed = sum(bool(_records(answers[name])) for name in names)
    if listed >= TOO_MANY:
        ttl = max(answer.ttl for answer in answers.values() if isinstance(answer, Answer))
        return Found("lists all", f"{listed} of {len(names)} addresses or domains at random", ttl)
    answered = sum(isinstance(answers[name], Answer) for name in names)
    return None if listed + len(names) - answered < TOO_MANY else Found("silent", "a sample was not answered")


def _fault(zone: Zone, answer: Answer | str, *, is_test_point: bool) -> str:
    records = _records(answer)
    if is_test_point and is_test_answer(zone, records):
        return ""
    return fault_of(zone, records, read_codes(records))


def _records(answer: Answer | str) -> tuple[Record, ...]:
    return answer.records if isinstance(answer, Answer) else ()


def _is_asked_addresses(zone: Zone) -> bool:
    return "client address" in zone.look_up


def _control(zone: Zone, turn: int, *, by_address: bool) -> str:
    number = crc32(f"{zone.name} {turn}".encode())
    # 127.128.0.0/9: loopback like the test points, which stand in 127.0.0.0/24 only.
    return backwards(_address(127 << 24 | 1 << 23 | number & 0x7FFFFF)) if by_address else f"{_word(number)}.invalid"


def _public(number: int) -> int:
    """An address in 11.0.0.0/8 to 99.0.0.0/8: nothing there is private (IANA's registry of special addresses)."""
    return (11 + (number >> 24) % 89) << 24 | number & 0xFFFFFF


def _address(number: int) -> Address:
    return Address("", 4, number)


def _word(number: int) -> str:
    """Ten letters that nobody registered."""
    letters = "".join("abcdefghijklmnopqrstuvwxyz"[number // 26**place % 26] for place in range(6))
    return f"zqx{letters}j"
