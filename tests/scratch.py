"""Where tests keep their files: in memory if there is room, because a disk that others use makes one run of the sqlite
tests last 6 s and the next one 34 s (measured). No test asks what only a disk can answer."""

import os
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 512 << 20


def scratch() -> str | None:
    """The directory for temporary directories; None: the system's. An administrator's TMPDIR is obeyed."""
    if "TMPDIR" in os.environ or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    about = os.statvfs(_MEMORY)
    enough = about.f_bavail * about.f_frsize >= _ROOM and not about.f_flag & os.ST_NOEXEC  # tests write programs, too
    return str(_MEMORY) if enough else None
