"""Who waits, since when, until when, under which identities; who is known; and how an administrator changes that.

Law: what is looked for is found in the store as it is, bounded; what is changed is committed before it is reported.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from policyd.config import Settings
from policyd.control import Arguments, Handler
from policyd.model.address import parse_address
from policyd.model.errors import Refused, Unavailable
from policyd.model.greylist import Change, Entry, Triplet
from policyd.model.recognition import FORGOTTEN, TRAPPED, is_triplet
from policyd.model.sender import normalise_sender
from policyd.stores import Kept, Store, Wanted

MOST: Final = 1000
"""Entries of one answer; of those that are changed at a time, too."""


class Waiting:
    """The verbs about what greylisting remembers."""

    def __init__(self, store: Store, settings: Callable[[], Settings], clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    def verbs(self) -> Mapping[str, Handler]:
        """What the control socket may be asked."""
        return {
            "greylist list": self.waiting,
            "greylist show": self.show,
            "greylist release": self.release,
            "greylist forget": self.forget,
            "greylist stats": self.stats,
        }

    async def waiting(self, arguments: Arguments) -> dict[str, Any]:
        """The mails that wait, the newest first, each with all identities that it is known under. Raises Refused."""
        found = await self._found(self._wanted(arguments, waiting=True))
        return {
            "waiting": [self._mail(*mail) for mail in together(found)],
            "left_out": len(found) == _most(arguments),
        }

    async def show(self, arguments: Arguments) -> dict[str, Any]:
        """Everything that is known of ``what``, the newest first. Raises Refused."""
        found = await self._found(self._wanted(arguments, waiting=False))
        return {"entries": [self._row(*kept) for kept in found], "left_out": len(found) == _most(arguments)}

    async def release(self, arguments: Arguments) -> dict[str, Any]:
        """Let the waiting mails of ``what`` pass at their next try. Raises Refused."""
        now = int(self._clock())
        change: Change = lambda entry: entry and entry._replace(last_seen=now, passes=1)  # noqa: E731
        found = await self._change(self._wanted(arguments, waiting=True), change)
        return {
            "released": [self._mail(*mail) for mail in together(found)],
            "left_out": len(found) == _most(arguments),
        }

    async def forget(self, arguments: Arguments) -> dict[str, Any]:
        """Forget everything that is known of ``what``. Raises Refused."""
        wanted = self._wanted(arguments, waiting=False)
        found = await self._change(wanted, lambda entry: FORGOTTEN if entry else None)
        return {"forgotten": [self._row(*kept) for kept in found], "left_out": len(found) == _most(arguments)}

    async def stats(self, _: Arguments) -> dict[str, Any]:
        """How many entries of which kind there are. Raises Refused."""
        try:
            return {"kinds": dict(await self._store.census(self._kind))}
        except Unavailable as error:
            raise Refused(str(error)) from None

    def _wanted(self, arguments: Arguments, *, waiting: bool) -> Wanted:
        what = arguments.get("what", "")
        if not isinstance(what, str) or not (what or waiting):
            raise Refused('"what" is an address, a domain or a network')
        since = int(self._clock()) - self._greylist.retry_window if waiting else None
        domain = what.lower() if what.startswith("@") else f"@{what.lower()}" if what and "@" not in what else ""
        words = tuple(dict.fromkeys(self._words(what))) if what else ()
        return Wanted(words, domain, since, _most(arguments))

    def _words(self, what: str) -> Iterable[str]:
        """The words under which an address, a domain, a client or a network may be stored."""
        yield from (what.lower(), normalise_sender(what))
        address = parse_address(what)
        if address is not None:
            options = self._greylist
            yield address.network(options.ipv4_prefix if address.version == 4 else options.ipv6_prefix)

    @property
    def _greylist(self) -> Any:
        return self._settings().checks["greylist"]

    async def _found(self, wanted: Wanted) -> list[Kept]:
        try:
            return await self._store.search(wanted)
        except Unavailable as error:
            raise Refused(str(error)) from None

    async def _change(self, wanted: Wanted, change: Change) -> Sequence[Kept]:
        """Change what is wanted, and wait until that is written."""
        if not wanted.words:
            raise Refused('"what" is an address, a domain or a network')
        try:
            found, commit = await self._store.change(wanted, change)
        except Unavailable as error:
            raise Refused(str(error)) from None
        if commit is not None:
            done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            commit.then(done.set_result)
            if not await done:
                raise Refused("it could not be written; see policyd status")
        return found

    def _mail(self, sender: str, recipient: str, clients: dict[str, Entry]) -> dict[str, Any]:
        since = min(entry.first_seen for entry in clients.values())
        return {
            "sender": sender,
            "recipient": recipient,
            "identities": list(clients),
            "since": since,
            "until": since + self._greylist.delay,
            "forgotten_at": since + self._greylist.retry_window,
        }

    def _row(self, key: Triplet, entry: Entry) -> dict[str, Any]:
        return {"kind": self._kind(key, entry), **key._asdict(), **entry._asdict()}

    def _kind(self, key: Triplet, entry: Entry) -> str:
        now, options = int(self._clock()), self._greylist
        if not key.client:
            return "reply" if now - entry.last_seen <= options.replies_for else "expired"
        if now - (entry.last_seen if entry.passes else entry.first_seen) > (
            options.max_age if entry.passes else options.retry_window
        ):
            return "expired"
        if is_triplet(key):
            return "known" if entry.passes else "waiting"
        if key.recipient:
            return "network limit"
        if entry.passes == TRAPPED:
            return "spam trap"
        if key.sender:
            return "domain AWL" if entry.passes >= options.group_after else "domain"
        return "client AWL" if 0 < options.auto_whitelist_clients <= entry.passes else "client"


def _most(arguments: Arguments) -> int:
    most = arguments.get("most", MOST)
    return min(most, MOST) if isinstance(most, int) and most > 0 else MOST


def together(found: Iterable[Kept]) -> Iterable[tuple[str, str, dict[str, Entry]]]:
    """One mail for all identities under which it waits: its sender, its recipient, what is known under each."""
    mails: dict[tuple[str, str], dict[str, Entry]] = {}
    for key, entry in found:
        mails.setdefault((key.sender, key.recipient), {})[key.client] = entry
    return ((*mail, clients) for mail, clients in mails.items())
