"""The sender of a triplet: one name for all the envelope senders that one correspondent uses.

Law: pure, total, deterministic and idempotent, and never slow. Mail that differs only in a tag made for this one
message must not look like a new sender, or every message is delayed. A form is rewritten only where it cannot be
taken for somebody's name: two people must not become one (beyond what postgrey does: the extension behind a ``+``
and whole numbers go). The raw sender always matches its own retry, whatever the table says of it.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

LONGEST_CACHED: Final = 256
"""Longer senders are not kept in the cache: its memory must not be the attacker's choice."""
LONGEST_REWRITTEN: Final = 512
"""Longer senders are compared as they are: a local part has 64 octets, a domain 255 (RFC 5321 4.5.3.1)."""
_ROUNDS: Final = 4
"""Tags are wrapped in tags (SRS around BATV around VERP), but not deeper."""


class Form(NamedTuple):
    """One way in which senders tag envelope senders, and what remains of it."""

    name: str
    pattern: re.Pattern[str]
    """What is replaced in the local part, which is lower case."""
    replacement: str
    example: tuple[str, str]
    """A sender and what becomes of it."""
    only: re.Pattern[str] | None = None
    """Where a tag cannot be told from a name, the whole addresses that are known to carry it."""


def _form(name: str, pattern: str, replacement: str, sender: str, wanted: str, only: str | None = None) -> Form:
    condition = re.compile(only, re.ASCII) if only else None
    return Form(name, re.compile(pattern, re.ASCII | re.DOTALL), replacement, (sender, wanted), condition)


# Every pattern is linear, or nearly so, on 512 characters: no repetition stands inside another one.
_HEX = "(?=[a-f]*[0-9])[0-9a-f]"  # a hexadecimal digit of a token that has a decimal one, so no word
_START, _END = "(?<![0-9a-z])", "(?![0-9a-z])"

