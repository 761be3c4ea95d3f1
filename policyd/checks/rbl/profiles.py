"""What is known of the well-known lists: which answers are listings, which are errors, what they want to be asked.

Law: data only. Every code stands in the list's own documentation or in the configuration of a program that uses it; the
comment says where. A list that is not here is judged by RFC 5782 alone.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

from policyd.checks.rbl.filter import Filter, parse_filter

LookUp = Literal["client address", "client name", "reverse name", "helo", "sender domain", "recipient domain"]
"""What a list may be asked about."""
LOOK_UPS: Final[tuple[LookUp, ...]] = get_args(LookUp)

_CLIENT: Final[tuple[LookUp, ...]] = ("client address",)
_NAMES: Final[tuple[LookUp, ...]] = ("reverse name", "helo", "sender domain")

_OWN_RESOLVER: Final = "ask through a resolver of your own, not through a public one"
_DQS: Final = f"your resolver is refused by Spamhaus: {_OWN_RESOLVER}, or use a DQS key"


class Profile(NamedTuple):
    """One list."""

    zone: str
    filter: Filter
    """The answers that are listings."""
    look_up: tuple[LookUp, ...] = _CLIENT
    errors: tuple[Filter, ...] = ()
    """Answers by which it says that it will not answer; beyond those that nobody may use for listings."""
    advice: str = f"if it refuses your resolver, {_OWN_RESOLVER}"
    """What an administrator can do when the list refuses."""
    keyed: bool = False
    """Whether a customer's key stands in front of the zone."""
    listed: str | None = ""
    """The name that is always listed; "": what RFC 5782 5 says; None: none is known."""
    unlisted: str = ""
    """The name that is never listed; "": what RFC 5782 5 says."""
    listed_as: Filter | None = None
    """The answer for `listed`, where it would be an error of any other name."""
    cut: bool = False
    """Whether it lists registered domains only, so that host names must be shortened."""


def _profile(zone: str, codes: str, errors: str = "", **known: Any) -> Profile:
    filters = tuple(map(parse_filter, errors.split()))
    return Profile(zone, parse_filter(codes), errors=filters)._replace(**known)


def _spamhaus(zone: str, codes: str, errors: str = "", **known: Any) -> list[Profile]:
    """A list on Spamhaus's public mirrors and with a key of its Data Query Service. Errors are 127.255.255.x."""
    name = zone.partition(".")[0]
    public = _profile(zone, codes, errors, advice=_DQS, **known)
    return [public, public._replace(zone=f"{name}.dq.spamhaus.net", keyed=True, advice="check your DQS key")]


# docs.spamhaus.com (DQS, Postfix); dbltest.com is DBL's own test point.
_SPAMHAUS: Final = [
    *_spamhaus("zen.spamhaus.org", "127.0.0.[2..11]"),
    *_spamhaus("sbl.spamhaus.org", "127.0.0.[2;3;9]"),
    *_spamhaus("xbl.spamhaus.org", "127.0.0.[4..7]"),
    *_spamhaus("pbl.spamhaus.org", "127.0.0.[10;11]"),
    # 102 to 106 are honest domains that were abused: no reason to refuse. 255: an address was asked for.
    *_spamhaus("dbl.spamhaus.org", "127.0.1.[2..99]", "127.0.1.255", look_up=_NAMES, listed="dbltest.com"),
    # Hours since the domain was first seen; only with a key.
    _spamhaus("zrd.spamhaus.org", "127.0.2.[2..24]", look_up=_NAMES, listed=None)[1],
    # Answered by Spamhaus, with the same errors (YunoHost/issues#2162).
    _profile("cbl.abuseat.org", "127.0.0.2", advice=_DQS),
]

