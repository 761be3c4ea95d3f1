"""The lines of a list file: as they stand, and as Postfix joins them.

Law: every line keeps the number of the row on which it begins. Text is cut in small pieces, because one call that goes
through a whole file would hold up every other thread. CRLF and a BOM are harmless.
"""

from collections.abc import Callable, Iterator
from typing import Final

MAX_LINE: Final = 4096
"""Characters of a line: the longest entry with the longest reply text has a quarter of it."""
PIECE: Final = 1 << 14
"""Characters between two pauses, some hundred lines."""
BLANKS: Final = " \t\n\r\v\f"
"""What C's isspace() takes for blank, and Postfix with it."""

Row = tuple[int, str]
"""The number of a line, and its text."""


def pieces(text: str, pause: Callable[[], None]) -> Iterator[tuple[int, list[str]]]:
    """Some lines at a time, and the number of the first; `pause` is called between them."""
    text = text.removeprefix("\ufeff")
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start + PIECE)
        if end < 0:
            end = len(text)
        lines = text[start:end].split("\n")
        yield number, lines
        number += len(lines)
        start = end + 1
        pause()


def rows(text: str, pause: Callable[[], None]) -> Iterator[Row]:
    """The lines of `text`."""
    for first, lines in pieces(text, pause):
        yield from enumerate(lines, first)


def logical_rows(text: str, pause: Callable[[], None]) -> Iterator[Row]:
    """The lines of a Postfix table: without comments and empty ones, each with those that continue it.

    A line that begins with a blank continues the one before, also across comments (postmap(1)). The first one cannot;
    it is handed out with its blanks.
    """
    begun, whole = 0, ""
    for number, line in rows(text, pause):
        if not line or line[0] in "#\r":
            continue
        if line[0] not in BLANKS:
            if begun:
                yield begun, whole
            begun, whole = number, line
        elif line.strip(BLANKS) and line.lstrip(BLANKS)[0] != "#":
            # A line that is too long is as wrong as one of a gigabyte, and costs less.
            whole = line if not begun else whole if len(whole) > MAX_LINE else whole.rstrip("\r") + line
            begun = begun or number
    if begun:
        yield begun, whole