FORMS: Final = (
    # draft-levine-smtp-batv: key number, day, hash; 10 digits, other makers' have 8 to 12. May stand inside SRS.
    _form("BATV", rf"(?<![^=])prvs={_HEX}{{8,12}}=(?=.)", "", "PRVS=1234abcdef=user@a.example", "user@a.example"),
    # The same by makers that put the tag last; postgrey knows them too.
    _form(
        "BATV, tag last",
        rf"(?<![^=])prvs=([^=]+)={_HEX}{{8,12}}$",
        r"\1",
        "prvs=user=1234abcdef@a.example",
        "user@a.example",
    ),
    _form(
        "BATV, no hexadecimal tag",
        r"(?<![^=])prvs=(?=[a-z]*[0-9])[0-9a-z]{10}=(?=.)",
        "",
        "prvs=12xyz67890=user@a.example",
        "user@a.example",
    ),
    _form("Barracuda", r"(?<![^=])btv1==[0-9a-z]+==(?=.)", "", "btv1==1234567890==user@a.example", "user@a.example"),
    # SparkPost (Momentum) signs its bounce addresses in the manner of BATV.
    _form(
        "SparkPost",
        r"(?<![^=])msprvs1=[^=]+=(?=.)",
        "",
        "msprvs1=19876abcDEF=bounces-12345@a.example",
        "bounces-#@a.example",
    ),
    # Sender Rewriting Scheme (libsrs2, postsrsd): hash and day go, the original domain and user stay.
    _form(
        "SRS0",
        r"^srs0[-+=][^=]*=[^=]*=([^=]+)=",
        r"srs0=#=#=\1=",
        "SRS0+HHHH=TT=orig.example=user@fwd.example",
        "srs0=#=#=orig.example=user@fwd.example",
    ),
    _form(
        "SRS1",
        r"^srs1[-+=][^=]*=([^=]+)=[-+=][^=]*=[^=]*=([^=]+)=",
        r"srs1=#=\1==#=#=\2=",
        "SRS1=HASH=fwd.example==HHHH=TT=orig.example=user@fwd2.example",
        "srs1=#=fwd.example==#=#=orig.example=user@fwd2.example",
    ),
    # Everything behind the first +, as postgrey: user+tag, SendGrid, Mailgun, Mailman and other VERP.
    # Unless it is the first character: +49301234 is a telephone number at a gateway.
    _form("extension", r"(?<=.)\+.*", "", "bounces+1234567-ab12-rcpt=b.example@em.example", "bounces@em.example"),
    # Amazon SES: the time and an id of the message, also under the customer's own MAIL FROM domain.
    _form(
        "Amazon SES",
        r"^[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-[0-9]{6}$",
        "#-#-#-#-#-#-#",
        "0102018f3a5b6c7d-1a2b3c4d-89ab-4cde-8f01-23456789abcd-000000@eu-west-1.ses.example",
        "#-#-#-#-#-#-#@eu-west-1.ses.example",
    ),
    _form(
        "UUID",
        rf"{_START}[0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}}{_END}",
        "#",
        "r-1a2b3c4d-89ab-4cde-8f01-23456789abcd@a.example",
        "r-#@a.example",
    ),
    # X (Twitter): two ids, then the recipient.
    _form(
        "X",
        r"^n[0-9a-f]{10}-[0-9a-f]{16}-(?=.+===)",
        "n#-#-",
        "n01361f1607-0fe582ccfc934393-user===b.example@bounce.x.example",
        "n#-#-user===b.example@bounce.x.example",
    ),
    # Google's services draw a new name for each message: a 3 and a long random word.
    _form(
        "Google",
        r"^3[-_.0-9a-z]{20,}$",
        "#",
        "3AbCdEfGhIjKlMnOpQrStUvWxYz01@m.google.com",
        "#@m.google.com",
        only=r"@(?:[-_0-9a-z]+\.)+google\.com$",
    ),
    # Salesforce keeps the author's address and puts a random word behind it.
    _form(
        "Salesforce",
        r"__[-.0-9a-z]+$",
        "__#",
        "news=b.example__0-1r12zvjmnf8rqu.l9azxrxo3x5g2pzm@um8.bnc.salesforce.com",
        "news=b.example__#@um8.bnc.salesforce.com",
        only=r"@(?:[-_0-9a-z]+\.)+salesforce\.com$",
    ),
    # Mandrill, Mailchimp and other bulk senders say that the address is a machine's; there _ parts numbers too.
    _form(
        "bounce address",
        rf"{_START}(?:[0-9]+|{_HEX}{{6,}}){_END}",
        "#",
        "bounce-md_10612303.5adf1f70.v1-0f662aa357fe4841870c6a233ce23b66@a.example",
        "bounce-md_#.#.v1-#@a.example",
        only=r"^(?:bounces?|return|returns|errors?|verp)[-_.=]",
    ),
    # Hashes and message ids anywhere.
    _form(
        "long hexadecimal number",
        rf"{_START}{_HEX}{{16,}}{_END}",
        "#",
        "news-0f662aa357fe4841@a.example",
        "news-#@a.example",
    ),
    # Whole numbers, as postgrey, to which _ is a letter: john_1985 stays himself. ezmlm, and VERP with numbers.
    _form(
        "number",
        r"\b[0-9]+\b",
        "#",
        "list-return-27-rcpt=b.example@a.example",
        "list-return-#-rcpt=b.example@a.example",
    ),
)


# What every form needs: a local part without any of it stays as it is, and most are. A test holds it against FORMS.
_SUSPECT: Final = re.compile(
    r"[=+]|__|\b[0-9]+\b|[0-9a-f]{16}|[-_.0-9a-z]{21}|-[0-9a-f]{4}-|^(?:bounce|return|error|verp)", re.ASCII
)


def normalise_sender(sender: str) -> str:
    """The name under which mail from `sender` is remembered; "" for the null sender. Never raises."""
    lowered = sender.lower()
    local, at, domain = lowered.rpartition("@")  # the last @: quoted local parts may hold others
    if not at:
        return lowered
    domain = domain.rstrip(".")
    # Letters alone are no form, which is found out three times as fast.
    if local.isalpha() or not _SUSPECT.search(local) or len(sender) > LONGEST_REWRITTEN:
        return f"{local}@{domain}"
    return _cached(local, domain) if len(sender) <= LONGEST_CACHED else _reduced(local, domain)


def _reduced(local: str, domain: str) -> str:
    rewritten = local
    for _ in range(_ROUNDS):
        before, rewritten = rewritten, _rewritten(rewritten, domain)
        if rewritten == before:
            return f"{rewritten}@{domain}"
    # Still changing: nobody's mail. Kept whole, so that normalising twice is the same as once.
    return f"{local}@{domain}"


# Bounded; only what costs more to find out than to remember.
_cached = lru_cache(maxsize=8192)(_reduced)


def _rewritten(local: str, domain: str) -> str:
    for form in FORMS:
        if form.only is None or form.only.search(f"{local}@{domain}"):
            local = form.pattern.sub(form.replacement, local)
    return local
