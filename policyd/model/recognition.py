"""Recognition: one try, judged by all that is remembered of everybody its client may be.

Law: pure. A client has its network and, where a domain vouches for it, other identities (identity.py). A first try is
remembered under all of them, a retry under any of them is a retry, and what one identity knows the others learn. What
is found nowhere has one more chance: its sender's domain is known from this client, or its recipient wrote first.
`judge` comes first: what a client's network settles alone is settled, and most mail that is worth having is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from policyd.model.greylist import (
    Entry,
    Identities,
    Judgement,
    Outcome,
    Rules,
    Triplet,
    client_key,
    credited,
    is_auto_whitelisted,
    is_expired,
    judge,
    refreshed,
)

Find = Callable[[Triplet], Entry | None]
"""What is stored under a key; raises what the store raises."""
TRAPPED: Final = -1
"""`Entry.passes` of a network that mailed a spam trap; `Entry.counted` is until when it is remembered."""
FORGOTTEN: Final = Entry(0, 0)
"""What stands where something was forgotten on request: it expired long ago."""


class Recognition(NamedTuple):
    """The outcome for one try and what must be remembered because of it."""

    outcome: Outcome
    seconds: int
    writes: Mapping[Triplet, Entry]


_NOTHING: Final[Mapping[Triplet, Entry]] = {}


def group_key(triplet: Triplet) -> Triplet:
    """The key of what is known of a client together with its sender's domain. "" has no domain, and no group."""
    return Triplet(triplet.client, domain_of(triplet.sender), "")


def domain_of(sender: str) -> str:
    """``@domain`` of a sender; "" without one."""
    at = sender.rfind("@")
    return sender[at:] if at >= 0 else ""


def crowd_key(network: str) -> Triplet:
    """The key of the row that all share whom a network sends beyond its bound."""
    return Triplet(network, "", "*")


def is_triplet(key: Triplet) -> bool:
    """Whether a key is that of a mail, not of what is known of a client or expected by a recipient."""
    return bool(key.client) and bool(key.recipient) and key != crowd_key(key.client)


def reply_key(sender: str, recipient: str) -> Triplet:
    """The key of mail from `sender`, an address or ``@domain``, that `recipient` may expect, because he wrote first."""
    return Triplet("", sender, recipient)


def names_to_ask(
    judgement: Judgement, client: Entry | None, rules: Rules, others: Identities | None
) -> Sequence[str] | None:
    """The other identities to look under, perhaps none; None if what is known of the network is the last word."""
    outcome = judgement.outcome
    is_trapped = client is not None and client.passes == TRAPPED
    if outcome == "auto-whitelisted" or (outcome == "known" and judgement.triplet is None and not is_trapped):
        return None
    names = others() if others is not None else ()
    is_of_interest = client is not None and (client.passes <= 0 or rules.group_after)
    if names or is_of_interest or rules.replies_for or (outcome == "passed" and rules.group_after):
        return names
    return None


def recognise(
    find: Find, triplet: Triplet, others: Iterable[str], rules: Rules, now: int, *, crowded: bool = False
) -> Recognition:
    """Judge a try at `now` by what `find` knows. `crowded`: its network may have no new row of its own."""
    tries = [triplet, *(triplet._replace(client=name) for name in others)]
    clients = {key: find(client_key(key)) for key in tries}
    if is_trapped(clients[triplet], now):
        if rules.refuses_trapped:
            return Recognition("trapped", 0, _NOTHING)
        rules = _for_the_trapped(rules)
    else:
        for key, client in clients.items():
            if client is not None and is_auto_whitelisted(client, rules, now):
                return Recognition("auto-whitelisted", 0, _refresh(client_key(key), client, now))
    entries = {key: _live(find(key), rules, now) for key in tries}
    best = _best(entries.values())
    if best is None or not best.passes:
        favour = _favour(find, clients, rules, now)
        if favour is not None:
            return favour
        if best is None and crowded and rules.delay:
            return _in_the_crowd(find(crowd_key(triplet.client)), triplet.client, rules, now)
    return _judged(find, clients, entries, best, rules, now)


def _for_the_trapped(rules: Rules) -> Rules:
    """Wait longer, and earn nothing."""
    delay = max(rules.delay, rules.trap_delay)
    return replace(rules, delay=delay, auto_whitelist_clients=0, group_after=0, replies_for=0)


