"""What the composition root hands to checks when it builds them.

Law: checks reach the world through these fields and nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from policyd.model.greylist import GreylistStore
from policyd.tables.lists import ListKind, TableList


@dataclass(frozen=True)
class Tools:
    """The things of the world that a check may be built with."""

    store: GreylistStore
    hostname: str
    version: str
    list: Callable[[ListKind, Sequence[str]], TableList]
    """The list in these files (elements of an option, as `parse_source` reads them), loaded, and kept fresh afterwards.
    Mistakes in the files are told to the administrator; they never raise."""
