"""The lists of the settings, compiled: by which name each is asked, how it is called, and what its answers weigh.

Law: a key is part of the name that is asked and of nothing that anybody sees. Lines that name the same list are one
zone with several rules, asked once; each rule counts by itself, as in postscreen.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from policyd.checks.rbl.filter import Filter, parse_filter
from policyd.checks.rbl.profiles import LOOK_UPS, UNKNOWN, LookUp, Profile, death_of, profile_of
from policyd.checks.rbl.sites import Site, check_weight, parse_name, parse_sites
from policyd.model.action import clean_text

MAX_ZONES: Final = 64
"""Lists that can be asked. Every one is a question for every client."""
MAX_TEXT: Final = 200
"""Characters of a list's text, its own or the administrator's."""

_KEY: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_HIDDEN: Final = "..."


@dataclass(frozen=True, slots=True)
class ZoneSettings:
    """The options of one ``[[rbl.zones]]``. What is left out is the list's profile's, if policyd knows the list."""

    zone: str = ""
    """The list's name, with or without the key in front."""
    key: str = field(default="", repr=False)
    """The customer's key, asked in front of the zone and shown nowhere."""
    look_up: tuple[LookUp, ...] = ()
    """What the list is asked about."""
    filter: str = ""
    """Which answers are listings; "" for those the profile knows."""
    weight: float = 1.0
    text: str = ""
    """What a client is told in place of the list's own text."""
    test_points: bool = True
    """Whether it lists what RFC 5782 wants always listed; a list of your own may not."""


class Rule(NamedTuple):
    """What an answer weighs if it passes the filter."""

    number: int
    """Its place among all rules."""
    look_up: frozenset[LookUp]
    filter: Filter
    weight: float
    text: str


class Zone:
    """One list that is asked. Equal only to itself."""

    __slots__ = (
        "is_allow_list",
        "is_block_list",
        "look_up",
        "name",
        "profile",
        "rules",
        "secret",
        "shown",
        "test_points",
    )

    def __init__(self, name: str, secret: str, profile: Profile, rules: tuple[Rule, ...], *, test_points: bool) -> None:
        self.name = name
        """What stands behind the subject in every question, with the key."""
        self.secret = secret
        self.shown = _without(secret, name)
        """What people may see."""
        self.profile = profile
        self.rules = rules
        self.test_points = test_points
        self.look_up = tuple(word for word in LOOK_UPS if any(word in rule.look_up for rule in rules))
        self.is_allow_list = any(rule.weight < 0 for rule in rules)
        self.is_block_list = any(rule.weight > 0 for rule in rules)

    def hide(self, text: str) -> str:
        """`text` without the key: lists like to repeat in their TXT what they were asked."""
        return re.sub(re.escape(self.secret), _HIDDEN, text, flags=re.IGNORECASE) if self.secret else text


def _without(secret: str, name: str) -> str:
    return ".".join(label for label in name.split(".") if label != secret)


class _Entry(NamedTuple):
    name: str
    secret: str
    profile: Profile
    rule: Rule
    test_points: bool = True


def compile_zones(sites: Iterable[str], tables: Iterable[ZoneSettings]) -> tuple[Zone, ...]:
    """All lists, in their order. Raises ValueError, ``option: what is wrong``, without any key in it."""
    try:
        entries = [_of_site(number, site) for number, site in enumerate(parse_sites(sites))]
    except ValueError as error:
        raise ValueError(f"sites: {error}") from None
    _refuse_twins("sites", entries)
    for number, table in enumerate(tables, 1):
        try:
            entries.append(_of_table(len(entries), table))
        except ValueError as error:
            raise ValueError(f"zones: number {number}: {error}") from None
    _refuse_twins("zones", entries)
    grouped: dict[str, list[_Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.name, []).append(entry)
    if len(grouped) > MAX_ZONES:
        raise ValueError(f"sites: {len(grouped)} lists are too many: write at most {MAX_ZONES}")
    return tuple(_zone(entries) for entries in grouped.values())


def _refuse_twins(option: str, entries: list[_Entry]) -> None:
    """Refuse a line that stands there twice: both would count, which postscreen means and nobody who pastes a line."""
    seen = set()
    for entry in entries:
        rule = entry.rule
        kind = (entry.name, rule.look_up, rule.filter.fields, rule.weight)
        if kind in seen:
            shown = _without(entry.secret, entry.name)
            raise ValueError(
                f"{option}: {shown} stands there twice with the same weight and filter, and each would count: "
                "remove one"
            )
        seen.add(kind)


def _zone(entries: list[_Entry]) -> Zone:
    name, secret, profile = entries[0][:3]
    test_points = profile.listed is not None and all(entry.test_points for entry in entries)
    return Zone(name, secret, profile, tuple(entry.rule for entry in entries), test_points=test_points)


def _of_site(number: int, site: Site) -> _Entry:
    name, secret, profile = _identify(site.name, "")
    codes = _listing(site.filter or profile.filter)
    return _Entry(name, secret, profile, Rule(number, frozenset(profile.look_up), codes, site.weight, ""))


def _of_table(number: int, table: ZoneSettings) -> _Entry:
    if not table.zone:
        raise ValueError('zone is missing: write zone = "bl.example.org"')
    name, secret, profile = _identify(parse_name(table.zone), table.key.lower())
    codes = _listing(parse_filter(table.filter)) if table.filter else profile.filter
    look_up = frozenset(table.look_up or profile.look_up)
    text = clean_text(table.text, MAX_TEXT) if table.text else ""
    return _Entry(
        name, secret, profile, Rule(number, look_up, codes, check_weight(table.weight), text), table.test_points
    )


def _listing(codes: Filter) -> Filter:
    """`codes`, if a list could ever answer one of them. Raises ValueError for people."""
    if 127 not in codes.fields[0]:  # RFC 5782 2.1
        raise ValueError(
            f"{codes.text[:60]}: lists answer with addresses that begin with 127: write one as in 127.0.0.2"
        )
    return codes


def _identify(zone: str, key: str) -> tuple[str, str, Profile]:
    """The name that is asked, the key in it, and what is known of the list."""
    if key and not _KEY.fullmatch(key):
        raise ValueError("the key is no label of a name: write letters, digits and '-', at most 63 of them")
    name = f"{key}.{zone}" if key and key not in zone.split(".") else zone
    known = profile_of(name)
    secret = key or (name.removesuffix(known.zone).rstrip(".") if known else "")
    if known and known.keyed and not secret:
        raise ValueError(f"{known.zone} answers customers only: write your key, as in KEY.{known.zone}")
    if story := death_of(name):
        raise ValueError(f"{'.'.join(name.split('.')[-3:])} is no more ({story}): take it out")
    return name, secret, known or UNKNOWN
