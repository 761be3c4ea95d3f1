"""The chain: checks in the order of the configuration until one has the last word.

Law: a check that cannot answer has no opinion, and no fault of ours ever becomes a rejection (promise 1). A chain is
never changed: reload builds a new one. It answers at once unless a check must wait for the network.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from policyd.model.action import DUNNO, Action
from policyd.model.address import BITS, Address
from policyd.model.errors import Unavailable
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Decision, Verdict

REMEMBERED_MESSAGES: Final = 4096
"""Messages whose header was added. Recipients of one message follow each other within seconds; postgrey keeps 10."""

# An odd step visits all 2**32 ids before one returns, and neighbours look different.
_ID_STEP: Final = 0x9E3779B1


NOT_A_RECIPIENT: Final = Verdict(DUNNO, "not a recipient")
AUTHENTICATED: Final = Verdict(DUNNO, "authenticated")
TRUSTED: Final = Verdict(DUNNO, "trusted network")
NOBODY: Final = ("chain", NO_OPINION)
"""What is answered when no check has an opinion."""


class Chain:
    """Checks in their order, and the clients that are asked nothing."""

    def __init__(
        self,
        checks: Sequence[Check],
        trusted_networks: Iterable[str],
        on_unavailable: Callable[[str, Unavailable], None],
        first_id: int,
    ) -> None:
        self._checks = tuple(checks)
        self._trusted: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for network in trusted_networks:
            version, shift, bits = _mask(network)
            self._trusted[version].append((shift, bits))
        self._on_unavailable = on_unavailable
        self._id = first_id
        self._prepended: dict[str, None] = {}

    def decide(self, request: PolicyRequest, now: int) -> Decision | Awaitable[Decision]:
        """Judge `request` at `now` (seconds since the epoch); an awaitable only if a check must wait."""
        # Other states carry no recipient to judge; VRFY does arrive here (measured), and postgrey defers it.
        if request.protocol_state != "RCPT":
            return self._decision(request, "chain", NOT_A_RECIPIENT)
        if request.sasl_username:
            return self._decision(request, "chain", AUTHENTICATED)
        address = request.client_address
        if address is not None and self._is_trusted(address):
            return self._decision(request, "chain", TRUSTED)
        return self._walk(request, now, 0, NOBODY)

    def _is_trusted(self, address: Address) -> bool:
        for shift, bits in self._trusted[address.version]:  # noqa: SIM110 - any() costs a generator per mail
            if address.number >> shift == bits:
                return True
        return False

    def _walk(
        self, request: PolicyRequest, now: int, first: int, best: tuple[str, Verdict]
    ) -> Decision | Awaitable[Decision]:
        """Ask the checks from number `first` on; `best` is what is answered if none has the last word."""
        for index, check in enumerate(self._checks[first:], first):
            try:
                verdict = check.evaluate(request, now)
            except Unavailable as error:
                best = self._unavailable(check, error, best)
                continue
            if verdict is NO_OPINION:
                continue
            if not isinstance(verdict, Verdict):
                return self._wait(request, now, index, verdict, best)
            if verdict.final:
                return self._decision(request, check.name, verdict)
            best = _better(best, check, verdict)
        return self._decision(request, *best)

    async def _wait(
        self, request: PolicyRequest, now: int, index: int, pending: Awaitable[Verdict], best: tuple[str, Verdict]
    ) -> Decision:
        check = self._checks[index]
        try:
            verdict = await pending
        except Unavailable as error:
            best = self._unavailable(check, error, best)
        else:
            if verdict.final:
                return self._decision(request, check.name, verdict)
            best = _better(best, check, verdict)
        decision = self._walk(request, now, index + 1, best)
        return decision if isinstance(decision, Decision) else await decision

    def _unavailable(self, check: Check, error: Unavailable, best: tuple[str, Verdict]) -> tuple[str, Verdict]:
        self._on_unavailable(check.name, error)
        return _better(best, check, Verdict(DUNNO, "unavailable", final=False))

    def _decision(self, request: PolicyRequest, check: str, verdict: Verdict) -> Decision:
        self._id = (self._id + _ID_STEP) & 0xFFFFFFFF
        decision_id = f"{self._id:08X}"
        action, reason, _, delay, commit = verdict
        if action is DUNNO:
            pass
        elif action.verb == "PREPEND":
            action = self._once_per_message(action, request.instance)
        elif action.defers or action.rejects:
            action = action.marked(f" (id {decision_id})")
        # What Decision(...) does, without a Python frame: this runs for every recipient of every mail.
        return tuple.__new__(Decision, (action, check, reason, delay, decision_id, commit))

    def _once_per_message(self, header: Action, instance: str) -> Action:
        """Postfix adds a header for every recipient that is answered PREPEND (measured): one is enough."""
        if not instance:
            return header
        if instance in self._prepended:
            return DUNNO
        self._prepended[instance] = None
        if len(self._prepended) > REMEMBERED_MESSAGES:
            del self._prepended[next(iter(self._prepended))]
        return header


def _better(best: tuple[str, Verdict], check: Check, verdict: Verdict) -> tuple[str, Verdict]:
    """The first opinion counts; a check that had none, or could not, only when there is no other."""
    if best[1] is NO_OPINION and verdict is not NO_OPINION:
        return check.name, verdict
    if best[1].action is DUNNO and verdict.action is not DUNNO:
        return check.name, verdict
    return best


def _mask(network: str) -> tuple[int, int, int]:
    """(version, shift, bits): an address lies in `network` when its number shifted right is `bits`."""
    parsed = ipaddress.ip_network(network)
    shift = BITS[parsed.version] - parsed.prefixlen
    return parsed.version, shift, int(parsed.network_address) >> shift
