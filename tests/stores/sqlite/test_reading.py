"""Law tested: what is stored is found by its words, whatever bytes they are, and nothing else is."""

from pathlib import Path

from policyd.model.greylist import Triplet
from policyd.stores import StoreOptions, Wanted
from tests.stores.contract import RULES, START, TRIPLET, ask, done, triplet
from tests.stores.sqlite.places import opened, run


def test_bytes_that_are_no_text_come_out_as_they_went_in(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place)
        strange = Triplet("192.0.2.0/24", "\udcff' OR 1@\udc80", "☃@y.example")
        await ask(store, strange, START, RULES)
        ((key, entry),) = await store.search(Wanted())
        assert (key, entry.first_seen) == (strange, START)

    run(scenario)


def test_with_privacy_words_are_found_by_their_hashes(place: Path) -> None:
    async def scenario() -> None:
        store = await opened(place, options=StoreOptions(privacy=True, clock=lambda: START))
        await ask(store, TRIPLET, START, RULES)
        await ask(store, triplet(1), START, RULES)
        ((key, _),) = await store.search(Wanted(words=(TRIPLET.sender,)))
        assert "@" not in "".join(key)
        found, commit = await store.change(Wanted(words=(TRIPLET.sender,)), lambda e: e and e._replace(passes=1))
        await done(commit)
        assert len(found) == 1
        assert (await ask(store, TRIPLET, START + 1, RULES), await ask(store, triplet(1), START + 1, RULES)) == (
            ("known", 0),
            ("early", 299),
        )

    run(scenario)
