"""`policyd spf CLIENT SENDER HELO`: the results, the way to them, and what would follow.

Law: the answer is the check's own; here it is only shown.
"""

import json
import time
from collections.abc import Iterator
from socket import gethostname
from typing import Any, Final, NamedTuple

from policyd.checks.spf import Settings, Spf
from policyd.cli import DEGRADED, GOOD
from policyd.config import Settings as Configuration
from policyd.lookups.dns import door
from policyd.lookups.spf import open_evaluator
from policyd.model.action import clean_text
from policyd.model.address import Address
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.mailbox import as_delivered
from policyd.model.request import PolicyRequest
from policyd.model.spf import SpfIdentity, SpfReport
from policyd.model.units import number_of
from policyd.model.verdict import Verdict

ERRORS: Final = frozenset({"temperror", "permerror"})
_LABELS: Final[dict[SpfIdentity, str]] = {"helo": "HELO", "mailfrom": "MAIL FROM"}


class Found(NamedTuple):
    """What was found out about one identity."""

    identity: SpfIdentity
    name: str
    report: SpfReport
    seconds: float


async def evaluate(settings: Configuration, client: Address, sender: str, helo: str, *, as_json: bool) -> int:
    """Print it; the exit status is 1 where a result is an error."""
    options: Settings = settings.checks["spf"]
    hostname = settings.hostname or gethostname()
    resolver = door.open_resolver(settings.dns)
    try:
        check = Spf(options, resolver, open_evaluator(resolver, options.limits(), hostname), hostname, str)
        request = request_of(client, as_delivered(sender), helo)
        found = [await _find(check, request, identity) for identity in check.identities(request)]
        verdict = check.evaluate(request, NO_EVIDENCE, int(time.time()))
        verdict = verdict if isinstance(verdict, Verdict) else await verdict
    finally:
        resolver.close()
    if as_json:
        print(json.dumps(_as_json(client, found, verdict)))
    else:
        for line in _lines(found):
            print(line)
        note = "" if check.judges(client) else " (clients in [spf] skip_networks are not judged)"
        print(f"answer: {verdict.action}{note}")
    return DEGRADED if any(each.report.answer.result in ERRORS for each in found) else GOOD


def request_of(client: Address, sender: str, helo: str) -> PolicyRequest:
    """A mail from this client."""
    return PolicyRequest(
        protocol_state="RCPT",
        client_name="unknown",
        reverse_client_name="unknown",
        helo_name=helo,
        sender=sender,
        client_address=client,
    )


async def _find(check: Spf, request: PolicyRequest, identity: SpfIdentity) -> Found:
    start = time.perf_counter()
    report = await check.evaluator.report(check.question(request, identity), check.settings.deadline)
    name = request.sender if identity == "mailfrom" else request.helo_name
    return Found(identity, name, report, time.perf_counter() - start)


def _lines(found: list[Found]) -> Iterator[str]:
    for each in found:
        answer = each.report.answer
        why = answer.problem or answer.mechanism
        name = clean_text(each.name, 255) if each.name else "<>"
        yield f"{_LABELS[each.identity]} {name}: {answer.result}{f' ({why})' if why else ''}"
        for step in each.report.steps:
            how = "" if step.how == "record" else f"{step.how} "
            term = f" by {step.mechanism}" if step.mechanism else ""
            yield f"  {'  ' * step.depth}{how}{clean_text(step.domain, 253)}: {step.result or 'not finished'}{term}"
            yield f"  {'  ' * step.depth}  {step.record or 'no record'}"
        if answer.is_wide:
            yield "  it lets so many others pass that it proves nothing"
        if answer.explanation:
            yield f"  {answer.domain} explains: {answer.explanation}"
        yield (
            f"  {number_of(each.report.terms, 'term', 'terms')} asked the DNS, {each.report.voids} found nothing; "
            f"{number_of(each.report.queries, 'question', 'questions')}, {each.seconds * 1000:.0f} ms"
        )


def _as_json(client: Address, found: list[Found], verdict: Verdict) -> dict[str, Any]:
    return {
        "client": client.text,
        "identities": [
            {
                "identity": each.identity,
                "name": each.name,
                **each.report.answer._asdict(),
                "steps": [step._asdict() for step in each.report.steps],
                "terms": each.report.terms,
                "voids": each.report.voids,
                "queries": each.report.queries,
                "seconds": round(each.seconds, 6),
            }
            for each in found
        ],
        "action": str(verdict.action),
        "reason": verdict.reason,
    }
