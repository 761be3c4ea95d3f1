"""The composition root: settings become objects, the objects run, and stop.

Law: the only room that knows all others. It starts whatever the database and the lists look like (promise 6); only a
wrong configuration, or a socket that cannot be had, stops the start. Reload builds everything anew before it touches
anything, and keeps the old settings on any mistake in the new ones.
"""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from policyd import __version__
from policyd.assembly import Assembler, Assembly
from policyd.chain import Chain
from policyd.config import Settings
from policyd.descriptors import make_room
from policyd.desk import Service
from policyd.hits import Hits, hits_file
from policyd.listeners import Listeners
from policyd.logbook import Logbook
from policyd.metrics import Metrics
from policyd.model.errors import ConfigError
from policyd.office import Office
from policyd.server import PolicyServer
from policyd.sockets import SocketOptions
from policyd.stores import Store, StoreOptions, open_store
from policyd.systemd import Notifier, inherited_sockets
from policyd.watch import Watch

DRAIN: Final = 5.0
"""Seconds in which requests under way are answered before the daemon ends."""
GARBAGE: Final = 50_000
"""Objects between two looks for reference cycles. A tick of requests makes thousands and none of them is a cycle."""
SWITCH: Final = 0.0005
"""Seconds for which a background thread may keep Python from the loop; its default of 5 ms was our p99.9 (measured)."""
TICK: Final = 1.0
"""Seconds between two rounds of housekeeping."""
LOOK: Final = 5.0
"""Seconds between two looks at our socket files."""

_log = logging.getLogger("policyd")


