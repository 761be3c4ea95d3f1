r"""Changing the text of a list file: an entry more, some entries less, all else as it was.

Law: what is not the entry itself stays byte for byte: comments, order, line ends, a BOM. Line numbers are those of the
lists: ``\n`` ends a line, the first one is 1.
"""

from collections.abc import Collection, Iterator
from typing import Final

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
    bom = _BOM if text.startswith(_BOM) else ""
    return bom + "".join(_kept(text.removeprefix(_BOM).split("\n"), numbers, continued=continued))


def _kept(lines: list[str], numbers: Collection[int], *, continued: bool) -> Iterator[str]:
    in_removed = False
    for number, line in enumerate(lines, 1):
        is_entry = bool(content := line.strip()) and not content.startswith("#")
        if is_entry and not (continued and line[0].isspace()):
            in_removed = number in numbers
        if not (is_entry and in_removed):
            yield line if number == len(lines) else f"{line}\n"


def _line_end(text: str) -> str:
    """That of the first line: a file is written by one editor."""
    return "\r\n" if text[: text.find("\n") + 1].endswith("\r\n") else "\n"