_OTHERS: Final = [
    # One code each: barracudacentral.org (how to use), and what public postscreen configurations filter for
    # (Modoboa: SpamCop; others: PSBL, UCEPROTECT).
    _profile("bl.spamcop.net", "127.0.0.2"),
    _profile("b.barracudacentral.org", "127.0.0.2", advice="register your resolver at barracudacentral.org"),
    *(_profile(f"dnsbl-{level}.uceprotect.net", "127.0.0.2") for level in (1, 2, 3)),
    _profile("psbl.surriel.com", "127.0.0.2"),
    # surbl.org: bits 8 phishing, 16 malware, 64 abuse, 128 cracked; 127.0.0.1 is a refusal.
    _profile("multi.surbl.org", "127.0.0.&216", look_up=_NAMES, listed="test.surbl.org", cut=True),
    # uribl.com: bits 2 black, 4 grey, 8 red; 127.0.0.1 and 255 are refusals.
    *(
        _profile(
            f"{name}.uribl.com", f"127.0.0.&{bits}", "127.0.0.255", look_up=_NAMES, listed="test.uribl.com", cut=True
        )
        for name, bits in (("multi", 14), ("black", 2), ("grey", 4), ("red", 8))
    ),
    # mailspike.org/usage.html: 13 to 16 are neutral.
    _profile("bl.mailspike.net", "127.0.0.[2;10..12]"),
    _profile("z.mailspike.net", "127.0.0.2"),
    _profile("wl.mailspike.net", "127.0.0.[18..20]", listed=None),
    # dnswl.org: 127.0.CATEGORY.TRUST. Who asks too much is answered 127.0.0.255, or 127.0.10.3 for every address
    # (rspamd#4627). Only the test point may have category 10; that it does not stand for all, the control shows.
    _profile(
        "list.dnswl.org",
        "127.0.[2..9;11..255].[1..3]",
        "127.0.0.255 127.0.10.[0..255]",
        listed_as=parse_filter("127.0.10.[0..3]"),
        advice=f"DNSWL refuses your resolver: {_OWN_RESOLVER}, or subscribe",
    ),
    # swl.spamhaus.org, from rspamd's rbl.conf.
    _profile("swl.spamhaus.org", "127.0.2.[2;3;102;103]", advice=_DQS, listed=None),
    # Validity answers 127.255.255.255 to whoever is not registered.
    _profile("bl.score.senderscore.com", "127.0.0.[2..254]", advice="register your resolver at Validity"),
    _profile("combined.mail.abusix.zone", "127.0.0.[2..254]", keyed=True, advice="check your Abusix key"),
    _profile("black.mail.abusix.zone", "127.0.0.[2..254]", keyed=True, advice="check your Abusix key"),
]

PROFILES: Final[Mapping[str, Profile]] = {profile.zone: profile for profile in _SPAMHAUS + _OTHERS}

UNKNOWN: Final = _profile("", "127.0.0.[2..254]")
"""A list without a profile and without a filter of the administrator: RFC 5782 2.1 expects 127.0.0.2 and its like."""

DEAD: Final[Mapping[str, str]] = {
    "sorbs.net": "closed in 2024, its zones are empty",
    "dnsbl.manitu.net": "closed in 2025, its zone is empty",
    "wpbl.info": "closed in 2024, its zone is empty",
    "dnsbl.inps.de": "closed in 2020",
    "megarbl.net": "its domain expired in 2019 and listed the world",
    "spamcannibal.org": "its domain expired in 2018 and listed the world",
    "ahbl.org": "lists the world since 2015",
    "njabl.org": "closed in 2013",
    "rfc-ignorant.org": "closed in 2012",
    "dsbl.org": "closed in 2008, its name servers went in 2009",
    "ordb.org": "closed in 2006, listed the world in 2008",
    "emailbasura.org": "its domain expired by 2020 and listed the world",
    "msrbl.net": "its domain expired twice since 2017 and listed the world",
}
"""Domains of lists that are no more, and when they went. Whoever buys such a name decides over your mail."""


def profile_of(name: str) -> Profile | None:
    """What is known of the list that is asked as `name`, with a key in front or without."""
    if known := PROFILES.get(name):
        return known
    return next((known for known in PROFILES.values() if known.keyed and name.endswith(f".{known.zone}")), None)


def death_of(name: str) -> str:
    """When and how the list `name` went; "" of a living one."""
    return next((story for zone, story in DEAD.items() if name == zone or name.endswith(f".{zone}")), "")
