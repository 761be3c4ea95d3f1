"""What the daemon answers an administrator: how it is, and what became of a reload.

Law: answers are plain values; the command line makes sentences of them, and monitoring systems read them as they are.
"""

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import chain
from typing import Any, Final

from policyd import __version__
from policyd.control import Arguments, Handler
from policyd.health import Health
from policyd.lists import Lists
from policyd.metrics import Metrics
from policyd.model.errors import Refused
from policyd.model.health import Condition
from policyd.model.units import number_of
from policyd.stores.store import StoreStats
from policyd.watch import Watch

SHOWN: Final = 10
"""Mistakes of lists that a status names."""


class Admin:
    """The verbs of one daemon; `reload` takes new settings and returns the mistakes for which it did not."""

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        watch: Watch,
        places: Callable[[], str],
        reload: Callable[[], Awaitable[tuple[str, ...]]],
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._watch = watch
        self._places = places
        self._reload = reload

    def verbs(self) -> Mapping[str, Handler]:
        """What the control socket may be asked."""
        return {"status": self.status, "reload": self.reload}

    def status(self, _: Arguments) -> dict[str, Any]:
        """How the daemon and each of its parts is."""
        state, why = self._health.status()
        metrics = self._metrics
        return {
            "state": state,
            "why": why,
            "version": __version__,
            "pid": os.getpid(),
            "uptime": round(time.time() - metrics.started),
            "places": self._places(),
            "requests": metrics.requests.total(),
            "connections": metrics.connections,
            "parts": [part._asdict() for part in self._health.conditions()],
        }

    async def reload(self, _: Arguments) -> dict[str, Any]:
        """Take new settings and the newest lists, and say so when it is done. Raises Refused."""
        mistakes = await self._reload()
        if mistakes:
            raise Refused("the old settings stay in force", mistakes)
        of_lists = list(chain.from_iterable(self._watch.lists.mistakes()))
        return {"generation": self._metrics.generation, "mistakes": of_lists}


def store_condition(url: str, figures: StoreStats) -> Condition:
    """The part ``store``."""
    trouble = figures.trouble or ("what is new cannot be written" if figures.state != "ok" else "")
    return Condition("store", (trouble,) if trouble else (), f"{url}, {number_of(figures.entries, 'entry', 'entries')}")


def lists_condition(lists: Lists) -> Condition:
    """The part ``lists``."""
    mistakes = tuple(chain.from_iterable(lists.mistakes()))
    if len(mistakes) > SHOWN:
        mistakes = (*mistakes[:SHOWN], f"and {len(mistakes) - SHOWN} more; `policyd check` shows all")
    return Condition(
        "lists", mistakes, number_of(sum(option.entries for option in lists.figures()), "entry", "entries")
    )


def config_condition(source: str, mistakes: tuple[str, ...], generation: int) -> Condition:
    """The part ``config``: the settings in force, and the mistakes of those that are not."""
    kept = [f"not taken at the last reload: {mistake}" for mistake in mistakes]
    return Condition("config", tuple(kept), f"{source or 'options of the command line'}, generation {generation}")
