"""When the sqlite store looks further than a client's network, and how.

Law: most mail is settled by its network's record and its triplet, in memory, and never comes here. What does is judged
by the model's own rule, over look-ups that note what they asked: no answer may rest on what is not committed yet.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from policyd.model.greylist import Change, Entry, Identities, Observation, Rules, Triplet, client_key, judge
from policyd.model.recognition import names_to_ask, recognise
from policyd.stores.sqlite.journal import Group
from policyd.stores.sqlite.keys import triplet_text

if TYPE_CHECKING:
    from policyd.stores.sqlite.store import SqliteStore

Known = tuple[int, Entry, bytes]
"""A key, its entry, its triplet's text."""
REFRESHING: Final = frozenset({"known", "auto-whitelisted", "group"})
"""Outcomes that change nothing but dates: nobody need wait for them, and nothing is lost with them."""


def observe_all(store: "SqliteStore", triplet: Triplet, others: Sequence[str], rules: Rules, now: int) -> Observation:
    """Judge a try by all identities and all that is known of them, and remember it. Raises Unavailable."""
    asked: list[int] = []
    key_of = store.keys.of

    def find(key: Triplet) -> Entry | None:
        number = key_of(triplet_text(key))
        asked.append(number)
        return store.recall(number)

    outcome, seconds, writes = recognise(find, triplet, others, rules, now)
    texts = [(triplet_text(key), entry) for key, entry in writes.items()]
    rows = [(key_of(text), entry, text) for text, entry in texts]
    return Observation(outcome, seconds, store.remember(rows, asked, is_needed=outcome not in REFRESHING))


def peek_at_all(
    store: "SqliteStore", triplet: Triplet, rules: Rules, now: int, others: Identities | None
) -> Observation:
    """Judge a try by all that is known, and remember nothing. Raises Unavailable."""

    def find(key: Triplet) -> Entry | None:
        return store.recall(store.keys.of(triplet_text(key)))

    client = find(client_key(triplet))
    judgement = judge(client, find(triplet), rules, now)
    names = names_to_ask(judgement, client, rules, others)
    if names is None:
        return Observation(judgement.outcome, judgement.seconds)
    outcome, seconds, _ = recognise(find, triplet, names, rules, now)
    return Observation(outcome, seconds)


def amend_all(store: "SqliteStore", keys: Sequence[Triplet], change: Change) -> Group | None:
    """Put what `change` makes of each entry in its place; what to wait for. Raises Unavailable."""
    rows: list[Known] = []
    for text in map(triplet_text, keys):
        number = store.keys.of(text)
        entry = change(store.recall(number))
        if entry is not None:
            rows.append((number, entry, text))
    return store.remember(rows, (), is_needed=True)
