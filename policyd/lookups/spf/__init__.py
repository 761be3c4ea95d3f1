"""SPF: what the owner of a domain says of who may send for it (RFC 7208).

Law: the only room that knows an SPF library. `open_evaluator` is its door; the library is loaded behind it, because it
costs memory that only an SPF check is worth.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from policyd.model.dns import Resolver
from policyd.model.spf import SpfLimits

if TYPE_CHECKING:
    from policyd.lookups.spf.evaluator import Evaluator

__all__ = ["open_evaluator"]


def open_evaluator(
    resolver: Resolver,
    limits: SpfLimits,
    receiver: str,
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> "Evaluator":
    """The evaluator for `limits`, which asks `resolver`, on the host called `receiver`. Used from one loop."""
    from policyd.lookups.spf.evaluator import Evaluator

    return Evaluator(resolver, limits, receiver, clock, wall_clock)
