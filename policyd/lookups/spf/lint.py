"""What is wrong with a domain's own record: syntax, limits, names that lead nowhere.

Law: every record on the way is looked at, not only those that one client meets. What depends on the mail (macros) is
checked for its grammar and not asked. Bounded like an evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import spf

from policyd.lookups.spf.engine import MAX_EXPLANATION, MAX_NAMES, Evaluation
from policyd.lookups.spf.knowledge import Knowledge, Miss
from policyd.lookups.spf.macros import MacroError, expand_domain, expand_text
from policyd.lookups.spf.modifiers import advice
from policyd.lookups.spf.subject import Subject, domain_name
from policyd.lookups.spf.terms import Mechanism, check_record, lets_all_pass, modifier_of, read_record, split_terms
from policyd.model.action import clean_text
from policyd.model.address import Address
from policyd.model.dns import Answer, DnsUnavailable, Mx, Record, RecordType, Resolver
from policyd.model.spf import SpfLimits

SHOULD_FIT: Final = 450
"""Characters that a record should not exceed, so that its answer fits into a datagram (RFC 7208 3.4)."""
MAX_RECORDS: Final = 50
"""Records that are looked at."""
NARROWEST: Final = {"a": 8, "mx": 8, "ip4": 8, "ip6": 16}
"""Prefixes below which a network is nobody's own."""
OLD_TYPE: Final = "of type SPF (99)"
ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists"})
ALL: Final = frozenset({4, 6})
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
    voids_of: dict[int, int] = field(default_factory=lambda: {4: 0, 6: 0})
    """Those that find nothing for clients of an IP version."""

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
    await linter.begin(name)
    if lint.terms > limits.terms:
        linter.mistake(name, f"{lint.terms} terms ask the DNS, {limits.terms} may: receivers call that permerror")
    linter.judge_voids(name)
    return lint


