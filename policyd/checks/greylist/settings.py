"""The options of ``[greylist]``.

Law: what the options say together is checked before they are taken; a mistake stops the start, not a mail.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from policyd.checks.greylist import reply
from policyd.model.action import STATUS, Action
from policyd.model.greylist import Rules
from policyd.model.units import Seconds

HOUR: Final = 3600
DAY: Final = 86400

PROVIDERS: Final = (
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "yahoo.co.uk",
    "ymail.com", "aol.com", "icloud.com", "me.com", "mac.com", "gmx.de", "gmx.net", "gmx.com", "web.de", "mail.com",
    "mail.ru", "yandex.ru", "yandex.com", "qq.com", "163.com", "126.com", "proton.me", "protonmail.com", "fastmail.com",
    "zoho.com", "mailbox.org", "posteo.de", "t-online.de", "freenet.de", "orange.fr", "laposte.net", "libero.it",
    "india.com", "comcast.net", "att.net",
)  # fmt: skip
"""Version 2026-11. Domains whose owners answer for their users' mail; who they are their SPF records say, live."""

_ACTION = re.compile(r"DEFER_IF_PERMIT|DEFER|4[0-9]{2}", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[-a-z0-9_]{0,61}[a-z0-9_])?\.)+[a-z][-a-z0-9]{0,62}", re.ASCII)
# The longest values the header's placeholders can have: max_age has 10 digits at most, a host name 253 (RFC 1035).
_LONGEST: Final = {"%t": "9" * 10, "%v": "v" * 32, "%h": "h" * 253, "%d": "Sun, 22 Nov 2026 18:00:00 +0000"}


def _between(low: int, high: int) -> dict[str, int]:
    """The range of an option, as field metadata; config.py enforces it."""
    return {"min": low, "max": high}


def check_provider(text: str) -> None:
    """Refuse what is no domain as SPF names it (`check` of an option's metadata). Raises ValueError."""
    if not _DOMAIN.fullmatch(text):
        raise ValueError(f'{text[:80]!r} is no domain in small letters; write it as in "example.org"')


