"""The checks of a configuration: built, put in force, at work in the background, retired.

Law: building touches nothing of what is in force, so a configuration with a mistake costs nothing. All checks ask one
resolver; a configuration that does not change `[dns]` keeps it and all it knows. Nothing that runs beside mail can
stop mail: a job that ends by a bug is told of and begun again.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from socket import gethostname
from typing import Any, Final, NamedTuple

from policyd import __version__
from policyd.checks import REGISTRY
from policyd.checks.rbl import Rbl, ZoneStatus
from policyd.checks.spf import Spf
from policyd.checks.tools import Job, Tools
from policyd.config import Settings
from policyd.lists import Lists
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.figures import DnsStats
from policyd.lookups.dns.resolver import DnsResolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.lookups.spf import open_evaluator
from policyd.lookups.suffixes import registered_domains
from policyd.model.dns import NO_RESOLVER, Resolver
from policyd.model.greylist import GreylistStore
from policyd.model.verdict import Check
from policyd.policies import Plan, make_plan
from policyd.shadow import Shadow

GRACE: Final = 30.0
"""Seconds for which a resolver that was replaced still answers: longer than any request lasts."""
AGAIN: Final = 60.0
"""Seconds until a job that ended by a bug is begun again."""

_log = logging.getLogger("policyd")


class Built(NamedTuple):
    """Checks that are not yet asked."""

    plan: Plan
    checks: tuple[Check, ...]
    """All there are, each once."""
    jobs: tuple[Job, ...]


def build_checks(
    settings: Settings,
    store: GreylistStore,
    lists: Lists,
    resolver: Resolver = NO_RESOLVER,
    former: Sequence[Check] = (),
) -> Built:
    """Whom the configuration asks about which mail. List files are read here, in the thread that calls.

    `former` are the checks that are in force until then.
    """
    known = {check.name: check for check in former}
    hostname = settings.hostname or gethostname()
    checks: list[Check] = []
    jobs: list[Job] = []
    registered_domain, is_listed = registered_domains()
    if not is_listed and "name" in settings.checks["greylist"].identities:
        _log.info("no Public Suffix List (extra psl): greylisting finds the domains of few host names")

    def build(name: str, options: Any) -> Check:
        files = partial(lists.open, name)
        say = partial(_log.warning, "%s")
        spf = partial(open_evaluator, resolver, receiver=hostname)
        former = known.get(name)
        tools = Tools(store, hostname, __version__, files, resolver, say, jobs.append, former, spf, registered_domain)
        checks.append(check := REGISTRY[name].build(options, tools))
        return Shadow(check) if name in settings.shadowed else check

    plan = make_plan(settings.chain.checks, settings.checks, settings.windows, settings.policies, build)
    return Built(plan, tuple(checks), tuple(jobs))


class Assembly(NamedTuple):
    """Checks and the resolver they ask."""

    checks: Built
    resolver: DnsResolver
    dns: DnsSettings


class Assembler:
    """Builds the checks of each new configuration, and keeps those at work that are in force."""

    def __init__(self, store: GreylistStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._retired: list[DnsResolver] = []
        self.current: Assembly | None = None
        """What is in force."""

    def build(self, settings: Settings, lists: Lists) -> Assembly:
        """The checks of `settings`. In any thread."""
        former = self.current.checks.checks if self.current else ()
        is_kept = self.current and self.current.dns == settings.dns
        resolver = self.current.resolver if self.current and is_kept else open_resolver(settings.dns)
        return Assembly(build_checks(settings, self._store, lists, resolver, former), resolver, settings.dns)

    def take(self, assembly: Assembly) -> None:
        """Put `assembly` in force."""
        former, self.current = self.current, assembly
        self._end_jobs()
        self._tasks = {asyncio.create_task(self._keep(job)) for job in assembly.checks.jobs}
        if former is not None and former.resolver is not assembly.resolver:
            self._retired.append(former.resolver)
            asyncio.get_running_loop().call_later(GRACE, self._close_retired, former.resolver)

    def resolver_stats(self) -> DnsStats:
        """The figures of the resolver in force."""
        return self._in_force().resolver.stats()

    def dns_lists(self) -> list[ZoneStatus]:
        """What is known of every DNS list in force."""
        checks = self._in_force().checks.checks
        return [status for check in checks if isinstance(check, Rbl) for status in check.status()]

    def spf(self) -> Spf | None:
        """The SPF check in force, if there is one."""
        return next((check for check in self._in_force().checks.checks if isinstance(check, Spf)), None)

    def wiring_mistake(self) -> str:
        """Whether all mail comes from one gateway, as a sentence; "" if not."""
        checks = self._in_force().checks.checks
        return next((check.wiring_mistake for check in checks if isinstance(check, Rbl) and check.wiring_mistake), "")

    def _in_force(self) -> Assembly:
        assert self.current is not None  # noqa: S101 - nobody can ask before the first one is
        return self.current

    def close(self) -> None:
        """End all jobs and ask nobody anything more."""
        self._end_jobs()
        for resolver in self._retired:
            resolver.close()
        if self.current is not None:
            self.current.resolver.close()

    def _end_jobs(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _close_retired(self, resolver: DnsResolver) -> None:
        self._retired.remove(resolver)
        resolver.close()

    async def _keep(self, job: Job) -> None:
        while True:
            try:
                await job(lambda: int(self._clock()))
            except Exception:
                _log.exception("a bug: work in the background ended; please report it with the lines below")
            await asyncio.sleep(AGAIN)
