from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from policyd.model.dns import Resolver
from tests.lookups.contract import WORLD, ResolverContract
from tests.lookups.doubles import DictResolver


class TestDictResolver(ResolverContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Resolver]:
        yield DictResolver(WORLD)


def test_a_warm_one_knows_all_it_can_know() -> None:
    resolver = DictResolver(WORLD, is_warm=True)
    assert resolver.cached("a.example", "A") is not None
    assert resolver.cached("gone.example", "A") is not None
    assert resolver.cached("broken.example", "A") is None
