"""How one part of the daemon is, in words for an administrator.

Law: values only. Every room that can be in trouble makes one of these when it is asked; `policyd status`, systemd and
the status page show them all.
"""

from typing import NamedTuple


class Condition(NamedTuple):
    """The state of one part at one moment."""

    part: str
    """A word: ``store``, ``lists``, ``rbl``."""
    troubles: tuple[str, ...] = ()
    """A sentence for each thing that is wrong, with file and line where there is one; empty: all is well."""
    detail: str = ""
    """What is worth knowing of it in good days, too."""