class _Linter:
    def __init__(self, resolver: Resolver, limits: SpfLimits, lint: Lint) -> None:
        self._resolver = resolver
        self._limits = limits
        self._lint = lint
        self._has_old = False

    def mistake(self, domain: str, text: str) -> None:
        self._lint.findings.append(Finding("mistake", domain, clean_text(text, 300)))

    def remark(self, domain: str, text: str) -> None:
        self._lint.findings.append(Finding("remark", domain, clean_text(text, 300)))

    async def begin(self, domain: str) -> None:
        """Look at the record of `domain`, of both types."""
        self._has_old = await self._has_old_type(domain)
        if await self.look_at(domain, 0, ()) and self._has_old:
            self.remark(domain, f"has a record {OLD_TYPE} too, which nobody asks for any more (RFC 7208 3.1)")

    def judge_voids(self, domain: str) -> None:
        """RFC 7208 4.6.4: who has hosts without IPv6 is in order until a client with IPv6 comes."""
        for version, voids in self._lint.voids_of.items():
            if voids > self._limits.voids:
                say = self.mistake if version == 4 or self._lint.voids > self._limits.voids else self.remark
                what = f"{voids} terms find nothing for IPv{version} clients, {self._limits.voids} may"
                say(domain, f"{what}: receivers call that permerror")

    async def look_at(self, domain: str, depth: int, way: tuple[str, ...]) -> bool:
        """Look at the record of `domain`; whether it has one, or may have."""
        if domain in way:
            self.mistake(domain, "includes itself, in a circle")
            return True
        if len(self._lint.records) >= MAX_RECORDS:
            return True
        if (answer := await self._ask(domain, domain, "TXT")) is None:
            return True
        if (record := self._record(domain, answer)) is None:
            return False
        self._lint.records.append((depth, domain, clean_text(record, 8192)))
        try:
            terms = split_terms(check_record(record, domain))[1:]
        except spf.PermError as error:
            self.mistake(domain, str(error))
            return True
        for term in record.split(" ")[1:]:
            if (modifier := modifier_of(term)) and (found := advice(*modifier)):
                self._lint.findings.append(Finding(found.kind, domain, clean_text(found.text, 300)))
        if len(record) > SHOULD_FIT:
            self.remark(domain, f"has {len(record)} characters; more than {SHOULD_FIT} may not fit into a datagram")
        is_flagged = await self._terms(domain, terms, depth, (*way, domain))
        if read_record(record).is_wide and not is_flagged:
            self.mistake(domain, "its networks together let much of the Internet send for the domain")
        return True

    def _record(self, domain: str, answer: Sequence[Record]) -> str | None:
        texts = [record for record in answer if isinstance(record, bytes)]
        found = [text for text in texts if spf.RE_SPF.match(text)]
        if len(found) > 1:
            self.mistake(domain, f"has {len(found)} records, one may be: receivers call that permerror")
        elif not found and any(b"v=spf1" in text.lower() for text in texts):
            self.mistake(domain, 'has a text with "v=spf1" that is no record; it must begin with "v=spf1 "')
        elif not found and self._has_old and domain == self._lint.domain:
            self.mistake(domain, f"has no SPF record but one {OLD_TYPE}, which nobody asks for any more (RFC 7208 3.1)")
        elif not found:
            self.mistake(domain, "has no SPF record")
        return found[0].decode("latin-1") if found else None

    async def _has_old_type(self, domain: str) -> bool:
        try:
            return bool((await self._resolver.resolve(domain, "SPF")).records)
        except DnsUnavailable:  # there are servers that do not know it
            return False

    async def _terms(self, domain: str, terms: Sequence[str], depth: int, way: tuple[str, ...]) -> bool:
        """Look at the terms of a record; whether one of them lets too much pass."""
        redirect, ends_at, is_flagged = "", 0, False
        seen: set[str] = set()
        for number, term in enumerate(terms, 1):
            modifier, equals, value = term.partition("=")
            if equals and modifier in ("exp", "redirect"):
                if modifier in seen:
                    self.mistake(domain, f"{modifier}= stands there twice: receivers call that permerror")
                seen.add(modifier)
                redirect = value if modifier == "redirect" else redirect
                await self._modifier(domain, modifier, value)
            elif (mechanism := self._mechanism(domain, term)) is not None and not ends_at:
                ends_at = number if mechanism.name == "all" else 0
                is_flagged |= self._lets_too_much_pass(domain, mechanism)
                await self._mechanism_leads(domain, mechanism, depth, way)
        self._judge_end(domain, terms, ends_at, redirect)
        if redirect and not ends_at:
            self._lint.terms += 1
            if "%" not in redirect and not await self.look_at(redirect.lower().removesuffix("."), depth + 1, way):
                self.mistake(domain, f"redirect={redirect} leads to no record: receivers call that permerror")
        return is_flagged

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

    async def _modifier(self, domain: str, modifier: str, value: str) -> None:
        term = f"{modifier}={value}"
        try:
            name = expand_domain(value, lambda letter: "x")
        except MacroError as error:
            self.mistake(domain, f"{term}: {error}")
            return
        if modifier == "exp" and "%" not in value and not await self._explains(domain, name):
            what = f"no text of {MAX_EXPLANATION} ASCII characters at most"
            self.remark(domain, f"{term} leads to {what}, so nobody reads it")

    async def _explains(self, domain: str, name: str) -> bool:
        answer = await self._ask(domain, name, "TXT")
        if answer is None:
            return True
        texts = [text for text in answer if isinstance(text, bytes)]
        try:
            return len(texts) == 1 and len(expand_text(texts[0].decode("ascii"), lambda letter: "")) <= MAX_EXPLANATION
        except (MacroError, UnicodeDecodeError):
            return False

    def _judge_end(self, domain: str, terms: Sequence[str], ends_at: int, redirect: str) -> None:
        if not ends_at and not redirect:
            self.remark(domain, "ends without all or redirect=: whoever is not named is neutral")
        if ends_at and redirect:
            self.remark(domain, "redirect= is never followed, because all matches everybody")
        behind = [term for term in terms[ends_at:] if "=" not in term] if ends_at else []
        if behind:
            self.remark(domain, f"what stands behind all is never looked at: {' '.join(behind)}")

    def _lets_too_much_pass(self, domain: str, mechanism: Mechanism) -> bool:
        term, name, _, prefix, result = mechanism
        if result != "pass" or not (lets_all_pass(term) or prefix < NARROWEST.get(name, 0)):
            return False
        self.mistake(domain, f"{term} lets everybody, or much of the Internet, send for the domain")
        return True

    async def _mechanism_leads(self, domain: str, mechanism: Mechanism, depth: int, way: tuple[str, ...]) -> None:
        term, name, argument, _, _ = mechanism
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
        else:
            self._count_voids(domain, term, await self._found_for(domain, term, name, argument))

    def _count_voids(self, domain: str, term: str, found: frozenset[int]) -> None:
        for version in self._lint.voids_of:
            self._lint.voids_of[version] += version not in found
        if not found:
            self._lint.voids += 1
            self.remark(domain, f"{term} finds nothing")

    async def _found_for(self, domain: str, term: str, name: str, argument: str) -> frozenset[int]:
        """The IP versions of clients for which a term finds something, or may: what the DNS does not tell counts."""
        if name == "exists":
            return ALL if await self._has(domain, [argument], "A") else frozenset()
        hosts = [argument]
        if name == "mx":
            answer = await self._ask(domain, argument, "MX")
            if answer is None:
                return ALL
            hosts = [mx.exchange for mx in answer if isinstance(mx, Mx) and mx.exchange]
            if len(hosts) > MAX_NAMES:
                what = f"{term} has {len(hosts)} hosts, {MAX_NAMES} may be"
                self.mistake(domain, f"{what}: receivers call that permerror")
        found = {4: await self._has(domain, hosts, "A"), 6: await self._has(domain, hosts, "AAAA")}
        return frozenset(version for version, is_there in found.items() if is_there)

    async def _has(self, domain: str, hosts: Sequence[str], kind: RecordType) -> bool:
        for host in hosts[:MAX_NAMES]:
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
