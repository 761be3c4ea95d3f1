"""The header of a mail: Received-SPF (RFC 7208 9.1) or Authentication-Results (RFC 8601).

Law: a header parses by its grammar whatever the client sent, and no domain is ever cut to another one. No recipient is
in it: he may be one of several, and the others read it. At most 900 characters; what explains goes before what
identifies.
"""

import re
from typing import Final, NamedTuple

from policyd.checks.spf.settings import HeaderKind
from policyd.model.action import MAX_HEADER, Action, clean_text
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfAnswer, SpfIdentity

MAX_ADDRESS: Final = 360
"""Characters of an address with its quotes. RFC 5321 4.5.3.1 allows 64 and 255; of a longer one the domain is told."""
MAX_NAME: Final = 253
MAX_VALUE: Final = 150
"""Characters of values that only explain."""

_ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_DOT_ATOM: Final = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*", re.ASCII)
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_SPECIAL: Final = re.compile(r'(["\\])')
_TO_ESCAPE: Final = re.compile(r'[^ -~]|["\\]')
_OF_COMMENT: Final = re.compile(r"([()\\])")
_UNPRINTABLE: Final = re.compile(r"[^ -~]")

_WORDS: Final[dict[SpfResult, str]] = {
    "pass": "domain of {} designates {} as permitted sender",
    "fail": "domain of {} does not designate {} as permitted sender",
    "softfail": "domain of {} discourages mail from {}",
    "neutral": "domain of {} says nothing about {}",
    "none": "domain of {} has no SPF record",
    "temperror": "SPF of {} could not be asked for",
    "permerror": "SPF record of {} is wrong",
}


class Subject(NamedTuple):
    """What a header says beside the answer."""

    identity: SpfIdentity
    client: str
    sender: str
    helo: str
    host: str
    """This host's name."""


def make_header(kind: HeaderKind, answer: SpfAnswer, subject: Subject) -> Action | None:
    """The header of this kind; None if none is wanted."""
    if kind == "none":
        return None
    return Action("PREPEND", received_spf(answer, subject) if kind == "received-spf" else results(answer, subject))


def received_spf(answer: SpfAnswer, subject: Subject) -> str:
    """``Received-SPF: pass (...) client-ip=192.0.2.1; envelope-from="user@a.example"; helo=...; ...``."""
    sender, helo = _names(answer, subject)
    client, host = quoted(subject.client), quoted(subject.host)
    pairs = [
        f"client-ip={client}", f"envelope-from={_address(sender)}", f"receiver={host}", f"identity={subject.identity}"
    ]  # fmt: skip
    explaining = [("helo", helo), ("mechanism", answer.mechanism[:MAX_VALUE]), ("problem", answer.problem[:MAX_VALUE])]
    comment = f"({_comment(answer, subject)}) "
    room = MAX_HEADER - len(f"Received-SPF: {answer.result} ") - len("; ".join(pairs))
    for key, value in explaining:
        if value and len(pair := f"{key}={quoted(clean_text(value))}") + 2 <= room:
            pairs.append(pair)
            room -= len(pair) + 2
    return f"Received-SPF: {answer.result} {comment if len(comment) <= room else ''}{'; '.join(pairs)}"


def results(answer: SpfAnswer, subject: Subject) -> str:
    """``Authentication-Results: mx.example.org; spf=pass smtp.mailfrom=a.example``. RFC 8601 2.2, 2.7.2."""
    reason = f' reason="{_escaped(_short(answer.problem, MAX_VALUE))}"' if answer.problem else ""
    identity = answer.domain or _whole(subject.helo if subject.identity == "helo" else subject.sender)
    value = identity if _HOST.fullmatch(identity) else f'"{_escaped(identity)}"'
    head, tail = f"Authentication-Results: {subject.host}; spf={answer.result}", f" smtp.{subject.identity}={value}"
    return head + (reason if len(head + reason + tail) <= MAX_HEADER else "") + tail


def quoted(text: str) -> str:
    """`text` as a dot-atom, or else as a quoted-string (RFC 5322 3.2.3, 3.2.4)."""
    return text if _DOT_ATOM.fullmatch(text) else f'"{_escaped(text)}"'


def _comment(answer: SpfAnswer, subject: Subject) -> str:
    words = _WORDS[answer.result].format(answer.domain or "nobody", subject.client)
    wide = ", and most others" if answer.is_wide else ""
    comment = f"{subject.host}: {words}{wide}"
    return _OF_COMMENT.sub(r"\\\1", comment) if _OF_COMMENT.search(comment) else comment


def _names(answer: SpfAnswer, subject: Subject) -> tuple[str, str]:
    """The sender and the HELO name, whose domains are told as the DNS knows them (RFC 5890 2.3.2.1)."""
    sender, helo = subject.sender, subject.helo if len(subject.helo) <= MAX_NAME else ""
    if subject.identity == "helo":
        return sender, helo if helo.isascii() else answer.domain or helo
    return sender if sender.isascii() or not answer.domain else f"{sender.rpartition('@')[0]}@{answer.domain}", helo


def _address(sender: str) -> str:
    """The envelope sender, quoted; of a long one only the domain, which is what readers look for."""
    if len(value := quoted(sender)) <= MAX_ADDRESS:
        return value
    _, at, domain = sender.rpartition("@")
    return quoted(f"postmaster@{domain}" if at and len(domain) <= MAX_NAME else "?")


def _whole(text: str) -> str:
    """`text`; of what is too long to be a name nothing, as a part of it may be somebody else's."""
    return _short(text, MAX_NAME) if len(text) <= MAX_NAME else "?"


def _short(text: str, limit: int) -> str:
    return clean_text(text, limit) if text else ""


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _UNPRINTABLE.sub("?", text)) if _TO_ESCAPE.search(text) else text
