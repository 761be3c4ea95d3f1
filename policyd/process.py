"""The process itself: into the background, under another user, with its number in a file.

Law: for those who start the daemon without systemd, which does all of this better: `policyd run` uses nothing of it.
What cannot be done is an OSError, or a ValueError whose text is a sentence for the administrator.
"""

import grp
import os
import pwd
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Identity(NamedTuple):
    """A user and a group, as the system knows them."""

    user: str
    uid: int
    gid: int


def find_identity(user: str, group: str = "") -> Identity:
    """The identity of `user` in `group` (by default its own). Raises ValueError when there is no such name."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ValueError(f"there is no user {user!r}; create it, or name another") from None
    if not group:
        return Identity(user, entry.pw_uid, entry.pw_gid)
    try:
        return Identity(user, entry.pw_uid, grp.getgrnam(group).gr_gid)
    except KeyError:
        raise ValueError(f"there is no group {group!r}; create it, or name another") from None


def become(identity: Identity) -> None:
    """Give up root for good. Raises PermissionError when this process is not root."""
    os.initgroups(identity.user, identity.gid)
    os.setgid(identity.gid)
    os.setuid(identity.uid)


def daemonize() -> Callable[[], None]:
    """Go on in the background. The process that was called waits until the function returned here is called.

    That function also closes the terminal; until then mistakes are still seen there. If it is never called, because the
    background process ended, the waiting one ends with exit status 1.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    hears, tells = os.pipe()
    if os.fork():
        os.close(tells)
        os._exit(0 if os.read(hears, 1) else 1)
    os.close(hears)
    os.setsid()
    # The leader of a session could get a terminal again by opening one; its child cannot.
    if os.fork():
        os._exit(0)
    os.chdir("/")

    def settled() -> None:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        if nowhere > 2:
            os.close(nowhere)
        os.write(tells, b".")
        os.close(tells)

    return settled


def write_pid_file(path: str) -> None:
    """Write our number to `path`, in place of any file or link that stands there. Raises OSError."""
    new = f"{path}.{os.getpid()}"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(f"{os.getpid()}\n")
    Path(new).replace(path)


def remove_pid_file(path: str) -> None:
    """Remove it where we may; in root's directory, after `become`, we may not, and a stale one harms nobody."""
    with suppress(OSError):
        Path(path).unlink()
