"""What a client of a list is told, and the header of mail that passes.

Law: a refusal for good reads as Postfix's own (`default_rbl_reply`), which people and fail2ban know. A temporary one
must not: fail2ban bans whoever is told "Service unavailable", even with 450 (measured), and honest servers come again.
What lists say is a stranger's text: printable, short, and without our key.
"""

from typing import Final

from policyd.checks.rbl.answers import Listing
from policyd.checks.rbl.judgement import Score
from policyd.checks.rbl.profiles import LookUp
from policyd.checks.rbl.zones import MAX_TEXT, Zone
from policyd.model.action import Action, clean_text
from policyd.model.dns import Answer
from policyd.model.request import PolicyRequest
from policyd.model.units import number_of

HEADER: Final = "X-DNSBL"
MAX_SHOWN: Final = 8
"""Lists that the header names."""
MAX_TXT: Final = 8
"""Strings of a list's text that are read; it may have hundreds."""
TEXT_LIMIT: Final = 400
"""Characters of reply text; the chain puts a decision id behind it."""
_SUBJECT_LIMIT: Final = 100

# Postfix's words (smtpd_check.c): what of the client is listed.
_CLASSES: Final[dict[LookUp, str]] = {
    "client address": "Client host",
    "client name": "Client host",
    "reverse name": "Unverified Client host",
    "helo": "Helo command",
    "sender domain": "Sender address",
    "recipient domain": "Recipient address",
}


def rejection(listing: Listing, request: PolicyRequest, txt: str) -> Action:
    """``550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; TXT``."""
    text = f"5.7.1 Service unavailable; {_subject(listing, request)} blocked using {listing.zone.shown}{_reason(txt)}"
    return Action("550", clean_text(text, TEXT_LIMIT))


def deferral(listing: Listing, request: PolicyRequest, txt: str) -> Action:
    """``450 4.7.1 Try again later; Client host [192.0.2.1] is listed by zen.spamhaus.org; TXT``."""
    text = f"4.7.1 Try again later; {_subject(listing, request)} is listed by {listing.zone.shown}{_reason(txt)}"
    return Action("450", clean_text(text, TEXT_LIMIT))


def summary(found: Score) -> str:
    """``1.5 points; bl.spamcop.net 1, psbl.surriel.com 0.5``: for the header, and the line of the log."""
    lists = [f"{listing.zone.shown} {listing.rule.weight:g}" for listing in found.listings]
    more = f" and {len(lists) - MAX_SHOWN} more" if len(lists) > MAX_SHOWN else ""
    return f"{number_of(found.points, 'point', 'points')}; {clean_text(', '.join(lists[:MAX_SHOWN]), 800)}{more}"


def header(found: Score) -> Action:
    """``X-DNSBL: 1.5 points; bl.spamcop.net 1, psbl.surriel.com 0.5``."""
    return Action("PREPEND", f"{HEADER}: {summary(found)}")


def text_of(zone: Zone, answer: Answer | str) -> str:
    """A list's own text as it may be shown: all TXT of an answer, joined as Postfix does; "" if there is none."""
    if not isinstance(answer, Answer):
        return ""
    texts = [record.decode("utf-8", "replace") for record in answer.records[:MAX_TXT] if isinstance(record, bytes)]
    return clean_txt(zone, " / ".join(text[:MAX_TEXT] for text in texts))


def clean_txt(zone: Zone, txt: str) -> str:
    """A list's own text as it may be shown, "" if there is nothing to show."""
    return clean_text(zone.hide(txt), MAX_TEXT) if txt.strip() else ""


def asked_about(look_up: LookUp, request: PolicyRequest) -> str:
    """What of the client is looked up, as it stands in the request."""
    match look_up:
        case "client address":
            return request.client_address.text if request.client_address else ""
        case "client name":
            return request.client_name
        case "reverse name":
            return request.reverse_client_name
        case "helo":
            return request.helo_name
        case "sender domain":
            return request.sender
        case "recipient domain":
            return request.recipient


def _subject(listing: Listing, request: PolicyRequest) -> str:
    what = clean_text(asked_about(listing.look_up, request), _SUBJECT_LIMIT)
    return f"{_CLASSES[listing.look_up]} [{what}]"


def _reason(txt: str) -> str:
    return f"; {txt}" if txt else ""
