"""Open files and connections: how many this process may have.

Law: connections never take the last ones: a daemon that can accept nobody must still write down whom it deferred, ask
the DNS, read its lists and say how it is.
"""

import logging
import resource
from contextlib import suppress
from typing import Final

RESERVE: Final = 256
"""What is no connection of Postfix: the store, lists, DNS (over TCP too), metrics, control; 34 of them were seen."""

_log = logging.getLogger("policyd")


def make_room(connections: int) -> int:
    """Raise the limit as far as `connections` need, where that is allowed; return how many it leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + RESERVE
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return connections
    room = max(1, min(connections, soft - min(RESERVE, soft // 2)))
    if room < connections:
        _log.warning(
            "the limit of open files (LimitNOFILE= of the unit, ulimit -n) leaves room for %d connections, not for "
            "the %d of [server] max_connections: raise it",
            room,
            connections,
        )
    return room
