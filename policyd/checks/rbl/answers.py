"""What the answer of a list means.

Law: a list's own fault is never a listing (promise 9). An answer counts only as a whole: inside 127.0.0.0/8, not
127.0.0.1, not in 127.255.255.0/24, no error of the list's profile; and then only where a rule's filter takes it. One
code that is wrong makes the answer wrong, because it was not the list that answered, or not to us.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from policyd.checks.rbl.filter import Code, parse_code
from policyd.checks.rbl.names import LISTED_ADDRESS
from policyd.checks.rbl.profiles import LookUp
from policyd.checks.rbl.zones import Rule, Zone
from policyd.model.dns import Record

MAX_CODES: Final = 32
"""Records of one answer. A list has a handful of codes; more is somebody else's answer."""


class Reading(NamedTuple):
    """An answer that was understood: the rules that take it, or the record that no list may answer with."""

    rules: tuple[Rule, ...] = ()
    fault: str = ""
    """Printable: an address, or words."""


class Heard(NamedTuple):
    """What one list answered to one question."""

    zone: Zone
    look_up: LookUp
    question: str
    reading: Reading


class Listing(NamedTuple):
    """One rule of one list that counts."""

    zone: Zone
    rule: Rule
    look_up: LookUp
    question: str
    """The name that was asked, under which the list's TXT stands."""


def read(zone: Zone, subject: str, records: tuple[Record, ...]) -> Reading:
    """What `records`, the A records of an answer of `zone` about `subject`, mean."""
    if subject == LISTED_ADDRESS and is_test_answer(zone, records):
        return Reading()
    return _read(zone, records) if len(records) <= MAX_CODES else Reading(fault="too many records")


def is_test_answer(zone: Zone, records: tuple[Record, ...]) -> bool:
    """Whether `records` are what only the test point of `zone` is answered, and what of any other name is an error."""
    listed_as, codes = zone.profile.listed_as, read_codes(records)
    return listed_as is not None and 0 < len(codes) == len(records) and all(map(listed_as.matches, codes))


# Lists answer alike again and again. Bounded in number and, by MAX_CODES, in size.
@lru_cache(maxsize=4096)
def _read(zone: Zone, records: tuple[Record, ...]) -> Reading:
    codes = read_codes(records)
    if fault := fault_of(zone, records, codes):
        return Reading(fault=fault)
    return Reading(tuple(rule for rule in zone.rules if any(map(rule.filter.matches, codes))))


def read_codes(records: tuple[Record, ...]) -> tuple[Code, ...]:
    """The addresses among `records`, as numbers."""
    texts = (record for record in records[:MAX_CODES] if isinstance(record, str))
    return tuple(code for code in map(parse_code, texts) if code is not None)


def fault_of(zone: Zone, records: tuple[Record, ...], codes: tuple[Code, ...]) -> str:
    """The first thing in an answer that is no listing of a list that works; "" if there is none."""
    if len(records) > MAX_CODES:
        return "too many records"
    if len(codes) < len(records):
        return "no address"
    return next((".".join(map(str, code)) for code in codes if is_error(zone, code)), "")


def is_error(zone: Zone, code: Code) -> bool:
    """Whether a list that works never answers so. 127.255.255.0/24 and 127.0.0.1 are errors wherever they come from."""
    return (
        code[0] != 127
        or code == (127, 0, 0, 1)
        or code[:3] == (127, 255, 255)
        or any(error.matches(code) for error in zone.profile.errors)
    )


def listings(heard: Iterable[Heard]) -> list[Listing]:
    """The rules that count. Each counts once, however many answers and names match it, as in postscreen."""
    found: dict[int, Listing] = {}
    for zone, look_up, question, reading in heard:
        for rule in reading.rules:
            if look_up in rule.look_up:
                found.setdefault(rule.number, Listing(zone, rule, look_up, question))
    return list(found.values())
