"""What the composition root hands to checks when it builds them.

Law: checks reach the world through these fields and nothing else.
"""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from policyd.model.dns import NO_RESOLVER, Resolver
from policyd.model.greylist import GreylistStore
from policyd.model.identity import RegisteredDomain, cautious_registered_domain
from policyd.model.spf import NO_EVALUATOR, SpfEvaluator, SpfLimits
from policyd.model.verdict import Check
from policyd.tables.lists import ListKind, TableList

Clock = Callable[[], int]
"""Seconds since the epoch."""
Job = Callable[[Clock], Coroutine[Any, Any, None]]
"""What a check does beside judging, without end. It is cancelled when the check is not in force any more."""


@dataclass(frozen=True)
class Tools:
    """The things of the world that a check may be built with."""

    store: GreylistStore
    hostname: str
    version: str
    list: Callable[[ListKind, Sequence[str]], TableList]
    """The list in these files (elements of an option, as `parse_source` reads them), loaded, and kept fresh afterwards.
    Mistakes in the files are told to the administrator; they never raise."""
    resolver: Resolver = NO_RESOLVER
    """One for all checks. It lives longer than the check; after its end it answers nothing."""
    say: Callable[[str], object] = str
    """Takes a sentence for the administrator: something is wrong that a person must mend, or is well again."""
    work: Callable[[Job], object] = id
    """Takes a job, which begins when the check is in force. Checks that are built to be looked at do none."""
    former: Check | None = None
    """The check of this name that is in force until then, if any: what it learned may be taken over."""
    spf: Callable[[SpfLimits], SpfEvaluator] = lambda limits: NO_EVALUATOR
    """Who evaluates SPF within these limits, over the same resolver."""
    registered_domain: RegisteredDomain = cautious_registered_domain
    """Who knows the Public Suffix List."""