def check_trap(text: str) -> None:
    """Refuse what names no mailbox (`check` of an option's metadata). Raises ValueError."""
    local, at, domain = text.rpartition("@")
    if not at or not (local or domain) or " " in text or not text.isprintable():
        raise ValueError(f'{text[:80]!r} names no mailbox; write "user@example.org", "user@" or "@example.org"')


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `[greylist]`. Raises ValueError, ``option: what is wrong``, when they contradict each other."""

    delay: Seconds = field(default=Seconds(240), metadata=_between(0, DAY))
    """Least time between the first try and the one that passes; 0 lets every mail pass and only keeps the book."""
    when: Literal["always", "suspicious"] = "always"
    """Whether all new mail is greylisted, or that of suspicious clients only (suspicion.py)."""
    suspicious_at: int = field(default=2, metadata=_between(1, 20))
    """From how many points on a client is suspicious."""
    providers: tuple[str, ...] = field(default=PROVIDERS, metadata={"check": check_provider, "unique": True})
    """Domains that are trusted wherever SPF passes for them."""
    retry_window: Seconds = field(default=Seconds(2 * DAY), metadata=_between(60, 30 * DAY))
    """How long a first try is remembered while nobody comes back."""
    max_age: Seconds = field(default=Seconds(35 * DAY), metadata=_between(DAY, 3650 * DAY))
    """How long a triplet or client that passed is remembered after its last mail."""
    ipv4_prefix: int = field(default=24, metadata=_between(8, 32))
    ipv6_prefix: int = field(default=64, metadata=_between(16, 128))
    identities: tuple[Literal["spf", "name"], ...] = field(default=("spf", "name"), metadata={"unique": True})
    """What makes a client the same one in another network: ``spf``, the domain for which SPF passes; ``name``, the
    domain of its verified host name. None: only its network counts."""
    auto_whitelist_clients: int = field(default=5, metadata=_between(0, 1000))
    """So many triplets of a client must pass before it is not greylisted any more; 0: never."""
    group_after: int = field(default=3, metadata=_between(0, 1000))
    """So many triplets of a client and a sender's domain must pass before both are trusted together; 0: never."""
    auto_whitelist_interval: Seconds = field(default=Seconds(HOUR), metadata=_between(0, 30 * DAY))
    """At most one pass is counted in this time; 0 counts every one."""
    whole_messages: bool = True
    """Whether the other recipients of a message pass with the one whose delay is over."""
    null_sender: Literal["rcpt", "data", "never"] = "rcpt"
    """When bounces are greylisted: as other mail; at DATA, so that callouts are answered; not at all."""
    replies: Literal["off", "address", "domain"] = "off"
    """For whom the reply to a mail of ours passes at once: the addressee, or everybody of his domain."""
    replies_for: Seconds = field(default=Seconds(30 * DAY), metadata=_between(HOUR, 3650 * DAY))
    """How long."""
    traps: tuple[str, ...] = field(default=(), metadata={"check": check_trap, "unique": True})
    """Recipients to whom nobody has a reason to write."""
    trap_action: Literal["delay", "reject"] = "delay"
    """What becomes of the mail of a network that wrote to one."""
    trap_delay: Seconds = field(default=Seconds(2 * HOUR), metadata=_between(0, DAY))
    """Never longer than retry_window."""
    trap_time: Seconds = field(default=Seconds(DAY), metadata=_between(HOUR, 30 * DAY))
    """How long that is remembered."""
    max_new_per_network: int = field(default=1000, metadata=_between(0, 1_000_000))
    """New triplets of a network in an hour; who comes beyond shares one row. 0: no bound."""
    action: str = "DEFER_IF_PERMIT"
    """Or ``DEFER``, or a code such as ``451``."""
    text: str = "Greylisted, please try again later"
    """What the client is told; ``%s`` is the seconds left, ``%r`` the recipient's domain."""
    header: bool = True
    """Whether the mail that passes first says in its header how long it was delayed."""
    header_text: str = "X-Greylist: delayed %t seconds by policyd-%v at %h; %d"
    """``%t`` seconds, ``%v`` our version, ``%h`` this host, ``%d`` the date."""

    def __post_init__(self) -> None:
        """Refuse what each option alone cannot show."""
        if self.delay > self.retry_window:
            raise ValueError("delay: longer than retry_window, so no retry could ever pass; shorten it")
        if self.auto_whitelist_interval > self.max_age:
            raise ValueError("auto_whitelist_interval: longer than max_age, so no client could ever reach its count")
        if self.replies_for > self.max_age:
            raise ValueError("replies_for: longer than max_age, after which everything is forgotten; shorten it")
        if not _ACTION.fullmatch(self.action):
            raise ValueError(f"action: {self.action!r} does not defer; write DEFER_IF_PERMIT, DEFER or a code like 451")
        if problem := _text_problem(self.text):
            raise ValueError(f"text: {problem}")
        if problem := _problem("PREPEND", reply.fill(reply.HEADER_WORD, self.header_text, _LONGEST)):
            raise ValueError(f"header_text: {problem}")

    def rules(self) -> Rules:
        """The settings that the store judges by."""
        return Rules(
            delay=self.delay,
            retry_window=self.retry_window,
            max_age=self.max_age,
            auto_whitelist_clients=self.auto_whitelist_clients,
            auto_whitelist_interval=self.auto_whitelist_interval,
            group_after=self.group_after,
            replies_for=0 if self.replies == "off" else self.replies_for,
            trap_delay=min(self.trap_delay, self.retry_window),
            refuses_trapped=self.trap_action == "reject",
            max_new=self.max_new_per_network,
        )


def _text_problem(text: str) -> str:
    status = STATUS.match(text)
    if status and status[1] != "4":
        return f"{text!r} starts with the status of another answer; start with 4.2.0 or without one"
    # fail2ban's stock filter bans who is told so, and that would be every honest server that retries.
    if text[status.end() if status else 0 :].lower().startswith("service unavailable"):
        return 'must not begin with "Service unavailable": fail2ban bans clients that are told so'
    if len(reply.worded(text)) > reply.TEXT_LIMIT:
        return f"at most {reply.TEXT_LIMIT} characters can be sent"
    return _problem("DEFER", reply.fill(reply.TEXT_WORD, text, {"%s": str(DAY), "%r": "example.org"}))


def _problem(verb: str, text: str) -> str:
    try:
        Action(verb, text)
    except ValueError as error:
        return str(error)
    return ""
