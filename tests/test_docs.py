"""Every command of policyd that the documentation shows is one that the command line takes."""

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from policyd.cli import main

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "docs/man/policyd.8.md"]
_BLOCK: Final = re.compile(r"(?ms)^```[a-z]*\n(.*?)^```$|((?:^    .*\n)+)")
_COMMAND: Final = re.compile(r"(?m)^\s*(?:\$ )?(?:/usr/bin/|\.venv/bin/python -m )?policyd ((?:[a-z]|--).*)$")
_ENDS: Final = {"|", "||", "&&", ">", "#", ";", "2>&1"}
"""Words of the shell behind which the command is over."""


class Taken(Exception):
    """The options were all right; the verb itself need not run."""


def commands() -> Iterator[tuple[str, list[str]]]:
    for page in PAGES:
        blocks = (block[1] or block[2] for block in _BLOCK.finditer(page.read_text("utf-8")))
        for words in (words_of(found[1]) for block in blocks for found in _COMMAND.finditer(block)):
            if words and "..." not in words:
                yield f"{page.name}: policyd {' '.join(words)}", words


def words_of(line: str) -> list[str]:
    """The arguments in a line of shell."""
    line = re.sub(r"\$\(.*?\)|\$\{?\w+\}?", "LINE", line)
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a quote that a sentence has
        return []
    end = next((place for place, word in enumerate(words) if word in _ENDS or word.startswith((">", "|"))), len(words))
    return words[:end]


SHOWN: Final = list(commands())


@pytest.fixture(autouse=True)
def only_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("parse_args", "parse_intermixed_args"):
        parse = getattr(argparse.ArgumentParser, name)

        def stop(self: argparse.ArgumentParser, *arguments: Any, parse: Any = parse) -> None:
            parse(self, *arguments)
            raise Taken

        monkeypatch.setattr(argparse.ArgumentParser, name, stop)


def is_taken(words: list[str]) -> bool:
    try:
        return main(words) == 0  # help and version need no options
    except Taken:
        return True


@pytest.mark.parametrize("words", [words for _, words in SHOWN], ids=[place for place, _ in SHOWN])
def test_a_command_in_the_documentation_is_taken(words: list[str]) -> None:
    assert is_taken(words)


def test_there_are_commands_and_wrong_ones_are_found() -> None:
    assert len(SHOWN) > 30
    shown = {words[0] for _, words in SHOWN}
    assert shown >= {"check", "query", "status", "reload", "why", "explain", "top"}
    assert not is_taken(["status", "--jsn"])
    assert not is_taken(["explian"])