def serve(settings: Settings, load: Callable[[], Settings]) -> int:
    """Run the daemon until SIGTERM; return its exit status. `load` is asked for new settings at SIGHUP."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        daemon = Daemon(settings, load)
        try:
            runner.run(daemon.run())
        except OSError as error:
            _log.error("%s", error)
            return 1
        finally:
            daemon.flush_log()
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Make uvloop's loop where it is installed (extra `fast`): its share is in docs/performance.md."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class Daemon:
    """One running policyd."""

    def __init__(self, settings: Settings, load: Callable[[], Settings]) -> None:
        self._settings = settings
        self._load = load
        self._notifier = Notifier(os.environ)
        self._metrics = Metrics(__version__, time.time)
        self._stop = asyncio.Event()
        self._watch = Watch()
        self._hits = Hits(hits_file(settings.store.url))
        self._tasks: list[asyncio.Task[None]] = []
        self._reload_turn = asyncio.Lock()

    async def run(self) -> None:
        """Serve until told to stop. Raises OSError when a socket cannot be had."""
        loop = asyncio.get_running_loop()
        self._logbook = Logbook(self._settings, self._metrics, loop, self._count_hit)
        self._store = await self._open_store()
        self._assembler = Assembler(self._store)
        try:
            await self._hits.load()
            assembly, lists = await self._watch.open(partial(self._assembler.build, self._settings))
            self._watch.follow(lists)
            self._chain = self._chain_of(self._settings, assembly)
            self._server = PolicyServer(self._service(), time.perf_counter, loop.call_soon)
            self._listeners = Listeners(self._server, inherited_sockets(os.environ))
            self._add_signals(loop)
            await self._listen(self._settings)
            self._office = self._open_office()
            await self._office.open()
            self._settle()
            self._tasks = [asyncio.create_task(self._watch.keep()), asyncio.create_task(self._hits.keep())]
            await self._keep_house()
        finally:
            await self._end()

    def flush_log(self) -> None:
        """Write what is still held back."""
        if hasattr(self, "_logbook"):
            self._logbook.flush()

    def _open_office(self) -> Office:
        places, reload = lambda: str(self._listeners), self._reload
        metrics, watch, logbook = self._metrics, self._watch, self._logbook
        return Office(self._settings, metrics, self._store, self._assembler, watch, logbook, places, reload)

    async def _open_store(self) -> Store:
        store = self._settings.store
        return await open_store(store.url, StoreOptions(store.durability, store.max_entries, store.privacy))

    def _service(self) -> Service:
        server = self._settings.server
        return Service(
            decide=self._chain.decide,
            record=self._logbook.recorder,
            on_protocol_error=self._logbook.complaints.protocol_error,
            on_rejected=self._logbook.complaints.rejected,
            request_deadline=server.request_deadline,
            max_connections=make_room(server.max_connections),
            close_after_reply=server.close_after_reply,
        )

    def _chain_of(self, settings: Settings, assembly: Assembly) -> Chain:
        """The chain that asks these checks, which are in force from now on."""
        self._assembler.take(assembly)
        trusted, complain = settings.chain.trusted_networks, self._logbook.complaints.unavailable
        is_shadow, asked = settings.chain.mode == "shadow", self._metrics.asked
        plan, patience = assembly.checks.plan, settings.server.patience
        first = secrets.randbits(32)
        return Chain(plan, trusted, complain, first, is_shadow=is_shadow, on_asked=asked, patience=patience)

    def _count_hit(self, match: str) -> None:
        self._hits.count(match, int(time.time()))

    async def _listen(self, settings: Settings) -> None:
        server = settings.server
        options = SocketOptions(server.socket_mode, server.socket_user, server.socket_group, server.backlog)
        await self._listeners.listen(server.listen, options)

    def _add_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._reloading: set[asyncio.Task[tuple[str, ...]]] = set()
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _settle(self) -> None:
        # What exists now lives as long as the daemon: the collector need not walk it at every full collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE)
        sys.setswitchinterval(SWITCH)
        _log.info("policyd %s serving on %s", __version__, self._listeners)
        self._notifier.ready(self._office.status_line())

    def _on_hangup(self) -> None:
        task = asyncio.ensure_future(self._reload())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload(self) -> tuple[str, ...]:
        """Take new settings whole, or none of them; and of each list file its newest version without a mistake.

        Returns the mistakes for which the old settings stay in force.
        """
        self._notifier.reloading()
        async with self._reload_turn:
            try:
                await self._watch.look_at_once()
                settings = self._load()
                assembly, lists = await self._watch.open(partial(self._assembler.build, settings))
                await self._listen(settings)
            except (ConfigError, OSError) as error:
                self._metrics.reload_ok = False
                self._office.mistakes = error.mistakes if isinstance(error, ConfigError) else (str(error),)
                for mistake in self._office.mistakes:
                    _log.error("%s", mistake)
                _log.error("reload: the old settings stay in force because of the lines above")
            else:
                self._watch.follow(lists)
                await self._take(settings, assembly)
        self._notifier.ready(self._office.status_line())
        return self._office.mistakes

    async def _take(self, settings: Settings, assembly: Assembly) -> None:
        for name in ("store", "log"):
            old, new = getattr(self._settings, name), getattr(settings, name)
            if old != new and (name == "store" or (old.destination, old.facility) != (new.destination, new.facility)):
                _log.warning("reload: [%s] changed; that takes effect at the next restart", name)
        self._settings = replace(settings, store=self._settings.store)
        self._chain = self._chain_of(settings, assembly)
        self._server.desk.service = self._service()
        self._logbook.take(settings)
        self._metrics.reload_ok, self._metrics.reloaded_at = True, time.time()
        self._metrics.generation += 1
        await self._office.take(self._settings)
        _log.info("reload: new settings are in force")

    async def _keep_house(self) -> None:
        """Once a second, until the end: slow clients, held-back log lines, the sign of life."""
        alive_at, looked_at, told = 0.0, time.monotonic(), self._office.status_line()
        interval = self._notifier.watchdog_interval
        while not self._stop.is_set():
            self._server.sweep()
            self._metrics.connections = len(self._server.connections)
            self.flush_log()
            self._office.tick()
            if time.monotonic() - looked_at >= LOOK:
                looked_at = time.monotonic()
                await self._listeners.look_after()
                await self._office.look_after()
            if (line := self._office.status_line()) != told:
                self._notifier.status(told := line)
            if interval and time.monotonic() - alive_at >= interval - TICK:
                with contextlib.suppress(TimeoutError):  # asked again in the next round
                    await asyncio.wait_for(self._store.ping(), TICK)  # the loop alone proves nothing
                    self._notifier.alive()
                    alive_at = time.monotonic()
            try:
                await asyncio.wait_for(self._stop.wait(), TICK)
            except TimeoutError:
                continue

    async def _end(self) -> None:
        self._notifier.stopping()
        for task in self._tasks:
            task.cancel()
        self._watch.close()
        if hasattr(self, "_listeners"):
            self._listeners.close()
            await self._server.drain(DRAIN)
        if hasattr(self, "_office"):
            await self._office.close()
        self._assembler.close()
        await self._hits.save()
        await self._store.close()
        _log.info("policyd ended")
