"""Law tested: what is in a segment and not in the archive is in memory."""

from pathlib import Path

from tests.stores.contract import RULES, START, triplet
from tests.stores.sqlite.places import opened, run


def test_a_turn_keeps_what_was_just_learned_and_drops_what_is_merged(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        store.observe(triplet(0), RULES, START)
        await store.purge()  # merged: the first generation is the old one now
        store.observe(triplet(1), RULES, START)
        assert len(store.memory()) == 2
        await store.purge()
        assert len(store.memory()) == 1

    run(scenario)


def test_a_group_that_cannot_be_committed_is_unlearned(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        told: list[bool] = []
        observation = store.observe(triplet(0), RULES, START)
        assert observation.commit is not None
        observation.commit.then(told.append)
        assert store.segment is not None
        store.segment.close()
        store.segment = None
        store.commit()
        assert told == [False]
        assert store.memory() == []

    run(scenario)
