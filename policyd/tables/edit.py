r"""Changing the text of a list file: an entry more, some entries less, all else as it was.

Law: what is not the entry itself stays byte for byte: comments, order, line ends, a BOM. Line numbers are those of the
lists: ``\n`` ends a line, the first one is 1.
"""

from collections.abc import Collection, Iterator
from typing import Final

from policyd.tables.rows import BLANKS

_BOM: Final = "\ufeff"


def append(text: str, entry: str) -> tuple[str, int]:
    """`text` with the line `entry` at its end, and the number of that line.

    A last line without an end gets one: otherwise the two would be one line.
    """
    end = _line_end(text)
    if text.removeprefix(_BOM) and not text.endswith("\n"):
        text += end
    return f"{text}{entry}{end}", text.count("\n") + 1


def remove(text: str, numbers: Collection[int], *, continued: bool) -> str:
    """`text` without the entries that begin on the lines `numbers`.

    `continued`: a line that begins with a blank belongs to the entry above it, also across comments and empty lines,
    as in Postfix's tables (access(5), TABLE FORMAT). Those lines go with it, comments between them stay.
    """
    return _without(text, numbers, continued=continued, left="")


def blank(text: str, numbers: Collection[int], *, continued: bool) -> str:
    """The same with empty lines in their place, so that all others keep their numbers."""
    return _without(text, numbers, continued=continued, left="\n")


def _without(text: str, numbers: Collection[int], *, continued: bool, left: str) -> str:
    bom = _BOM if text.startswith(_BOM) else ""
    lines = _lines(text.removeprefix(_BOM), numbers, continued=continued)
    return bom + "".join(left if is_removed else line for line, is_removed in lines)


def _lines(text: str, numbers: Collection[int], *, continued: bool) -> Iterator[tuple[str, bool]]:
    """Each line with its end, and whether it belongs to an entry that begins on one of the lines `numbers`."""
    in_removed = False
    *whole, last = text.split("\n")
    for number, line in enumerate([*(f"{line}\n" for line in whole), last], 1):
        content = line.strip(BLANKS)
        is_entry = bool(content) and not content.startswith("#")
        if is_entry and not (continued and line[0] in BLANKS):
            in_removed = number in numbers
        yield line, is_entry and in_removed


def _line_end(text: str) -> str:
    """That of the first line: a file is written by one editor."""
    return "\r\n" if text[: text.find("\n") + 1].endswith("\r\n") else "\n"
