"""Modifiers that nobody obeys (RFC 7208 6): what to say of them to who wrote them.

Law: pure. They are no error, so that new ones can be invented, and that hides every slip of the pen.
"""

from difflib import get_close_matches
from typing import Final, Literal, NamedTuple

KNOWN: Final = ("redirect", "exp")
MECHANISMS: Final = frozenset({"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"})
OBSOLETE: Final = frozenset({"default", "op", "accredit", "match_subdomains"})
"""Of drafts before RFC 4408."""


class Advice(NamedTuple):
    """``mistake``: it was meant to do something."""

    kind: Literal["mistake", "remark"]
    text: str


def advice(modifier: str, value: str) -> Advice | None:
    """What is wrong with ``modifier=value``; None: it has an effect."""
    name = modifier.lower()
    if name in KNOWN:
        return None
    if name == "default":
        return Advice("mistake", f"default={value} has no effect; a record ends with all, or with redirect=")
    said = f"{modifier}={value} has no effect"
    if name in MECHANISMS:
        return Advice("mistake", f"{said}; what matches clients is written with a colon, {name}:{value}")
    if name not in OBSOLETE and (meant := get_close_matches(name[:20], (*KNOWN, *MECHANISMS), 1, 0.7)):
        return Advice("mistake", f"{said}; {meant[0]}{'=' if meant[0] in KNOWN else ':'} may be meant")
    return Advice("remark", f"{said}; receivers ignore what they do not know")
