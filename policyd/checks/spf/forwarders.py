"""Trusted forwarders: they send mail of strangers, whose SPF must fail; that is not their fault.

Law: a forwarder is who is proved to be one: by its address, by a host name that Postfix found forward-confirmed, by a
HELO name whose address is the client's, or because a domain of his lets it send. Where the DNS cannot say now, he is
believed: a fault of ours must not refuse mail for good.
"""

from collections.abc import Sequence
from typing import Final

from policyd.checks.spf.settings import Settings
from policyd.model.address import Address, parse_address
from policyd.model.dns import DnsUnavailable, RecordType, Resolver
from policyd.model.request import PolicyRequest
from policyd.model.spf import SpfEvaluator, SpfQuestion
from policyd.tables.networks import NetworkSet

_KINDS: Final[dict[int, RecordType]] = {4: "A", 6: "AAAA"}


class Forwarders:
    """Those of the configuration."""

    def __init__(self, settings: Settings, resolver: Resolver, evaluator: SpfEvaluator) -> None:
        self._networks = NetworkSet(settings.forwarder_networks)
        self._names = tuple(map(str.lower, settings.forwarder_names))
        self._helo = frozenset(map(str.lower, settings.forwarder_helo))
        self._domains: Sequence[str] = tuple(map(str.lower, settings.forwarder_domains))
        self._has_known = bool(settings.forwarder_networks or settings.forwarder_names)
        self._resolver = resolver
        self._evaluator = evaluator

    @property
    def exist(self) -> bool:
        """Whether there are any."""
        return self._has_known or self.must_ask

    @property
    def must_ask(self) -> bool:
        """Whether `ask` may say more than `know`."""
        return bool(self._helo or self._domains)

    def know(self, request: PolicyRequest, address: Address) -> bool:
        """Whether the client is one, without asking anybody."""
        if not self._has_known:
            return False
        name = request.client_name.lower().removesuffix(".")  # ``unknown`` unless it is forward-confirmed
        return address in self._networks or any(
            name.endswith(known) if known.startswith(".") else name == known for known in self._names
        )

    async def ask(self, request: PolicyRequest, address: Address, seconds: float) -> bool:
        """Whether the client is one; asks the DNS. Its deadline is the caller's, `seconds` that of each evaluation."""
        helo = request.helo_name.lower().removesuffix(".")
        if helo in self._helo and await self._leads_to(helo, address):
            return True
        for domain in self._domains:
            question = SpfQuestion(address, request.helo_name, f"postmaster@{domain}")
            answer = await self._evaluator.evaluate(question, seconds)
            if answer.result == "temperror" or (answer.result == "pass" and not answer.is_wide):
                return True
        return False

    async def _leads_to(self, name: str, address: Address) -> bool:
        kind = _KINDS[address.version]
        try:
            answer = self._resolver.cached(name, kind) or await self._resolver.resolve(name, kind)
        except DnsUnavailable as error:
            return error.reason != "bad name"
        return any(parse_address(record) == address for record in answer.records if isinstance(record, str))
