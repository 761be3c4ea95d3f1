#!/usr/bin/env python3
"""The manual pages, made of the same files that people read: ./dev man [DIRECTORY].

Law: the standard library only. It knows the Markdown that docs/ is written in, and no more: headings, paragraphs,
lists, tables, definitions (": "), blocks of code, **bold**, *italic*, `code`, links. A table's row becomes a tagged
paragraph.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

DOCS: Final = Path(__file__).resolve().parent.parent


class Page(NamedTuple):
    """A manual page: where it comes from, and what its head says."""

    name: str
    section: int
    summary: str
    source: str
    see: tuple[str, ...] = ()


PAGES: Final = (
    Page("policyd", 8, "", "man/policyd.8.md"),
    Page("policyd.toml", 5, "configuration of policyd", "configuration.md", ("policyd(8)", "policyd-lists(5)")),
    Page("policyd-lists", 5, "whitelists and blacklists of policyd", "lists.md", ("policyd(8)", "policyd.toml(5)")),
)

_INLINE: Final = (
    (re.compile(r"!\[([^]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\[((?:`[^`]*`|[^\[\]`])*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"<(https?://[^>]*)>"), r"\1"),
    (re.compile(r"`([^`]+)`"), "\x01\\1\x02"),
    (re.compile(r"\*\*([^*]+)\*\*"), "\x01\\1\x02"),
    (re.compile(r"(?<![\w*])[*_]([^*_\s][^*_]*)[*_](?![\w*])"), "\x03\\1\x02"),
)
_BEGINS: Final = re.compile(r"#|\||```|    |:   |[-*] |\d+\. ")
"""A line that begins a block of its own."""
_FONTS: Final = str.maketrans({"\x01": r"\fB", "\x02": r"\fR", "\x03": r"\fI"})


def build(page: Page) -> str:
    """The page as roff."""
    text = (DOCS / page.source).read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("% ")]
    out = [f'.TH "{page.name.upper()}" {page.section} "" "policyd" "policyd manual"', ".nh"]
    if page.summary:
        out += [".SH NAME", rf"{page.name} \- {page.summary}", ".SH DESCRIPTION"]
        lines = lines[1:]  # its title is the name
    out += _blocks(lines)
    if page.see:
        out += [".SH SEE ALSO", ", ".join(_inline(f"**{each}**") for each in page.see)]
    return "\n".join(out) + "\n"


def _blocks(lines: Sequence[str]) -> Iterator[str]:
    """The body, block by block."""
    number = 0
    while number < len(lines):
        line = lines[number]
        length, made = _block(lines, number)
        yield from made
        number += max(length, 1)
        if not line.strip() and number < len(lines) and lines[number].strip():
            yield from _between(lines[number])


def _between(following: str) -> list[str]:
    """What stands between two blocks: a new paragraph, unless the next one brings its own."""
    return [] if _BEGINS.match(following) else [".PP"]


def _block(lines: Sequence[str], start: int) -> tuple[int, list[str]]:
    """The block that begins in line `start`: how many lines it has, and what it is made of."""
    line = lines[start]
    if heading := re.match(r"(#+) (.*)", line):
        macro = ".SH" if len(heading[1]) == 1 or "`[" in heading[2] or len(heading[1]) == 2 else ".SS"
        return 1, [f"{macro} {_inline(heading[2]).upper() if len(heading[1]) == 1 else _inline(heading[2])}"]
    if line.startswith("```"):
        end = next((n for n in range(start + 1, len(lines)) if lines[n].startswith("```")), len(lines))
        return end - start + 1, _code(lines[start + 1 : end])
    if line.startswith("    "):
        end = _while(lines, start, lambda text: text.startswith("    "))
        return end - start, _code([text[4:] for text in lines[start:end]])
    if line.startswith("|"):
        end = _while(lines, start, lambda text: text.startswith("|"))
        return end - start, _table(lines[start:end])
    if bullet := re.match(r"([-*]|\d+\.) +(.*)", line):
        mark = r"\(bu" if bullet[1] in "-*" else bullet[1]
        return 1, [f'.IP "{mark}" 4', _inline(bullet[2])]
    if start + 1 < len(lines) and lines[start + 1].startswith(":   "):
        end = _while(lines, start + 2, lambda text: text.startswith("    "))
        return end - start, [".TP", _inline(line), _inline("\n".join(text[4:] for text in lines[start + 1 : end]))]
    end = _while(lines, start, lambda text: bool(text.strip()) and not _BEGINS.match(text))
    return end - start, [_inline("\n".join(text.strip() for text in lines[start:end]))] if end > start else []


def _while(lines: Sequence[str], start: int, is_part: object) -> int:
    """The first line behind `start` that is not part of the block."""
    assert callable(is_part)  # noqa: S101 - ours
    return next((n for n in range(start, len(lines)) if not is_part(lines[n])), len(lines))


def _code(lines: Sequence[str]) -> list[str]:
    return [".PP", ".nf", ".RS 4", *(_plain(line) or r"\&" for line in lines), ".RE", ".fi"]


def _table(lines: Sequence[str]) -> list[str]:
    """Each row as a paragraph, tagged with its first cell; what the others are stands in front of them."""
    heads, _, *rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    made: list[str] = []
    for row in rows:
        made += [".TP", _inline(row[0]) or r"\&"]
        others = [(head, cell) for head, cell in zip(heads[1:], row[1:], strict=False) if cell]
        named = [f"{head}: {cell}" if head != heads[-1] else cell for head, cell in others]
        made.append(_inline(". ".join(text.rstrip(".") for text in named)) + "." if named else r"\&")
    return made


def _inline(text: str) -> str:
    text = text.replace("\\|", "|")
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return _plain(text).translate(_FONTS)


def _plain(text: str) -> str:
    """`text` as roff takes it as it is."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"(?m)^(?=[.'])", r"\\&", text)


def main(directory: str) -> None:
    """Write all pages."""
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    for page in PAGES:
        (place / f"{page.name}.{page.section}").write_text(build(page), "utf-8")
        print(place / f"{page.name}.{page.section}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "man")
