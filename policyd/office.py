"""The office: what others than Postfix see of the daemon and ask it. The control socket, the metrics, how it is.

Law: nothing of it is on the path of a mail. A metrics port that cannot be had stops the start, and nothing afterwards.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest

from policyd import dns_report
from policyd.admin import Admin, config_condition, lists_condition, store_condition
from policyd.assembly import Assembler
from policyd.checks.spf import SpfCounts
from policyd.config import Settings
from policyd.control import Control
from policyd.exporter import HTML, METRICS, Exporter, Page
from policyd.health import FailOpen, Health
from policyd.history import History
from policyd.inquiry import Inquiry
from policyd.logbook import Logbook
from policyd.logs.reading import read_line
from policyd.metrics import Metrics
from policyd.process_metrics import process_metrics
from policyd.status_page import Picture, render, shortened
from policyd.store_metrics import store_metrics
from policyd.stores import Store
from policyd.waiting import Waiting
from policyd.watch import Watch

SHOWN: Final = 20
"""Decisions on the status page."""
CLOCK_STEP: Final = 60.0
"""Seconds by which the clock must move within one of its own to be told: NTP steps by less."""

_log = logging.getLogger("policyd")


class Office:
    """Of one daemon. `places` names where it listens; `reload` takes new settings and returns the mistakes in them."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        store: Store,
        assembler: Assembler,
        watch: Watch,
        logbook: Logbook,
        places: Callable[[], str],
        reload: Callable[[], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._store = store
        self._assembler = assembler
        self._watch = watch
        self._logbook = logbook
        self._places = places
        self._exporter: Exporter | None = None
        self._offset = time.time() - time.monotonic()
        self._history = History(metrics, time.time)
        self.mistakes: tuple[str, ...] = ()
        """Those for which the last reload was not taken."""
        self._health = self._make_health()
        self._admin = Admin(metrics, self._health, watch, places, reload)
        dns_lists = lambda _: [dns_report.zone_figures(status) for status in assembler.dns_lists()]  # noqa: E731
        inquiry = Inquiry(logbook, metrics, lambda: self._settings, lambda: assembler.current)
        waiting = Waiting(store, lambda: self._settings)
        verbs = {**self._admin.verbs(), **inquiry.verbs(), **waiting.verbs(), "rbl": dns_lists}
        self._control = Control(verbs)
        metrics.lists = lambda: watch.lists.figures()
        metrics.rooms = [
            lambda: store_metrics(store.stats()),
            process_metrics,
            lambda: dns_report.resolver_metrics(assembler.resolver_stats()),
            lambda: dns_report.list_metrics(assembler.dns_lists()),
            lambda: dns_report.spf_metrics(check.counts if (check := assembler.spf()) else SpfCounts()),
        ]

    def _make_health(self) -> Health:
        """The parts that may be in trouble."""
        health, assembler, metrics = Health(), self._assembler, self._metrics
        health.add(lambda: config_condition(self._settings.source, self.mistakes, metrics.generation))
        health.add(lambda: store_condition(self._settings.store.url, self._store.stats()))
        health.add(lambda: lists_condition(self._watch.lists))
        health.add(lambda: dns_report.resolver_condition(assembler.resolver_stats()))
        health.add(lambda: dns_report.zones_condition(assembler.dns_lists(), assembler.wiring_mistake()))
        health.add(lambda: dns_report.spf_condition(assembler.spf()))
        health.add(FailOpen(metrics, time.monotonic))
        return health

    async def open(self) -> None:
        """Begin to answer. Raises OSError when the metrics port cannot be had."""
        await self._start_exporter()
        await self._control.listen(self._settings.control.socket)

    async def take(self, settings: Settings) -> None:
        """Go where new settings want it."""
        moved = settings.metrics != self._settings.metrics
        self._settings, self.mistakes = settings, ()
        await self._control.listen(settings.control.socket)
        if moved:
            await self._move_exporter()

    async def look_after(self) -> None:
        """Make socket files that were removed anew; to be called every few seconds."""
        await self._control.look_after()
        if self._exporter is not None and not self._exporter.is_there:
            await self._move_exporter()

    async def close(self) -> None:
        """Answer nobody any more."""
        await self._control.close()
        if self._exporter is not None:
            await self._exporter.close()
            self._exporter = None

    def tick(self) -> None:
        """What is done once a second."""
        self._logbook.recent.tick()
        self._history.tick()
        offset = time.time() - time.monotonic()
        if abs(offset - self._offset) > CLOCK_STEP:
            self._metrics.clock_steps += 1
            _log.warning("the system's clock moved by %.0f s; greylisting goes by it", offset - self._offset)
        self._offset = offset

    def status_line(self) -> str:
        """What `systemctl status` shows."""
        state, why = self._health.status()
        return f"{state} on {self._places()}" if state == "serving" else f"{state}: {why}"

    def _page(self) -> bytes:
        """The status page of this moment."""
        metrics, recent = self._metrics, self._logbook.recent
        shown = dict if self._settings.metrics.show_addresses else shortened
        decisions = [(at, read_line(line)) for at, line in recent.last(SHOWN)]
        waited = ((check, sum(times.counts), times.total) for check, times in metrics.check_latency.items())
        picture = Picture(
            status=self._admin.status({}),
            minutes=self._history.picture(),
            funnel=metrics.greylist_results(),
            zones=[dns_report.zone_figures(status) for status in self._assembler.dns_lists()],
            checks=sorted(waited, key=lambda check: -check[2] / check[1]),
            decisions=[(at, shown(fields)) for at, fields in decisions if fields is not None],
            now=int(time.time()),
        )
        return render(picture).encode()

    async def _start_exporter(self) -> None:
        if not self._settings.metrics.listen:
            return
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._metrics)
        pages = {"/": Page(self._page, HTML), "/metrics": Page(partial(generate_latest, registry), METRICS)}
        exporter = Exporter(pages)
        await exporter.start(self._settings.metrics.listen)
        self._exporter = exporter

    async def _move_exporter(self) -> None:
        if self._exporter is not None:
            await self._exporter.close()
            self._exporter = None
        try:
            await self._start_exporter()
        except OSError as error:
            _log.error("%s; there are no metrics until [metrics] changes", error)
