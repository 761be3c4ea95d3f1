"""The rules of other greylisters, as far as the first mail of a sender is concerned.

Law: simulated from their documented behaviour, with their defaults. tests/system/test_replay.py holds postgrey's
against Debian's postgrey; sqlgrey's is by reading.
"""

from collections.abc import Callable
from typing import Final

from bench.replay.senders import Attempt

Rule = Callable[[Attempt], bool]
"""Whether a greylister lets a try pass. One rule sees all tries of one message, in order."""

DAY: Final = 86400


def _keyed(key: Callable[[Attempt], str], delay: int, window: int) -> Rule:
    """Let pass what comes back under the same key, `delay` to `window` seconds after its first try."""
    first: dict[str, int] = {}

    def accepts(attempt: Attempt) -> bool:
        seen = first.setdefault(key(attempt), attempt.at)
        if attempt.at - seen > window:
            first[key(attempt)] = attempt.at
            return False
        return attempt.at - seen >= delay

    return accepts


def _network(attempt: Attempt) -> str:
    return attempt.client.rpartition(".")[0]


def postgrey() -> Rule:
    """Postgrey 1.37: the client's /24, 300 s, two days."""
    return _keyed(_network, 300, 2 * DAY)


def sqlgrey(*, names: bool) -> Rule:
    """Sqlgrey 1.8 with `greymethod smart`: the /24 of a client whose name is no dial-up's, else its address; 24 h."""
    return _keyed(_network if names else lambda attempt: attempt.client, 300, DAY)


def by_address() -> Rule:
    """Postgrey --lookup-by-host: the address alone."""
    return _keyed(lambda attempt: attempt.client, 300, 2 * DAY)
