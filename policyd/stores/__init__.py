"""THE CELLAR: where greylisting is remembered.

Law: a store is one module and one line of the registry below. Every store answers as `memory` does, which is the
definition; all of them pass one contract suite. Every verb is one atomic step, and time comes from the caller.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from policyd.model.errors import ConfigError
from policyd.stores import memory, sqlite
from policyd.stores.store import Kept, Store, StoreOptions, StoreStats, Wanted

__all__ = ["Kept", "Store", "StoreOptions", "StoreStats", "Wanted", "open_store"]

_STORES: Final[dict[str, Callable[[str, StoreOptions], Awaitable[Store]]]] = {
    "memory": memory.open_store,
    "sqlite": sqlite.open_store,
}


async def open_store(url: str, options: StoreOptions) -> Store:
    """The store at `url` (``memory:``, ``sqlite:/var/lib/policyd/policyd.db``), ready to be asked.

    A store whose files are broken, locked or cannot be written opens all the same, in the state `degraded`, and
    recovers by itself. Raises ConfigError for a URL that names no store. Close what was opened.
    """
    scheme, _, place = url.partition(":")
    if scheme not in _STORES:
        known = ", ".join(f'"{name}:"' for name in _STORES)
        raise ConfigError([f"[store] url: {url!r} names no store; it must start with one of {known}"])
    return await _STORES[scheme](place, options)
