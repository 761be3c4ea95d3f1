"""An SPF check over a little DNS: the real evaluator, the real check."""

import asyncio
from collections.abc import Mapping
from typing import Any

from policyd.checks.spf import Settings, Spf
from policyd.lookups.spf import open_evaluator
from policyd.model.address import parse_address
from policyd.model.dns import RecordType, Resolver
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Verdict
from tests.lookups.doubles import DictResolver, Known

HOST = "mx.receiver.example"
NOW = 1_700_000_000
World = Mapping[tuple[str, RecordType], Known]

WORLD: World = {
    ("pass.example", "TXT"): (b"v=spf1 ip4:192.0.2.0/24 -all",),
    ("fail.example", "TXT"): (b"v=spf1 ip4:198.51.100.1 -all exp=why.fail.example",),
    ("why.fail.example", "TXT"): (b"%{i} is not ours",),
    ("soft.example", "TXT"): (b"v=spf1 ~all",),
    ("neutral.example", "TXT"): (b"v=spf1 ?all",),
    ("perm.example", "TXT"): (b"v=spf1 foo:bar -all",),
    ("temp.example", "TXT"): "servfail",
    ("nomail.example", "TXT"): (b"v=spf1 -all",),
    ("wide.example", "TXT"): (b"v=spf1 +all",),
    ("dmarc.example", "TXT"): (b"v=spf1 ip4:198.51.100.1 -all",),
    ("_dmarc.dmarc.example", "TXT"): (b"v=DMARC1; p=reject",),
    ("lax.example", "TXT"): (b"v=spf1 ip4:198.51.100.1 -all",),
    ("_dmarc.lax.example", "TXT"): (b"v=DMARC1; p=none",),
    ("sub.dmarc.example", "TXT"): (b"v=spf1 ip4:198.51.100.1 -all",),
    ("murky.example", "TXT"): (b"v=spf1 ip4:198.51.100.1 -all",),
    ("_dmarc.murky.example", "TXT"): "servfail",
    ("mail.pass.example", "TXT"): (b"v=spf1 ip4:192.0.2.0/24 -all",),
    ("mail.fail.example", "TXT"): (b"v=spf1 ip4:198.51.100.1 -all",),
    ("fwd.example", "TXT"): (b"v=spf1 ip4:192.0.2.1 -all",),
    ("mx.fwd.example", "A"): ("192.0.2.1",),
    ("mx.murky.example", "A"): "servfail",
}


def request(sender: str = "user@pass.example", helo: str = "mail.none.example", **more: Any) -> PolicyRequest:
    fields: dict[str, Any] = {
        "protocol_state": "RCPT", "client_name": "unknown", "reverse_client_name": "unknown", "helo_name": helo,
        "sender": sender, "recipient": "secret-recipient@receiver.example", "queue_id": "", "instance": "1.2.3",
        "sasl_username": "", "policy_context": "", "client_address": "192.0.2.1", "attributes": {},
    } | more  # fmt: skip
    address = fields["client_address"]
    fields["client_address"] = parse_address(address) if isinstance(address, str) else address
    return PolicyRequest(**fields)


def check(settings: Settings | None = None, world: World | Resolver = WORLD, *, warm: bool = False) -> Spf:
    chosen = settings or Settings()
    resolver = DictResolver(world, is_warm=warm) if isinstance(world, Mapping) else world
    said: list[str] = []
    spf = Spf(chosen, resolver, open_evaluator(resolver, chosen.limits(), HOST), HOST, said.append)
    spf.said = said  # type: ignore[attr-defined]
    return spf


def ask(spf: Spf, asked: PolicyRequest) -> Verdict:
    async def asking() -> Verdict:
        verdict = spf.evaluate(asked, NO_EVIDENCE, NOW)
        return verdict if isinstance(verdict, Verdict) else await verdict

    return asyncio.run(asking())


def judge(sender: str = "user@pass.example", name: str = "mail.none.example", /, **options: Any) -> Verdict:
    return ask(check(Settings(**options)), request(sender, name))
