"""What other mail teaches greylisting: whom our users write to, who mailed a spam trap, whom a list refused.

Law: nobody waits for what is noted here and no mail is stopped because it could not be noted. What one user of a
provider did is never held against the provider.
"""

import contextlib
from collections.abc import Iterable
from typing import Final

from policyd.checks.greylist.settings import HOUR, Settings
from policyd.model.errors import Unavailable
from policyd.model.evidence import Evidence
from policyd.model.greylist import Entry, GreylistStore, Triplet, client_key
from policyd.model.recognition import TRAPPED, distrusted, domain_of, reply_key, trapped
from policyd.model.request import PolicyRequest
from policyd.model.sender import normalise_sender

NOTED_AGAIN: Final = HOUR
"""Seconds in which the same thing need not be written again."""


class Learning:
    """What one greylist check notes in its store."""

    def __init__(self, settings: Settings, store: GreylistStore) -> None:
        self.providers: Final = frozenset(settings.providers)
        self._settings = settings
        self._store = store
        self._traps = frozenset(trap.lower() for trap in settings.traps)

    def is_trap(self, recipient: str) -> bool:
        """Whether `recipient`, in lower case, is a spam trap."""
        local, at, domain = recipient.rpartition("@")
        return not self._traps.isdisjoint((recipient, f"@{domain}", f"{local}@" if at else f"{domain}@"))

    def note_trap(self, triplet: Triplet, evidence: Evidence, now: int) -> None:
        """The network of `triplet` mailed a trap; whom a provider or an allow list vouches for is not remembered."""
        vouched = evidence.spf.identity if evidence.spf is not None else ""
        if vouched in self.providers or evidence.dns_lists.is_trusted:
            return
        until = now + self._settings.trap_time

        def change(entry: Entry | None) -> Entry | None:
            is_noted = entry is not None and entry.passes == TRAPPED and until - entry.counted < NOTED_AGAIN
            return None if is_noted else trapped(until, now)

        with contextlib.suppress(Unavailable):
            self._store.amend([client_key(triplet)], change)

    def note_rejection(self, clients: Iterable[str], now: int) -> None:
        """A list refused these identities of a client: what trust they had is lost, but no provider's."""
        keys = [Triplet(client, "", "") for client in clients if client not in self.providers]
        with contextlib.suppress(Unavailable):
            self._store.amend(keys, lambda entry: distrusted(entry, now))

    def note_outbound(self, request: PolicyRequest, now: int) -> None:
        """A user of ours writes to somebody, whose reply will pass."""
        wanted, addressee = self._settings.replies, normalise_sender(request.recipient)
        name = addressee if wanted == "address" else domain_of(addressee)
        if wanted == "off" or not name or not request.sender:
            return

        def change(entry: Entry | None) -> Entry | None:
            is_noted = entry is not None and 0 <= now - entry.last_seen < NOTED_AGAIN
            return None if is_noted else Entry(now, now, 1)

        with contextlib.suppress(Unavailable):
            self._store.amend([reply_key(name, request.sender.lower())], change)
