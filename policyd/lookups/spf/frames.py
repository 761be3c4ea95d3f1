"""What is kept of each record while it is evaluated, and of those that need not be evaluated again.

Law: plain values; the engine fills them.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple


@dataclass(slots=True)
class Frame:
    """A record that is being evaluated."""

    depth: int
    how: Literal["record", "include", "redirect"]
    domain: str
    record: str
    is_main: bool
    """Whether its result is the result: the first record, and what it redirects to. Only their exp= counts (6.2)."""
    redirects: bool = False
    """Whether a redirect= that was seen must not be counted yet (4.6.4: it counts when it is followed)."""
    result: str = ""
    mechanism: str = ""


class Included(NamedTuple):
    """A record that was included and evaluated to its end: what came out, and how an evaluation stands after it."""

    outcome: Any
    steps: tuple[Frame, ...]
    counts: tuple[int, int, int]
    flags: tuple[bool, bool, bool]
    p: str | None
