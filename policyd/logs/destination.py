"""Where the log goes: chosen once, at the start.

Law: whatever is chosen, a line finds a way out: what cannot be said to the journal is said on standard error.
"""

import os
import time
from collections.abc import Mapping
from typing import Final

from policyd.logs.journal import SOCKET, JournalWriter, Loop, is_journal
from policyd.logs.writers import FACILITIES, ClockPrefix, JournalPrefix, LineWriter, SyslogWriter, Writer

STDERR: Final = 2


def open_writer(
    destination: str,
    facility: str,
    loop: Loop,
    environment: Mapping[str, str] = os.environ,
    journal: str = SOCKET,
) -> Writer:
    """The writer for ``stderr`` or ``syslog``.

    Where systemd made stderr a stream to its journal, the journal is told everything in its own protocol, on its
    socket `journal`.
    """
    if destination == "syslog":
        return SyslogWriter(facility)
    if not is_journal(environment, STDERR):
        return LineWriter(STDERR, ClockPrefix(time.time), loop.call_soon)
    return JournalWriter(FACILITIES[facility], loop, LineWriter(STDERR, JournalPrefix(), loop.call_soon), journal)
