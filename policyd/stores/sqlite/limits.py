"""When the background of the sqlite store acts.

Law: numbers with a reason beside each; nobody needs to set them, tests make them small.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """When the background acts."""

    generation: int = 65536
    """Keys, or rows, after which a generation of memory ends: about 10 MB each, two are held."""
    hard_limit: int = 262144
    """Keys in the young generation beyond which nothing new is taken: merging does not keep up, or cannot."""
    commits: int = 8192
    """Commits after which a segment ends: each writes at least one page of 4 KiB to its log."""
    age: float = 60.0
    """Seconds after which rows are merged however few they are: with durability normal, what a power cut may cost."""
    retry: float = 1.0
    """Seconds between two attempts at what failed."""
    file_check: float = 10.0
    """Seconds between two looks whether the files are still the ones that were opened."""
    chores: float = 1.0
    """Seconds between two looks whether there is a chore to do."""
    purge: float = 600.0
    """Seconds between two purges, and before the first: the clock may be wrong at boot."""
