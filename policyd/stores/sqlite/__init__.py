"""The sqlite store: a journal that is appended to, a bounded memory, an archive that is merged into.

Law: one file, one part. `store` answers; `journal` commits; `archive` keeps; `sweep` forgets; `keeper` does in the
background what none of them may wait for; `files`, `keys`, `filter` and `schema` know one thing each. docs/store.md
draws it, docs/decisions/0002-store.md says why.
"""

from pathlib import Path

from policyd.model.errors import ConfigError
from policyd.stores.sqlite.store import SqliteStore
from policyd.stores.store import StoreOptions


async def open_store(place: str, options: StoreOptions) -> SqliteStore:
    """The store whose archive is the file at `place`."""
    if not place or place.endswith("/"):
        raise ConfigError([f'[store] url: "sqlite:{place}" names no file; write for example "sqlite:/PATH/policyd.db"'])
    store = SqliteStore(Path(place), options)
    await store.start()
    return store
