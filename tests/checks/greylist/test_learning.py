"""Law tested: what other mail shows is noted once an hour, at nobody else's cost, and never waited for."""

from collections.abc import Sequence
from typing import Any

import pytest

from policyd.checks.greylist.learning import Learning
from policyd.checks.greylist.settings import Settings
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE, DnsListEvidence, Evidence, SpfEvidence
from policyd.model.greylist import Change, Entry, Rules, Triplet, client_key
from policyd.model.recognition import TRAPPED, reply_key
from policyd.model.request import PolicyRequest
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions

T0, HOUR, DAY = 1_800_000_000, 3600, 86400
MAIL = Triplet("192.0.2.0/24", "a@x.example", "trap@y.example")


class Book(MemoryStore):
    """A store that tells what was written."""

    def __init__(self) -> None:
        super().__init__(StoreOptions())
        self.written: list[Triplet] = []

    def amend(self, keys: Sequence[Triplet], change: Change) -> None:
        self.written += [key for key in keys if change(self._entries.get(key)) is not None]
        super().amend(keys, change)

    def entry(self, key: Triplet) -> Entry | None:
        return self._entries.get(key)


class Broken(Book):
    def amend(self, keys: Sequence[Triplet], change: Change) -> None:
        raise Unavailable("disk full")


def learning(store: Book, **options: Any) -> Learning:
    return Learning(Settings(**options), store)


def outgoing(sender: str = "Me@y.example", recipient: str = "Friend+x@A.example") -> PolicyRequest:
    return PolicyRequest(sender=sender, recipient=recipient)


@pytest.mark.parametrize(
    ("trap", "recipient", "wanted"),
    [
        ("Trap@Y.example", "trap@y.example", True),
        ("trap@", "trap@z.example", True),
        ("trap@", "trap", True),
        ("@y.example", "anybody@y.example", True),
        ("@y.example", "anybody@sub.y.example", False),
        ("trap@y.example", "atrap@y.example", False),
    ],
)
def test_traps(trap: str, recipient: str, wanted: bool) -> None:
    assert learning(Book(), traps=(trap,)).is_trap(recipient) is wanted


def test_a_network_that_mails_a_trap_is_noted_once_an_hour() -> None:
    store = Book()
    noting = learning(store, trap_time=DAY)
    for at in (0, 1, HOUR - 1, HOUR):
        noting.note_trap(MAIL, NO_EVIDENCE, T0 + at)
    assert store.entry(client_key(MAIL)) == Entry(T0 + HOUR, T0 + HOUR, TRAPPED, T0 + HOUR + DAY)
    assert len(store.written) == 2


def test_a_network_with_trust_loses_it_at_a_trap() -> None:
    store = Book()
    trusted = Entry(T0, T0, 9, T0 + 2 * DAY)
    store.amend([client_key(MAIL)], lambda entry: trusted)
    learning(store, trap_time=DAY).note_trap(MAIL, NO_EVIDENCE, T0)
    assert store.entry(client_key(MAIL)) == Entry(T0, T0, TRAPPED, T0 + DAY)


@pytest.mark.parametrize(
    "evidence",
    [Evidence(spf=SpfEvidence("pass", "gmail.com")), Evidence(DnsListEvidence(-2.0, is_trusted=True))],
)
def test_what_one_user_did_is_not_held_against_a_provider(evidence: Evidence) -> None:
    store = Book()
    learning(store).note_trap(MAIL, evidence, T0)
    assert store.written == []


def test_a_refused_client_loses_what_it_earned_but_a_provider_does_not() -> None:
    store = Book()
    clients = ["192.0.2.0/24", "x.example", "gmail.com"]
    for client in clients:
        store.amend([Triplet(client, "", "")], lambda entry: Entry(T0, T0, 9, T0))
    learning(store).note_rejection([*clients, "stranger.example"], T0 + 1)
    passes = {client: (store.entry(Triplet(client, "", "")) or Entry(0, 0)).passes for client in clients}
    assert passes == {"192.0.2.0/24": 0, "x.example": 0, "gmail.com": 9}
    assert store.entry(Triplet("stranger.example", "", "")) is None


@pytest.mark.parametrize(("replies", "name"), [("address", "friend@a.example"), ("domain", "@a.example")])
def test_whom_a_user_writes_to_may_answer(replies: Any, name: str) -> None:
    store = Book()
    noting = learning(store, replies=replies)
    noting.note_outbound(outgoing(), T0)
    noting.note_outbound(outgoing(), T0 + 1)
    key = reply_key(name, "me@y.example")
    assert (store.written, store.entry(key)) == ([key], Entry(T0, T0, 1))
    answer = Triplet("192.0.2.0/24", "friend@a.example", "me@y.example")
    assert store.observe(answer, Settings(replies=replies).rules(), T0 + DAY).outcome == "reply"
    assert store.observe(answer, Rules(), T0 + DAY).outcome == "new"


@pytest.mark.parametrize(("at", "times"), [(0, 1), (HOUR - 1, 1), (HOUR, 2), (-1, 2)])
def test_whom_a_user_writes_to_is_noted_once_an_hour_and_anew_after_a_clock_that_went_back(at: int, times: int) -> None:
    store = Book()
    noting = learning(store, replies="address")
    noting.note_outbound(outgoing(), T0)
    noting.note_outbound(outgoing(), T0 + at)
    assert len(store.written) == times


def test_bounces_and_the_switched_off_are_not_noted() -> None:
    store = Book()
    learning(store, replies="off").note_outbound(outgoing(), T0)
    learning(store, replies="address").note_outbound(outgoing(sender=""), T0)
    learning(store, replies="domain").note_outbound(outgoing(recipient="postmaster"), T0)
    assert store.written == []


def test_a_store_that_cannot_write_stops_nobody() -> None:
    noting = learning(Broken(), replies="address")
    noting.note_outbound(outgoing(), T0)
    noting.note_trap(MAIL, NO_EVIDENCE, T0)
    noting.note_rejection(["192.0.2.0/24"], T0)
