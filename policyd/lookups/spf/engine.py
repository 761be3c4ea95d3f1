"""pyspf without its I/O: one round of an evaluation over what is known of the DNS.

Law: nothing in here waits, and no record makes it work long: records and terms have sizes, macros and addresses are
read by linear code of ours (stock pyspf burns 25 s of CPU on one record of 60 kB, measured). Where pyspf and RFC 7208
differ the RFC is obeyed, and its paragraph stands there. No limit of pyspf's module is touched: those are globals.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

import spf

from policyd.lookups.spf.foresight import questions_of
from policyd.lookups.spf.frames import Frame, Included
from policyd.lookups.spf.knowledge import Knowledge, Miss, Question, question_of
from policyd.lookups.spf.macros import MacroError, expand_text
from policyd.lookups.spf.networks import Network
from policyd.lookups.spf.plain import Plain, Term, result_of
from policyd.lookups.spf.query import Query
from policyd.lookups.spf.subject import Subject
from policyd.lookups.spf.terms import WIDE, Mechanism, Record, leaf_of, lets_all_pass, read_record, record_of
from policyd.model.address import BITS
from policyd.model.dns import Answer, DnsUnavailable, Mx
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfLimits

MAX_NAMES: Final = 10
"""Hosts of one mx, names of one ptr (RFC 7208 4.6.4)."""
MAX_EXPLANATION: Final = 300
"""Characters of an explanation, before and after macros: it must fit into the line of a reply."""

_VISIBLE: Final = re.compile(r"[ -~]*", re.ASCII)
_PREFIX: Final = re.compile(r"SPF (?:Permanent|Temporary) Error: ", re.ASCII)


class Evaluation(Query):
    """One round. `missing` says what must be known before the next; if it is empty, the round was the last."""

    def __init__(self, subject: Subject, knowledge: Knowledge, limits: SpfLimits, receiver: str, now: int) -> None:
        super().__init__(subject, receiver, now)
        self._knowledge = knowledge
        self._limits = limits
        self._is_void = True  # what is asked before the first term is no term's
        self._frames: list[Frame] = []
        self._authorised = 0
        self.steps: list[Frame] = []
        self.missing: list[Question] = []
        self.explained: tuple[str, str] | None = None
        """The name that holds the owner's explanation, and the domain it speaks for."""
        self.is_wide = False

    def judge(self) -> tuple[SpfResult, str]:
        """The result, and what is wrong with it. Raises Miss."""
        result, _, text = self.check()
        problem = _PREFIX.sub("", str(text)) if result in ("permerror", "temperror") else ""
        self.is_wide = self.is_wide or self._authorised > WIDE[self._client.version]
        return cast(SpfResult, result), problem

    def explanation(self, name: str, domain: str) -> str:
        """The owner's words that lie at `name`; "" if they may not be repeated (RFC 7208 6.2). Raises Miss."""
        self.d = domain
        try:
            texts = self.dns_txt(name, ignore_void=True)
            if len(texts) != 1 or len(texts[0]) > MAX_EXPLANATION:
                return ""
            text = expand_text(texts[0].decode("ascii"), self._value)
        except (spf.TempError, spf.PermError, MacroError, UnicodeDecodeError):
            return ""
        return text if _VISIBLE.fullmatch(text) and len(text) <= MAX_EXPLANATION else ""

    # --- what pyspf calls ---

    def dns(self, name: str, qtype: str, cnames: object = None, ignore_void: bool = False) -> list[Any]:  # noqa: FBT001, FBT002
        """The records of `name`; none if there are none. Counts what RFC 7208 4.6.4 counts."""
        question = question_of(name, qtype)
        if question is None:
            return []  # no such name can be, so nothing is asked and nothing is void (RFC 8616 4)
        if self.missing or (answer := self._knowledge.get(question)) is None:
            self._want([question], self._next_questions())
        if isinstance(answer, DnsUnavailable) and answer.reason == "bad name":
            return []
        if not isinstance(answer, Answer):
            raise spf.TempError(f"{answer} for {qtype} of {question[0]}")
        if not answer.records and not ignore_void:
            self._note_void()
        return list(answer.records)

    def dns_txt(self, domainname: str, rr: str = "TXT", ignore_void: bool = False) -> list[bytes]:  # noqa: FBT001, FBT002
        """The texts of a name."""
        return self.dns(domainname, "TXT", ignore_void=ignore_void)

    def dns_spf(self, domain: str) -> str | None:
        """The record of a domain, of which there may be one (RFC 7208 4.5), of a sensible size."""
        return record_of(self.dns(domain, "TXT"), domain)

    def dns_mx(self, domainname: str) -> list[str]:
        """The addresses of a domain's mail exchangers, of which there may be ten. All are asked for at once."""
        exchangers: list[Mx] = sorted(self.dns(domainname, "MX"))
        if len(exchangers) > MAX_NAMES:
            raise spf.PermError(f"More than {MAX_NAMES} MX records of {domainname}")
        names = [mx.exchange for mx in exchangers]
        self._want([question for name in names if (question := question_of(name, self.A))])
        return [address for name in names for address in self.dns(name, self.A)]

    def validated_ptrs(self) -> list[str]:
        """The names of the client that lead back to it. RFC 7208 5.5: an error is no match, or skips that name."""
        try:
            names = self.dns_ptr(self.i)[:MAX_NAMES]
        except spf.TempError:
            return []
        self._want([question for name in names if (question := question_of(name, self.A))])
        return [name for name in names if self._leads_back(name)]

    def check_lookups(self) -> None:
        """Count one term that costs a look-up."""
        frame = self._frames[-1]
        if frame.redirects:  # the call of a redirect= that is only read; such a call comes before all others
            frame.redirects = False
        else:
            self._count_term()

    def get_explanation(self, spec: str) -> None:
        """Only note where an explanation is: it is wanted of few mails, and asked for after the result is known."""
        frame = self._frames[-1]
        if frame.is_main:
            self.explained = (spec, frame.domain)

    def validate_mechanism(self, mech: str) -> Mechanism:
        """The parts of a term. Raises PermError."""
        key = (self.d, mech)
        parts: Mechanism | None = self._knowledge.parsed.get(key)
        if parts is None:
            parts = self.read_mechanism(mech)
            if "%" not in mech:  # macros must be expanded each time: `_value` notes what they use
                self._knowledge.parsed[key] = parts
        if parts.name in ("a", "mx") and parts.result == "pass":
            self._authorised += 1 << BITS[self._client.version] - parts.prefix
        return parts

    def check1(self, record: str | None, domain: str, recursion: int) -> Any:
        """Evaluate the record of `domain`: the first, one that is included, or the one that takes its place.

        What was included and evaluated to its end in an earlier round is not evaluated again.
        """
        if not recursion:
            return self._check_record(record, domain, "redirect" if self._frames else "record")
        if record is None and question_of(domain, "TXT") is None:
            # RFC 7208 4.8 allows an error or no match; a forger must not choose the error by his HELO name, for %{h}.
            return "neutral", 250, ""
        if domain.lower() == self._frames[-1].domain.lower():
            raise spf.PermError(f"{self._frames[-1].domain} includes itself")
        before = (domain, len(self._frames), self.lookups, self.void_lookups)
        if (done := self._knowledge.included.get(before)) is not None:
            self._restore(done)
            return done.outcome
        first = len(self.steps)
        outcome = self._check_record(record, domain, "include")
        self._knowledge.included[before] = self._state(outcome, first)
        return outcome

    def _check_record(self, record: str | None, domain: str, how: Literal["record", "include", "redirect"]) -> Any:
        outer = self._frames[-1] if self._frames else None
        if how == "redirect":
            self._count_term()
        is_main = outer is None or (outer.is_main and how == "redirect")
        if is_main:
            self.explained = None  # RFC 7208 6.2: the exp= of the record in charge
        frame = Frame(len(self._frames), how, domain, record or "", is_main)
        self._frames.append(frame)
        self.steps.append(frame)
        before, self.d = self.d, domain
        try:
            return self._judge_record(record, frame)
        finally:
            self.d = before
            self._frames.pop()

    def _state(self, outcome: Any, first: int) -> Included:
        counts = (self.lookups, self.void_lookups, self._authorised)
        flags = (self._is_void, self.is_wide, self.uses_sender)
        return Included(outcome, tuple(self.steps[first:]), counts, flags, self.p)

    def _restore(self, done: Included) -> None:
        self.steps += done.steps
        self.lookups, self.void_lookups, self._authorised = done.counts
        self._is_void, self.is_wide, self.uses_sender = done.flags
        self.p = done.p

    def _judge_record(self, record: str | None, frame: Frame) -> Any:
        self.mechanism = None
        outcome = self._check_terms(read_record(record)) if record else ("none", 250, "")
        frame.result, frame.mechanism = outcome[0], self.mechanism or ("default" if record else "")
        if frame.result == "pass" and lets_all_pass(frame.mechanism):
            self.is_wide = True
        return outcome

    # --- our own ---

    def _check_terms(self, record: Record) -> Any:
        self._authorise(record)
        if record.plain is not None and record.plain.suits(self.d):
            return self._check_plain(record.plain)
        self._frames[-1].redirects = record.redirects
        # Always as if it were the first, so that pyspf names the term that matched.
        return self.check0(record.seen_by(self._client), 0)

    def _authorise(self, record: Record) -> None:
        self._authorised += record.authorised[self._client.version]
        if record.is_wide:
            self.is_wide = True

    def _check_plain(self, plain: Plain) -> Any:
        """What pyspf would find in a plain record, in the same order."""
        client = self._client
        self._authorised += plain.authorised[client.version]
        for term in plain.terms[client.version]:
            if term.holds(client) if isinstance(term, Network) else self._matches(term):
                self.mechanism = term.term
                return result_of(term), 250, ""
        if not plain.redirect:
            self.mechanism = None
            return "neutral", 250, ""
        record = self.dns_spf(plain.redirect)
        if not record:
            raise spf.PermError("redirect domain has no SPF record", plain.redirect)
        return self.check1(record, plain.redirect, 0)

    def _matches(self, term: Term) -> bool:
        if term.kind == "all":
            return True
        self._count_term()
        if term.kind == "include":
            return self._includes(term)
        name = term.name or self.d
        addresses = self.dns(name, self.A) if term.kind == "a" else self.dns_mx(name)
        return self.cidrmatch(addresses, term.prefixes[self._client.version])

    def _includes(self, term: Term) -> bool:
        texts = self.dns(term.name, "TXT")
        if (leaf := leaf_of(texts)) is not None:
            record, read = leaf
            return self._passes_leaf(read, Frame(len(self._frames), "include", term.name, record, is_main=False))
        result = self.check1(record_of(texts, term.name), term.name, 1)[0]
        if result == "none":
            raise spf.PermError(f"No valid SPF record for included domain: {term.name}", term.term)
        return bool(result == "pass")

    def _passes_leaf(self, leaf: Record, frame: Frame) -> bool:
        """Whether an included record that asks for nothing lets pass: as `check1` finds it, in a third of the time."""
        self.steps.append(frame)
        self._authorise(leaf)
        found = leaf.plain.match(self._client) if leaf.plain is not None else None
        if found is None:
            frame.result, frame.mechanism = "neutral", "default"
            return False
        frame.result, frame.mechanism = result_of(found), found.term
        return frame.result == "pass"

    def _want(self, questions: Sequence[Question], also: Sequence[Question] = ()) -> None:
        """End the round unless all of `questions` are answered; `also` may then be asked with them."""
        if self.missing:  # it has ended already, and something swallowed the Miss
            raise Miss
        if missing := self._knowledge.missing(questions):
            self.missing = missing + self._knowledge.beside(also, missing)
            raise Miss
        if any(self._knowledge.get(question) is None for question in questions):  # and no more may be asked
            raise spf.PermError(f"More than {self._limits.queries} questions to the DNS")

    def _next_questions(self) -> list[Question]:
        """What the record at hand will ask for, if none of its terms matches before: asked together it is one wait."""
        if not self._frames or not (record := self._frames[-1].record):
            return []
        return questions_of(read_record(record), self.d, self.A, self._limits)

    def _leads_back(self, name: str) -> bool:
        try:
            return self.cidrmatch(self.dns(name, self.A), self.cidrmax)
        except spf.TempError:
            return False

    def _count_term(self) -> None:
        self._is_void = False
        self.lookups += 1
        if self.lookups > self._limits.terms:
            raise spf.PermError(f"More than {self._limits.terms} terms that need the DNS")

    def _note_void(self) -> None:
        """RFC 7208 4.6.4 counts terms, not questions: ten hosts of an mx without IPv6 are one void term."""
        if self._is_void:
            return
        self._is_void = True
        self.void_lookups += 1
        if self.void_lookups > self._limits.voids:
            raise spf.PermError(f"More than {self._limits.voids} terms that find nothing")
