"""The options of ``[spf]``.

Law: what stands here is compiled before it is taken, so a text that cannot be sent stops the start, not a mail.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from policyd.checks.wiring import PRIVATE
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfLimits
from policyd.model.units import Seconds
from policyd.tables.networks import parse_network

Sentence = Literal["reject", "defer", "greylist", "tag", "none"]
"""What becomes of a mail. ``tag``: a header says it. ``greylist``: the same, and greylisting takes it for suspect."""
HeaderKind = Literal["received-spf", "authentication-results", "none"]

TEXT_LIMIT: Final = 200
"""Characters of a text; its values, the owner's words and the decision id come to it."""
TEXT_WORD: Final = re.compile(r"%[cdhi]")
_NO_WORD: Final = re.compile(r"%(?![cdhi])[A-Za-z]", re.ASCII)

_TEXT: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_DOMAIN: Final = re.compile(r"\.?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,62}", re.ASCII)


def check_domain(text: str) -> None:
    """Refuse what is no domain in A-labels (`check` of an option's metadata). Raises ValueError."""
    if not _DOMAIN.fullmatch(text.lower()):
        raise ValueError(
            f'{text[:80]!r} is no domain; write it as in "example.org", or ".example.org" for all names below it'
        )


def check_host(text: str) -> None:
    """Refuse what is no host name (`check` of an option's metadata). Raises ValueError."""
    if text.startswith("."):
        raise ValueError(f"{text[:80]!r}: write whole host names, without a dot in front")
    check_domain(text)


def check_text(text: str) -> str:
    """What cannot be sent in `text`; "" if it can."""
    if len(text) > TEXT_LIMIT:
        return f"at most {TEXT_LIMIT} characters can be sent"
    if unknown := _NO_WORD.search(text):
        return f"{unknown[0]} stands for nothing: write %c, %d, %h or %i"
    return "" if _TEXT.fullmatch(text) else "must be printable ASCII without blanks around it"


@dataclass(frozen=True, slots=True)
class Actions:
    """``[spf.mail_from]``, ``[spf.helo]``: what follows from each result."""

    fail: Sentence = "reject"
    softfail: Sentence = "tag"
    neutral: Sentence = "tag"
    none: Sentence = "tag"
    pass_: Sentence = "tag"  # noqa: S105 - no password
    temperror: Sentence = "tag"
    permerror: Sentence = "tag"

    def of(self, result: SpfResult) -> Sentence:
        """What follows from `result`."""
        sentence: Sentence = getattr(self, "pass_" if result == "pass" else result)
        return sentence

    @property
    def is_idle(self) -> bool:
        """Whether nothing ever follows, so that nobody need be asked."""
        return all(getattr(self, name) == "none" for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class DomainSettings:
    """One ``[[spf.domain]]``: what is different for some domains. What it does not name is as for everybody."""

    names: tuple[str, ...] = field(default=(), metadata={"check": check_domain, "nonempty": True, "unique": True})
    """``example.org``, and ``.example.org`` for all names below it."""
    fail: Sentence | None = None
    softfail: Sentence | None = None
    neutral: Sentence | None = None
    none: Sentence | None = None
    pass_: Sentence | None = None
    temperror: Sentence | None = None
    permerror: Sentence | None = None

    def __post_init__(self) -> None:
        """Refuse what is for nobody."""
        if not self.names:
            raise ValueError("names: is missing; name the domains")

    def of(self, result: SpfResult) -> Sentence | None:
        """What follows from `result`; None: as for everybody."""
        sentence: Sentence | None = getattr(self, "pass_" if result == "pass" else result)
        return sentence

    def covers(self, domain: str) -> bool:
        """Whether `domain`, in lower case, is one of these."""
        return any(
            domain.endswith(name) if name.startswith(".") else domain == name for name in map(str.lower, self.names)
        )


def _hosts(check: Any) -> Any:
    return field(default=(), metadata={"check": check, "unique": True})


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `[spf]`. Raises ValueError, ``option: what is wrong``."""

    deadline: Seconds = field(
        default=Seconds(5), metadata={"min": 1, "max": 30, "why": "one check of both identities, and mail waits"}
    )
    header: HeaderKind = "received-spf"
    second_header_context: str = ""
    """The `policy_context` of a second check_policy_service, which is answered with the header of the other kind."""
    text: str = "%c is not allowed to send mail from %d"
    """What a refused client is told: ``%c`` its address, ``%d`` the domain, ``%i`` the identity, ``%h`` its name."""
    error_text: str = "the SPF record of %d cannot be evaluated"
    """The same where the record, or its DNS, is at fault."""
    explanation: bool = True
    """Whether a refusal quotes the domain owner's own words (exp=), marked as his."""
    reject_no_mail: bool = True
    """Whether a domain that never sends mail (``v=spf1 -all`` and nothing else) is always refused."""
    leave_to_dmarc: bool = True
    """Whether a fail only tags where the sender's domain publishes a DMARC policy of its own."""
    forwarder_networks: tuple[str, ...] = field(default=(), metadata={"check": parse_network, "unique": True})
    forwarder_names: tuple[str, ...] = _hosts(check_domain)
    """Forward-confirmed host names; ``.example.org`` is all names below."""
    forwarder_helo: tuple[str, ...] = _hosts(check_host)
    """HELO names whose address is the client's."""
    forwarder_domains: tuple[str, ...] = _hosts(check_host)
    """Domains whose own SPF passes for the client. Trusted forwarders: no result does more than tag."""
    skip_networks: tuple[str, ...] = field(default=PRIVATE, metadata={"check": parse_network, "unique": True})
    """Clients that are not judged."""
    max_lookups: int = field(default=10, metadata={"min": 1, "max": 40})
    """Terms of a record that may ask the DNS (RFC 7208 4.6.4)."""
    max_void_lookups: int = field(default=2, metadata={"min": 0, "max": 20})
    """Terms that may find nothing (RFC 7208 4.6.4)."""
    max_queries: int = field(default=50, metadata={"min": 10, "max": 200, "why": "ten terms of ten hosts can ask 111"})
    """Questions to the DNS for one identity."""
    cache_time: Seconds = field(default=Seconds(300), metadata={"min": 0, "max": 3600})
    """For how long a result is remembered at most; the DNS may say less."""
    mail_from: Actions = field(default=Actions(), repr=False)
    helo: Actions = field(default=Actions(), repr=False)
    domain: tuple[DomainSettings, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Refuse texts that could not be sent."""
        for name in ("text", "error_text"):
            if problem := check_text(getattr(self, name)):
                raise ValueError(f"{name}: {problem}")

    def limits(self) -> SpfLimits:
        """How much work one answer may be."""
        return SpfLimits(self.max_lookups, self.max_void_lookups, self.max_queries, self.explanation, self.cache_time)