def _judged(
    find: Find,
    clients: Mapping[Triplet, Entry | None],
    entries: Mapping[Triplet, Entry | None],
    best: Entry | None,
    rules: Rules,
    now: int,
) -> Recognition:
    outcome, seconds, _, changed = judge(None, best, rules, now)
    current = changed or best
    assert current is not None  # noqa: S101 - a try always leaves an entry
    writes = {key: current for key, old in entries.items() if changed is not None or _says_more(current, old)}
    if outcome == "passed":
        for key, client in clients.items():
            writes |= _credits(find, key, client if client is not None and client.passes > 0 else None, rules, now)
    return Recognition(outcome, seconds, writes)


def is_trapped(client: Entry | None, now: int) -> bool:
    """Whether a network mailed a spam trap, and that is still remembered."""
    return client is not None and client.passes == TRAPPED and now <= client.counted


def distrusted(client: Entry | None, now: int) -> Entry | None:
    """The record of a client that lost its trust; None if there was none to lose.

    What groups of it had earned before is void too: a group counts only if it is younger than its client's record.
    """
    if client is None or client.passes <= 0:
        return None
    return Entry(now, now)


def trapped(until: int, now: int) -> Entry:
    """The record of a network that mailed a spam trap."""
    return Entry(now, now, TRAPPED, until)


def _live(entry: Entry | None, rules: Rules, now: int) -> Entry | None:
    return None if entry is None or is_expired(entry, rules, now) else entry


def _best(entries: Iterable[Entry | None]) -> Entry | None:
    """What speaks most for a mail: that it passed, lately; else the earliest first try."""
    known = [entry for entry in entries if entry is not None]
    return max(known, key=_rank, default=None)


def _rank(entry: Entry) -> int:
    return entry.last_seen if entry.passes else -entry.first_seen


def _says_more(entry: Entry, than: Entry | None) -> bool:
    """Whether an identity must learn `entry`: it has none, or waits where another has passed, or waits longer."""
    if than is None or bool(than.passes) != bool(entry.passes):
        return True
    return not entry.passes and entry.first_seen < than.first_seen


def _favour(find: Find, clients: Mapping[Triplet, Entry | None], rules: Rules, now: int) -> Recognition | None:
    """What passes although it was never tried: trusted groups, and replies."""
    if rules.group_after:
        for key, client in clients.items():
            group = _group(find, key, client)
            if group is not None and group.passes >= rules.group_after and now - group.last_seen <= rules.max_age:
                # The client too: a group never outlives its client's record.
                used = {group_key(key): group, client_key(key): client}
                return Recognition("group", 0, {k: v for k, e in used.items() if e for v in [refreshed(e, now)] if v})
    if rules.replies_for:
        _, sender, recipient = next(iter(clients))
        for name in filter(None, (sender, domain_of(sender))):
            expected = find(reply_key(name, recipient))
            if expected is not None and now - expected.last_seen <= rules.replies_for:
                return Recognition("reply", 0, _NOTHING)
    return None


def _group(find: Find, key: Triplet, client: Entry | None) -> Entry | None:
    """What is known of a client together with a sender's domain; never more than is known of that client."""
    if client is None or client.passes <= 0 or "@" not in key.sender:
        return None
    group = find(group_key(key))
    return group if group is not None and group.first_seen >= client.first_seen else None


def _credits(find: Find, key: Triplet, client: Entry | None, rules: Rules, now: int) -> dict[Triplet, Entry]:
    """What a client, and its group, have earned by the first pass of one of its triplets."""
    earned = {}
    if record := credited(client, rules, now):
        earned[client_key(key)] = record
    if rules.group_after and "@" in key.sender:
        group = _group(find, key, client)
        if record := credited(group, rules, now):
            earned[group_key(key)] = record
    return earned


def _refresh(key: Triplet, entry: Entry, now: int) -> Mapping[Triplet, Entry]:
    fresh = refreshed(entry, now)
    return {key: fresh} if fresh else _NOTHING


def _in_the_crowd(shared: Entry | None, network: str, rules: Rules, now: int) -> Recognition:
    """Judge by the row that all of a network share beyond its bound. It never counts as passed."""
    live = _live(shared, rules, now)
    if live is None or live.first_seen > now:
        return Recognition("crowded", rules.delay, {crowd_key(network): Entry(now, now)})
    if now - live.first_seen < rules.delay:
        return Recognition("crowded", rules.delay - (now - live.first_seen), _NOTHING)
    return Recognition("crowd passed", 0, _NOTHING)
