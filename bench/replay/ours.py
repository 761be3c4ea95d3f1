"""Our rule: the real check, the real chain and the real store, in memory, at the times of the replay.

Law: nothing of greylisting is written here; only what the checks before it would have learned is said in their place.
"""

from dataclasses import replace
from typing import Final, Literal

from bench.replay.rules import Rule
from bench.replay.senders import Attempt
from policyd.chain import Chain
from policyd.checks import greylist
from policyd.checks.tools import Tools
from policyd.lookups.suffixes import registered_domains
from policyd.model.address import parse_address
from policyd.model.evidence import NO_EVIDENCE, Evidence, SpfEvidence
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Decision, Verdict
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import TableList

START: Final = 1_750_000_000
Known = Literal["nothing", "name", "spf", "both"]
"""What is known of a client beside its address."""


class _SaysSpf:
    """Stands where the SPF check stands, and says that the sender's record lets the client pass."""

    name = "spf"

    def evaluate(self, request: PolicyRequest, evidence: Evidence, now: int) -> Verdict:
        domain = request.sender.rpartition("@")[2]
        return NO_OPINION._replace(evidence=NO_EVIDENCE._replace(spf=SpfEvidence("pass", domain, "ip4")))


def ours(known: Known, settings: greylist.Settings | None = None) -> Rule:
    """Policyd with its defaults, or these settings, when so much is known of each client."""
    registered_domain, _ = registered_domains()
    tools = replace(
        Tools(MemoryStore(StoreOptions()), "mx.example.org", "0", lambda kind, files: TableList(kind)),
        registered_domain=registered_domain,
    )
    check = greylist.build(settings or greylist.Settings(), tools)
    before = [_SaysSpf()] if known in ("spf", "both") else []
    chain = Chain([*before, check], [], lambda check, error: None, 0)

    def accepts(attempt: Attempt) -> bool:
        name = attempt.host if known in ("name", "both") else "unknown"
        decision = chain.decide([_request(attempt, name)], START + attempt.at)[0]
        assert isinstance(decision, Decision)
        return not decision.action.defers

    return accepts


def _request(attempt: Attempt, name: str) -> PolicyRequest:
    values = {
        "protocol_state": "RCPT",
        "client_name": name,
        "reverse_client_name": name,
        "helo_name": attempt.host,
        "sender": f"someone@{attempt.sender.name}",
        "recipient": "b@example.org",
        "instance": f"1.{attempt.at}.0.0",
    }
    address = parse_address(attempt.client)
    return PolicyRequest(**values, client_address=address, attributes=values | {"client_address": attempt.client})
