"""What may excuse a mail that SPF would harm: a trusted forwarder, or the DMARC policy of the sender's own domain.

Law: it is looked for from the moment it may matter, beside whatever else is asked. A forger's own DNS can keep back the
answer about his HELO name for all the time there is; that must not be the time that was meant for this. Whatever cannot
be found out by then speaks for the mail.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from policyd.checks.spf import dmarc
from policyd.checks.spf.forwarders import Forwarders
from policyd.checks.spf.judgement import HARMFUL, Opinion
from policyd.model.dns import Resolver
from policyd.model.request import PolicyRequest

FORWARDER: Final = "a trusted forwarder"


class Excuses:
    """Those of one request, within `seconds` from now. To be made in a running loop, and closed."""

    def __init__(self, forwarders: Forwarders, resolver: Resolver, request: PolicyRequest, seconds: float) -> None:
        self._forwarders = forwarders
        self._resolver = resolver
        self._request = request
        self._until = asyncio.get_running_loop().time() + seconds
        self._seconds = seconds
        self._is_closed = False
        self._begun: dict[str, asyncio.Future[bool | None]] = {}
        """By the domain whose policy it is; and of `FORWARDER`."""

    def look_for(self, opinion: Opinion) -> None:
        """Begin to look for what may excuse the mail if it is this opinion that counts."""
        if self._is_closed or opinion.sentence not in HARMFUL:
            return
        if self._forwarders.must_ask and FORWARDER not in self._begun:
            self._begun[FORWARDER] = asyncio.ensure_future(self._forwarder())
        if opinion.may_leave_to_dmarc and (domain := opinion.answer.domain) not in self._begun:
            self._begun[domain] = asyncio.ensure_future(self._policy(domain))

    async def soften(self, opinions: Sequence[Opinion]) -> list[Opinion]:
        """The opinions, as far as nothing excuses the mail."""
        try:
            async with asyncio.timeout_at(self._until):
                if self._forwarders.must_ask and await (self._begun.get(FORWARDER) or self._forwarder()):
                    return [opinion.softened() for opinion in opinions]
                return [await self._softened(opinion) for opinion in opinions]
        except TimeoutError:
            return [opinion.softened() for opinion in opinions]

    def close(self) -> None:
        """Nobody wants to know any more."""
        self._is_closed = True
        for answer in self._begun.values():
            answer.cancel()

    async def _softened(self, opinion: Opinion) -> Opinion:
        if not opinion.may_leave_to_dmarc:
            return opinion
        domain = opinion.answer.domain
        return opinion if await (self._begun.get(domain) or self._policy(domain)) is False else opinion.softened()

    async def _forwarder(self) -> bool | None:
        address = self._request.client_address
        assert address is not None  # noqa: S101 - nobody else is judged
        return await self._forwarders.ask(self._request, address, self._seconds)

    async def _policy(self, domain: str) -> bool | None:
        return await dmarc.enforces(self._resolver, domain)
