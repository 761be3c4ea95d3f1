"""What checks are built with cannot be changed behind their back."""

from dataclasses import FrozenInstanceError

import pytest

from policyd.checks.tools import Tools
from policyd.model.dns import NO_RESOLVER
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import TableList


def test_tools_are_frozen() -> None:
    tools = Tools(MemoryStore(StoreOptions()), "mx.example", "1", lambda kind, files: TableList(kind))
    with pytest.raises(FrozenInstanceError):
        tools.hostname = "other"  # type: ignore[misc]
    assert tools.resolver is NO_RESOLVER, "who only looks at a check asks the network nothing"
