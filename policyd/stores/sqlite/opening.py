"""Coming up, whatever state the files are in.

Law: what is damaged is set aside and begun anew; what an earlier run left in its journal is taken into memory, and
merged later. Only what is out of reach (no directory, a full disk, another daemon) is an error, to be tried again.
"""

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from policyd.stores.sqlite import files
from policyd.stores.sqlite.archive import Archive, is_damage, open_archive
from policyd.stores.sqlite.complaints import Complaints
from policyd.stores.sqlite.journal import Segment, read_secret, read_states
from policyd.stores.sqlite.state import State


class Leftovers(NamedTuple):
    """What an earlier run left in its journal."""

    segments: list[Segment]
    states: dict[int, State]
    whole: bool
    """Whether the segments hold all of the states; if not, one was damaged and is set aside."""


class Opening:
    """How the files of one store are opened."""

    def __init__(self, path: Path, clock: Callable[[], float], complaints: Complaints) -> None:
        self._path = path
        self._clock = clock
        self._complaints = complaints

    async def archive(self, secret: bytes) -> Archive:
        """The archive. A new one gets `secret`, or if that is empty the one of what is left of the journal.

        Raises OSError and sqlite3.Error if it is out of reach.
        """
        secret = secret or self._leftover_secret()
        try:
            return await open_archive(self._path, secret, self._clock())
        except (sqlite3.Error, OSError) as error:
            if not is_damage(error):
                raise
            self.set_aside(self._path, error)
        return await open_archive(self._path, secret, self._clock())

    def leftovers(self, archive: Archive) -> Leftovers:
        """Read what `archive` has not merged yet; remove what it has."""
        found = Leftovers([], {}, whole=True)
        for number, path in files.segments(self._path):
            if number <= archive.merged:
                files.remove(path)
                continue
            try:
                secret = read_secret(path)
                if secret == archive.secret:
                    rows = read_states(path, found.states)
                    found.segments.append(Segment(number, path, None, rows))
                elif secret is None:
                    files.remove(path)  # it was never finished, so nothing was ever committed to it
                else:
                    self.set_aside(path, ValueError("it belongs to another database"))
            except (sqlite3.Error, OSError) as error:
                self.set_aside(path, error)
                found = found._replace(whole=False)
        return found

    def set_aside(self, path: Path, why: Exception) -> None:
        """Rename a file that cannot be used, and say so."""
        aside = files.set_aside(path, int(self._clock()))
        self._complaints.error(f"{path} cannot be used ({why}); it is kept as {aside}, and begun anew")

    def _leftover_secret(self) -> bytes:
        for _, path in files.segments(self._path):
            with contextlib.suppress(sqlite3.Error, OSError):
                if secret := read_secret(path):
                    return secret
        return b""
