"""What is wrong with a domain's own record: syntax, limits, names that lead nowhere.

Law: every record on the way is looked at, not only those that one client meets. What depends on the mail (macros) is
checked for its grammar and not asked. Bounded like an evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import spf

from policyd.lookups.spf.engine import MAX_NAMES, Evaluation
from policyd.lookups.spf.knowledge import Knowledge, Miss
from policyd.lookups.spf.macros import MacroError, expand_domain
from policyd.lookups.spf.subject import Subject, domain_name
from policyd.lookups.spf.terms import Mechanism, check_record, lets_all_pass, split_terms
from policyd.model.action import clean_text
from policyd.model.address import Address
from policyd.model.dns import Answer, DnsUnavailable, Mx, Record, RecordType, Resolver
from policyd.model.spf import SpfLimits

SHOULD_FIT: Final = 450
"""Characters that a record should not exceed, so that its answer fits into a datagram (RFC 7208 3.4)."""
MAX_RECORDS: Final = 50
"""Records that are looked at."""
ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists"})
_NOBODY: Final = Address("192.0.2.1", 4, 0xC0000201)


class Finding(NamedTuple):
    """Something to mend (``mistake``), or to think about (``remark``)."""

    kind: Literal["mistake", "remark"]
    domain: str
    text: str


@dataclass(slots=True)
class Lint:
    """What was found out about a domain."""

    domain: str
    records: list[tuple[int, str, str]] = field(default_factory=list)
    """Depth, domain and text of every record on the way."""
    findings: list[Finding] = field(default_factory=list)
    terms: int = 0
    """Terms that ask the DNS, of all records together."""
    voids: int = 0
    """Those of them that find nothing."""

    @property
    def mistakes(self) -> int:
        """How much there is to mend."""
        return sum(finding.kind == "mistake" for finding in self.findings)


async def lint_record(resolver: Resolver, domain: str, limits: SpfLimits) -> Lint:
    """Look at the record of `domain`, and at all that it includes. Its deadline is the caller's."""
    name = domain_name(domain)
    lint = Lint(name or clean_text(domain, 253))
    linter = _Linter(resolver, limits, lint)
    if not name:
        linter.mistake(lint.domain, "is no domain that can have a record")
        return lint
    await linter.look_at(name, 0, ())
    if lint.terms > limits.terms:
        linter.mistake(name, f"{lint.terms} terms ask the DNS, {limits.terms} may: receivers call that permerror")
    if lint.voids > limits.voids:
        linter.mistake(name, f"{lint.voids} terms find nothing, {limits.voids} may: receivers call that permerror")
    return lint


