"""Law tested: no answer rests on what is not committed yet, wherever it was found."""

from pathlib import Path

import pytest

from policyd.model.errors import Unavailable
from policyd.model.greylist import Entry
from tests.stores.contract import RULES, START, TRIPLET, ask, elsewhere
from tests.stores.sqlite.places import opened, run


def test_a_try_that_another_identity_knows_waits_for_that_ones_commit(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        first = store.observe(elsewhere(0), RULES, START, lambda: ["x.example"])
        second = store.observe(elsewhere(1), RULES, START, lambda: ["x.example"])
        assert (first.outcome, second.outcome) == ("new", "early")
        assert second.commit is first.commit is not None

    run(scenario)


def test_known_mail_of_another_network_need_not_wait_for_what_is_learned_of_it(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        await ask(store, elsewhere(0), START, RULES, ["x.example"])
        await ask(store, elsewhere(0), START + 300, RULES, ["x.example"])
        known = store.observe(elsewhere(1), RULES, START + 400, lambda: ["x.example"])
        assert (known.outcome, known.commit) == ("known", None)
        await store.purge()
        assert store.stats().entries == 5  # a triplet of each network and of the domain; two records

    run(scenario)


def test_without_a_place_to_write_known_mail_passes_and_amendments_fail(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        await ask(store, elsewhere(0), START, RULES, ["x.example"])
        await ask(store, elsewhere(0), START + 300, RULES, ["x.example"])
        store.suspend()
        known = store.observe(elsewhere(1), RULES, START + 400, lambda: ["x.example"])
        assert (known.outcome, known.commit) == ("known", None)
        with pytest.raises(Unavailable):
            store.observe(elsewhere(1), RULES, START + 400, lambda: ["y.example"])
        with pytest.raises(Unavailable):
            store.amend([TRIPLET], lambda entry: Entry(START, START, 1))
        assert store.amend([TRIPLET], lambda entry: None) is None

    run(scenario)
