"""How often each entry of the lists decided, and when it last did.

Law: counting is one look into a dictionary, for mail that a list decided only. The file beside the store is a help for
administrators and nothing rests on it: what cannot be read is begun anew, what cannot be written is tried again.
"""

import asyncio
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

MAX_ENTRIES: Final = 20_000
"""Entries that are counted; beyond it those that did not decide for longest are forgotten."""
INTERVAL: Final = 60.0
"""Seconds between two times that the counts are written."""
NAME: Final = "list-hits.json"

_MATCH: Final = re.compile(r"(.*?):[0-9]+: (.*)", re.DOTALL)

_log = logging.getLogger("policyd")

Counts = dict[tuple[str, str], tuple[int, int]]
"""By file and entry: how often, and when last (seconds since the epoch)."""


def hits_file(store_url: str) -> Path | None:
    """Where the counts lie: beside the database of ``sqlite:PATH``; nowhere with a store that has no files."""
    scheme, _, path = store_url.partition(":")
    return Path(path).parent / NAME if scheme == "sqlite" else None


class Hits:
    """The counts of one daemon; without a path they are kept nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._fresh: dict[str, tuple[int, int]] = {}
        self._saved: Counts = {}
        self._is_dirty = False

    def count(self, match: str, now: int) -> None:
        """The line `match` (``FILE:LINE: ENTRY``) decided at `now`."""
        seen = self._fresh.get(match)
        if seen is not None:
            self._fresh[match] = seen[0] + 1, now
        elif len(self._fresh) < MAX_ENTRIES:
            self._fresh[match] = 1, now

    async def load(self) -> None:
        """Go on with the counts of the daemon before this one."""
        try:
            self._saved = await asyncio.to_thread(read_hits, self._path) if self._path else {}
        except FileNotFoundError:
            return
        except OSError as error:
            _log.warning(
                "the counts of list entries cannot be read: %s: %s; they begin anew", self._path, error.strerror
            )
        except ValueError as error:
            _log.warning("%s", error)

    async def keep(self) -> None:
        """Write what was counted every minute, until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.save()

    async def save(self) -> None:
        """Write what was counted, if anything was."""
        fresh, self._fresh = self._fresh, {}
        try:
            await asyncio.to_thread(self._write, fresh)
        except OSError as error:
            _log.warning("the counts of list entries cannot be written: %s; that is tried again", error)

    def _write(self, fresh: Mapping[str, tuple[int, int]]) -> None:
        for match, (count, last) in fresh.items():
            if parts := _MATCH.fullmatch(match):
                before = self._saved.get((parts[1], parts[2]), (0, 0))
                self._saved[parts[1], parts[2]] = before[0] + count, max(before[1], last)
                self._is_dirty = True
        if self._path is not None and self._is_dirty:
            self._forget_oldest()
            _replace(self._path, _pieces(self._saved))
            self._is_dirty = False

    def _forget_oldest(self) -> None:
        if len(self._saved) > MAX_ENTRIES:
            newest = sorted(self._saved.items(), key=lambda item: item[1][1], reverse=True)
            self._saved = dict(newest[:MAX_ENTRIES])


def read_hits(path: Path) -> Counts:
    """The counts in the file at `path`. Raises OSError, and ValueError for what is no such file."""
    try:
        return {
            (file, entry): (int(count), int(last))
            for file, entries in json.loads(path.read_bytes()).items()
            for entry, (count, last) in entries.items()
        }
    except (AttributeError, TypeError, ValueError, RecursionError):
        raise ValueError(f"{path}: holds no counts of list entries; it is begun anew") from None


def _pieces(counts: Counts) -> Iterator[str]:
    """JSON, entry by entry: one call for all of them would hold up the loop."""
    by_file: dict[str, list[str]] = {}
    for (file, entry), (count, last) in counts.items():
        by_file.setdefault(file, []).append(f"  {json.dumps(entry)}: [{count}, {last}]")
    files = (f" {json.dumps(file)}: {{\n" + ",\n".join(lines) + "\n }" for file, lines in by_file.items())
    yield "{\n"
    for number, piece in enumerate(files):
        yield f",\n{piece}" if number else piece
    yield "\n}\n"


def _replace(path: Path, pieces: Iterator[str]) -> None:
    """Write the file anew beside itself, then put it in its place: nobody reads half of it."""
    new = path.with_name(f"{path.name}.new")
    with open(new, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.writelines(pieces)
    new.replace(path)