class _Linter:
    def __init__(self, resolver: Resolver, limits: SpfLimits, lint: Lint) -> None:
        self._resolver = resolver
        self._limits = limits
        self._lint = lint

    def mistake(self, domain: str, text: str) -> None:
        self._lint.findings.append(Finding("mistake", domain, clean_text(text, 300)))

    def remark(self, domain: str, text: str) -> None:
        self._lint.findings.append(Finding("remark", domain, clean_text(text, 300)))

    async def look_at(self, domain: str, depth: int, way: tuple[str, ...]) -> bool:
        """Look at the record of `domain`; whether it has one."""
        if domain in way:
            self.mistake(domain, "includes itself, in a circle")
            return True
        if len(self._lint.records) >= MAX_RECORDS:
            return True
        if (record := await self._record(domain)) is None:
            return False
        self._lint.records.append((depth, domain, clean_text(record, 8192)))
        try:
            terms = split_terms(check_record(record, domain))[1:]
        except spf.PermError as error:
            self.mistake(domain, str(error))
            return True
        if len(record) > SHOULD_FIT:
            self.remark(domain, f"has {len(record)} characters; more than {SHOULD_FIT} may not fit into a datagram")
        await self._terms(domain, [term for term in terms if term], depth, (*way, domain))
        return True

    async def _record(self, domain: str) -> str | None:
        answer = await self._ask(domain, domain, "TXT")
        texts = [record for record in answer or () if isinstance(record, bytes)]
        found = [text for text in texts if spf.RE_SPF.match(text)]
        if len(found) > 1:
            self.mistake(domain, f"has {len(found)} records, one may be: receivers call that permerror")
        elif not found and answer is not None and any(b"v=spf1" in text.lower() for text in texts):
            self.mistake(domain, 'has a text with "v=spf1" that is no record; it must begin with "v=spf1 "')
        elif not found and answer is not None:
            self.mistake(domain, "has no SPF record")
        return found[0].decode("latin-1") if found else None

    async def _terms(self, domain: str, terms: Sequence[str], depth: int, way: tuple[str, ...]) -> None:
        redirect, ends_at = "", 0
        seen: set[str] = set()
        for number, term in enumerate(terms, 1):
            modifier, equals, value = term.partition("=")
            if equals and modifier in ("exp", "redirect"):
                if modifier in seen:
                    self.mistake(domain, f"{modifier}= stands there twice: receivers call that permerror")
                seen.add(modifier)
                redirect = value if modifier == "redirect" else redirect
                self._check_spec(domain, term, value)
            elif (mechanism := self._mechanism(domain, term)) is not None:
                if not ends_at and mechanism.name == "all":
                    ends_at = number
                await self._mechanism_leads(domain, mechanism, depth, way)
        self._judge_end(domain, terms, ends_at, redirect)
        if redirect and not ends_at:
            self._lint.terms += 1
            if "%" not in redirect and not await self.look_at(redirect.lower().removesuffix("."), depth + 1, way):
                self.mistake(domain, f"redirect={redirect} leads to no record: receivers call that permerror")

    def _mechanism(self, domain: str, term: str) -> Mechanism | None:
        subject = Subject(_NOBODY, "mail.example", "postmaster", domain)
        evaluation = Evaluation(subject, Knowledge(lambda name, kind: None, 1), self._limits, "mx.example", 0)
        try:
            return evaluation.validate_mechanism(term)
        except spf.PermError as error:
            self.mistake(domain, f"{term}: {error.msg}")
        except Miss:  # %{p} would have to ask who the client is
            self.remark(domain, f"{term}: %{{p}} asks more than it is worth; RFC 7208 7.2 says not to use it")
        return None

    def _check_spec(self, domain: str, term: str, value: str) -> None:
        try:
            expand_domain(value, lambda letter: "x")
        except MacroError as error:
            self.mistake(domain, f"{term}: {error}")

    def _judge_end(self, domain: str, terms: Sequence[str], ends_at: int, redirect: str) -> None:
        if not ends_at and not redirect:
            self.remark(domain, "ends without all or redirect=: whoever is not named is neutral")
        if ends_at and redirect:
            self.remark(domain, "redirect= is never followed, because all matches everybody")
        behind = [term for term in terms[ends_at:] if "=" not in term] if ends_at else []
        if behind:
            self.remark(domain, f"what stands behind all is never looked at: {' '.join(behind)}")

    async def _mechanism_leads(self, domain: str, mechanism: Mechanism, depth: int, way: tuple[str, ...]) -> None:
        term, name, argument, prefix, result = mechanism
        if result == "pass" and (lets_all_pass(term) or (name in ("a", "mx", "ip4") and prefix < 8)):
            self.mistake(domain, f"{term} lets everybody, or much of the Internet, send for the domain")
        if name not in ASKING:
            return
        self._lint.terms += 1
        if name == "ptr":
            self.remark(domain, f"{term}: slow and unreliable; RFC 7208 5.5 says not to use it")
        elif "%" in term:
            return
        elif name == "include":
            if not await self.look_at(argument.lower(), depth + 1, way):
                self.mistake(domain, f"{term} leads to no record: receivers call that permerror")
        elif not await self._leads_to_addresses(domain, term, name, argument):
            self._lint.voids += 1
            self.remark(domain, f"{term} finds nothing")

    async def _leads_to_addresses(self, domain: str, term: str, name: str, argument: str) -> bool:
        hosts = [argument]
        if name == "mx":
            answer = await self._ask(domain, argument, "MX")
            hosts = [mx.exchange for mx in answer or () if isinstance(mx, Mx) and mx.exchange]
            if len(hosts) > MAX_NAMES:
                self.mistake(
                    domain, f"{term} has {len(hosts)} hosts, {MAX_NAMES} may be: receivers call that permerror"
                )
            if answer is None:
                return True
        kinds: tuple[RecordType, ...] = ("A",) if name == "exists" else ("A", "AAAA")
        for host in hosts[:MAX_NAMES]:
            for kind in kinds:
                answer = await self._ask(domain, host, kind)
                if answer is None or answer:
                    return True
        return False

    async def _ask(self, domain: str, name: str, kind: RecordType) -> Sequence[Record] | None:
        """The records; None, after a word of it, if they cannot be had."""
        try:
            answer: Answer = await self._resolver.resolve(name, kind)
        except DnsUnavailable as error:
            self.mistake(domain, f"{error} for {kind} of {name}")
            return None
        return answer.records
