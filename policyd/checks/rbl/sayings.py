"""The sentences about lists, for the log.

Law: each says what happened, what it means for mail, and what to do. A list is called by its shown name; nothing here
has seen a key.
"""

from collections.abc import Mapping
from typing import Final

from policyd.checks.rbl.health import Change, Finding
from policyd.checks.rbl.points import Found
from policyd.checks.rbl.zones import Zone
from policyd.model.action import clean_text

MEANINGS: Final[Mapping[Finding, str]] = {
    "good": "its test points are as they should be",
    "lists all": "it lists what no list that works does",
    "refused": "it refuses to answer",
    "strange": "it answers what is no list's answer",
    "empty": "it does not list its test point",
    "silent": "it does not answer",
}
"""What a probe found, in a few words."""


def sentence(zone: Zone, change: Change, found: Found) -> str:
    """What to log when a list was parked or came back."""
    if change == "back":
        return f"rbl: {zone.shown} answers as it should again and is asked again"
    meaning = "its listings do not count until it is back"
    if zone.is_allow_list:
        meaning += ", and without it no refusal is final"
    detail = clean_text(zone.hide(found.detail))
    return f"rbl: {zone.shown} is parked: {_trouble(zone, found, detail)}; {meaning}"


def deafness(zone: Zone, code: str) -> str:
    """What to log when a list answers what only another filter would take."""
    return (
        f"rbl: {zone.shown} answers {code} for its test point, which is no listing by the filter that policyd takes "
        "for lists it does not know: write the list's own, as in "
        f"{zone.shown}={code.rpartition('.')[0]}.[2..254]"
    )


def silence(number: int) -> str:
    """What to log when no list at all answers, in place of one line for each."""
    return (
        f"rbl: none of the {number} lists answers: is the resolver in [dns] nameservers alive, and may it ask "
        "the world? Mail goes on without DNS lists until they answer"
    )


def _trouble(zone: Zone, found: Found, detail: str) -> str:
    match found.finding:
        case "lists all":
            return f"it lists {detail}, which no list that works does, so it lists everybody; take it out if that lasts"
        case "refused":
            return f"it refuses to answer ({detail}): {zone.profile.advice}"
        case "strange":
            return f"it answers {detail}, which is no list's answer: its domain may be lost, take it out if that lasts"
        case "empty":
            return (
                f"it does not list its test point {detail} (RFC 5782 5): it was emptied, or it has none; "
                "take it out, or write test_points = false in its [[rbl.zones]]"
            )
        case _:
            return f"it does not answer ({detail}): it may be down, or your resolver cannot reach it"
