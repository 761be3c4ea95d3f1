"""`policyd spf --record DOMAIN`: the domain's record, all that it includes, and what is wrong with them.

Law: a mistake is what makes receivers refuse or ignore the record; a remark is what an owner may mean so.
"""

import asyncio
import json
from collections.abc import Iterator
from typing import Final

from policyd.cli import DEGRADED, GOOD, complain
from policyd.config import Settings
from policyd.lookups.dns import door
from policyd.lookups.spf.lint import Lint, lint_record
from policyd.model.spf import SpfLimits
from policyd.model.units import number_of

DEADLINE: Final = 30.0
"""Seconds; a person waits."""


async def lint(settings: Settings, domain: str, *, as_json: bool) -> int:
    """Print it; the exit status is 1 if there are mistakes. Limits are the RFC's, not those of the configuration."""
    resolver = door.open_resolver(settings.dns)
    try:
        async with asyncio.timeout(DEADLINE):
            found = await lint_record(resolver, domain, SpfLimits())
    except TimeoutError:
        complain(f"policyd spf: the DNS did not answer within {DEADLINE:.0f} s")
        return DEGRADED
    finally:
        resolver.close()
    if as_json:
        print(
            json.dumps(
                {
                    "domain": found.domain,
                    "records": [dict(zip(("depth", "domain", "record"), each, strict=True)) for each in found.records],
                    "terms": found.terms,
                    "voids": found.voids,
                    "findings": [finding._asdict() for finding in found.findings],
                }
            )
        )
    else:
        for line in _lines(found):
            print(line)
    return DEGRADED if found.mistakes else GOOD


def _lines(found: Lint) -> Iterator[str]:
    for depth, domain, record in found.records:
        yield f"{'  ' * depth}{domain}: {record}"
    yield f"{number_of(found.terms, 'term asks', 'terms ask')} the DNS, {found.voids} in vain"
    for finding in found.findings:
        yield f"{finding.kind}: {finding.domain}: {finding.text}"
    if not found.findings:
        yield "nothing to mend"
