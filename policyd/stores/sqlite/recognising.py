"""When the sqlite store looks further than a client's network, and how.

Law: most mail is settled by its network's record and its triplet, in memory, and never comes here. What does is judged
by the model's own rule, over look-ups that note what they asked: no answer may rest on what is not committed yet.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from policyd.model.greylist import Change, Entry, Identities, Observation, Rules, Triplet, client_key, judge
from policyd.model.recognition import names_to_ask, recognise
from policyd.stores.sqlite.journal import Group
from policyd.stores.sqlite.keys import triplet_text
from policyd.stores.sqlite.ledger import Ledger

Known = tuple[int, Entry, bytes]
"""A key, its entry, its triplet's text."""
REFRESHING: Final = frozenset({"known", "auto-whitelisted", "group"})
"""Outcomes that change nothing but dates: nobody need wait for them, and nothing is lost with them."""


def strangers(ledger: Ledger, names: Sequence[str], text: bytes) -> list[tuple[int, bytes]] | None:
    """The keys and texts of a new mail under `names`, if nothing at all is known under any of them; else None.

    Most new mail is that of strangers: what `recognise` would find out of them is found here in a third of the time.
    """
    key_of, may_hold, rest = ledger.keys.of, ledger.may_hold, text[text.index(b"\n") :]
    found = []
    for name in names:
        head = name.encode("utf-8", "surrogateescape")
        named = head + rest
        key = key_of(named)
        if may_hold(key) or may_hold(key_of(head + b"\n\n")):
            return None
        found.append((key, named))
    return found


def observe_all(
    ledger: Ledger,
    triplet: Triplet,
    others: Sequence[str],
    rules: Rules,
    now: int,
    known: Mapping[Triplet, tuple[int, Entry | None]],
    *,
    crowded: bool,
) -> Observation:
    """Judge a try by all identities and all that is known of them, and remember it. Raises Unavailable.

    `known`: the keys and entries that were looked up before.
    """
    numbers = {key: number for key, (number, _) in known.items()}

    def find(key: Triplet) -> Entry | None:
        if key in known:
            return known[key][1]
        number = numbers[key] = ledger.keys.of(triplet_text(key))
        return ledger.recall(number)

    outcome, seconds, writes = recognise(find, triplet, others, rules, now, crowded=crowded)
    asked, rows = list(numbers.values()), []
    for key, entry in writes.items():
        text = triplet_text(key)
        rows.append((numbers.get(key) or ledger.keys.of(text), entry, text))
    if outcome == "new":
        ledger.count_late(key for key, _, _ in rows)
    return Observation(outcome, seconds, ledger.remember(rows, asked, is_needed=outcome not in REFRESHING))


def peek_at_all(ledger: Ledger, triplet: Triplet, rules: Rules, now: int, others: Identities | None) -> Observation:
    """Judge a try by all that is known, and remember nothing. Raises Unavailable."""

    def find(key: Triplet) -> Entry | None:
        return ledger.recall(ledger.keys.of(triplet_text(key)))

    client = find(client_key(triplet))
    judgement = judge(client, find(triplet), rules, now)
    names = names_to_ask(judgement, client, rules, others)
    if names is None:
        return Observation(judgement.outcome, judgement.seconds)
    outcome, seconds, _ = recognise(find, triplet, names, rules, now)
    return Observation(outcome, seconds)


def amend_all(ledger: Ledger, keys: Sequence[Triplet], change: Change) -> Group | None:
    """Put what `change` makes of each entry in its place; what to wait for. Raises Unavailable."""
    rows: list[Known] = []
    for text in map(triplet_text, keys):
        number = ledger.keys.of(text)
        entry = change(ledger.recall(number))
        if entry is not None:
            rows.append((number, entry, text))
    return ledger.remember(rows, (), is_needed=True)
