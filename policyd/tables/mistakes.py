"""What is wrong in one file, for people.

Law: every mistake has its line; a file that is wrong in every line (another form, another kind of file) does not fill
the memory with sentences.
"""

from typing import Final

MOST: Final = 1000
"""Mistakes that are told one by one."""


class Mistakes:
    """Takes mistakes, gives ``FILE:LINE: ...``."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._told: list[str] = []
        self._more = 0
        self._first_more = 0

    def add(self, line: int, what: object) -> None:
        """`what` is wrong with `line`."""
        if len(self._told) < MOST:
            self._told.append(f"{self._file}:{line}: {what}")
        else:
            self._first_more = self._first_more or line
            self._more += 1

    def told(self) -> tuple[str, ...]:
        """A sentence for each."""
        if not self._more:
            return tuple(self._told)
        rest = f"{self._file}:{self._first_more}: and {self._more} more mistakes from here on: correct the others first"
        return (*self._told, rest)
