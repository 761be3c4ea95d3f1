"""`policyd rbl test`: what every DNS list says of an address or a domain, and what would become of its mail.

Law: the lists are asked as the daemon asks them, from this machine and through its resolver, after each was probed. The
daemon is not asked and need not run; what it remembers is not used.
"""

import asyncio
import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from policyd.checks.rbl import Rbl, Said, Settings, examine
from policyd.cli import DEGRADED, GOOD
from policyd.config import DEFAULT_PATH, load
from policyd.model.address import parse_address
from policyd.model.errors import Unavailable
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.request import PolicyRequest
from policyd.model.units import number_of
from policyd.model.verdict import Verdict


class Outcome(NamedTuple):
    """Everything that is shown."""

    said: tuple[Said, ...]
    verdict: Verdict | None
    """None: no list can be believed."""
    is_skipped: bool
    """Whether mail from there is not looked up at all."""


def main(arguments: list[str]) -> int:
    """Print every answer, the points and the verdict; the exit status is 0, or 1 if a list cannot be believed."""
    parser = ArgumentParser(
        "policyd rbl test",
        description="Ask every DNS list of the configuration about an address or a domain. A domain is asked about as "
        "if it were the name, HELO name, sender and recipient of a mail.",
    )
    parser.add_argument("subject", metavar="ADDRESS|DOMAIN", help="127.0.0.2 is on every list of addresses, as a test")
    parser.add_argument("--config", "-c", metavar="FILE", default=DEFAULT_PATH, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    settings = load(options.config)
    asked = request_of(options.subject)
    if asked is None:
        parser.error(f"{options.subject[:60]!r} is neither an address nor a domain")
    from policyd.lookups.dns.door import open_resolver

    outcome = asyncio.run(_ask(settings.checks["rbl"], open_resolver(settings.dns), asked, int(time.time())))
    if options.json:
        print(json.dumps(_as_json(options.subject, outcome)))
    elif not outcome.said:
        print(f"no list of [rbl] is asked about {options.subject}")
    else:
        for line in _lines(outcome):
            print(line)
    return DEGRADED if any(each.problem for each in outcome.said) or outcome.verdict is None else GOOD


def request_of(subject: str) -> PolicyRequest | None:
    """A mail that comes from `subject`, an address or a domain; None if it is neither."""
    address = parse_address(subject)
    name = "unknown" if address else subject
    if not address and not _is_domain(subject):
        return None
    mailbox = "" if address else f"postmaster@{subject}"
    return PolicyRequest(
        protocol_state="RCPT",
        client_name=name,
        reverse_client_name=name,
        helo_name="" if address else subject,
        sender=mailbox,
        recipient=mailbox,
        client_address=address,
    )


def _is_domain(subject: str) -> bool:
    _, dot, top = subject.rstrip(".").rpartition(".")
    # No top-level domain is a number (RFC 3696 section 2): that is a mistyped address.
    return bool(dot) and not top.isdecimal() and subject.isprintable() and not {" ", "@"} & set(subject)


async def _ask(settings: Settings, resolver: Any, request: PolicyRequest, now: int) -> Outcome:
    check = Rbl(replace(settings, skip_networks=()), resolver, str)
    try:
        await check.prober.round(now)
        said = await examine(check.lists, resolver, request, settings.deadline)
        return Outcome(said, await _judge(check, request, now), Rbl(settings, resolver, str).skips(request))
    finally:
        resolver.close()


async def _judge(check: Rbl, request: PolicyRequest, now: int) -> Verdict | None:
    try:
        verdict = check.evaluate(request, NO_EVIDENCE, now)
        return verdict if isinstance(verdict, Verdict) else await verdict
    except Unavailable:
        return None


def _lines(outcome: Outcome) -> Iterator[str]:
    width = max([len("list"), *(len(each.zone) for each in outcome.said)])
    yield f"{'list':{width}}  {'asked about':16}  {'answer':15}  {'points':>6}  {'time':>8}"
    for each in outcome.said:
        answer = " ".join(each.answer) or ("-" if each.problem else "not listed")
        points = "?" if each.problem else f"{each.points:g}"
        line = f"{each.zone:{width}}  {each.look_up:16}  {answer:15}  {points:>6}  {each.seconds * 1000:5.0f} ms"
        remark = each.problem or ("none of the answers that count" if each.answer and not each.points else "")
        yield "  ".join(filter(None, [line, remark, each.text]))
    if outcome.is_skipped:
        yield "mail from this address is not looked up: [rbl] skip_networks"
    yield f"verdict: {_sentence(outcome.verdict)}"


def _sentence(verdict: Verdict | None) -> str:
    if verdict is None:
        return "none: no list can be believed; mail goes on without this check"
    learned = verdict.evidence.dns_lists
    points = number_of(learned.points, "point", "points")
    if verdict.action.verb != "DUNNO":
        return f"{points}: {verdict.action}"
    if learned.is_trusted:
        return f"{points}: trusted, not greylisted"
    return f"{points}: no opinion" + (", but suspect to greylisting" if learned.is_suspect else "")


def _as_json(subject: str, outcome: Outcome) -> dict[str, Any]:
    verdict = outcome.verdict
    learned = verdict.evidence.dns_lists if verdict else None
    return {
        "subject": subject,
        "answers": [each._asdict() for each in outcome.said],
        "is_skipped": outcome.is_skipped,
        "points": learned.points if learned else None,
        "unknown": learned.unknown if learned else None,
        "is_suspect": learned.is_suspect if learned else None,
        "is_trusted": learned.is_trusted if learned else None,
        "action": str(verdict.action) if verdict else None,
    }
