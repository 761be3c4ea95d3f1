from pathlib import Path

from tests.stores.contract import RULES, START, ask, triplet
from tests.stores.sqlite.places import opened, run


def test_what_is_committed_and_not_merged_is_pending_and_counted_once(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        for number in range(3):
            await ask(store, triplet(number), START, RULES)
        figures = store.stats()
        assert (figures.entries, figures.pending, figures.committed_rows) == (3, 3, 3)
        await store.purge()
        figures = store.stats()
        assert (figures.entries, figures.pending, figures.committed_rows) == (3, 0, 3)

    run(scenario)
