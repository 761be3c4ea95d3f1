"""What the composition root hands to checks when it builds them.

Law: checks reach the world through these fields and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from policyd.model.greylist import GreylistStore


@dataclass(frozen=True)
class Tools:
    """The things of the world that a check may be built with."""

    store: GreylistStore
    hostname: str
    version: str
    read_file: Callable[[str], str | None]
    """The text of a file (invalid UTF-8 escaped), None if there is none. Other trouble is reported, then None."""
    report: Callable[[str], None]
    """Takes one mistake in a file of the administrator: ``FILE:LINE: what is wrong, what to do``."""
