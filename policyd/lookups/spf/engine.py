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
from policyd.lookups.spf.macros import MacroError, expand_domain, expand_text
from policyd.lookups.spf.subject import MAX_LOCAL, Subject
from policyd.lookups.spf.terms import Mechanism, check_record, everybody, lets_all_pass, read_record
from policyd.model.address import BITS, parse_address
from policyd.model.dns import Answer, DnsUnavailable, Mx
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfLimits

MAX_NAMES: Final = 10
"""Hosts of one mx, names of one ptr (RFC 7208 4.6.4)."""
MAX_EXPLANATION: Final = 300
"""Characters of an explanation, before and after macros: it must fit into the line of a reply."""
WIDE: Final = {4: 1 << 24, 6: 1 << 112}
"""Addresses of a /8, and of an IPv6 /16: no network of one owner is larger."""

_VISIBLE: Final = re.compile(r"[ -~]*", re.ASCII)
_PREFIX: Final = re.compile(r"SPF (?:Permanent|Temporary) Error: ", re.ASCII)


class Evaluation(spf.query):  # type: ignore[misc] # pyspf has no types
    """One round. `missing` says what must be known before the next; if it is empty, the round was the last."""

    def __init__(self, subject: Subject, knowledge: Knowledge, limits: SpfLimits, receiver: str, now: int) -> None:
        local = subject.local[:MAX_LOCAL]
        super().__init__(subject.client.text, f"{local}@{subject.domain}", subject.helo[:MAX_LOCAL], receiver=receiver)
        self.l, self.o, self.d = local, subject.domain, subject.domain  # pyspf splits at the first @
        self.t = str(now)
        self._client = subject.client
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
        self.uses_sender = False
        """Whether the result depends on the local part."""

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
        known = self._knowledge.records.get(domain)
        if known is None:
            record = super().dns_spf(domain)
            if record is None:
                return None
            known = self._knowledge.records[domain] = check_record(record, domain)
        return known

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

    def cidrmatch(self, ipaddrs: Sequence[str], n: int) -> bool:
        """Whether the client is in a network of `n` bits around one of the addresses."""
        version, shift = self._client.version, BITS[self._client.version] - n
        bits = self._client.number >> shift
        for text in ipaddrs:
            address = parse_address(text)
            if address is not None and address.version == version and address.number >> shift == bits:
                return True
        return False

    def check_lookups(self) -> None:
        """Count one term that costs a look-up."""
        frame = self._frames[-1]
        if frame.redirects:  # the call of a redirect= that is only read; such a call comes before all others
            frame.redirects = False
        else:
            self._count_term()

    def expand_domain(self, arg: str) -> str:
        """The domain of a term."""
        try:
            return expand_domain(arg, self._value)
        except MacroError as error:
            raise spf.PermError(str(error), arg) from None

    def get_explanation(self, spec: str) -> None:
        """Only note where an explanation is: it is wanted of few mails, and asked for after the result is known."""
        frame = self._frames[-1]
        if frame.is_main:
            self.explained = (spec, frame.domain)

    def validate_mechanism(self, mech: str) -> Mechanism:
        """The parts of a term. Raises PermError."""
        key = (self.d, mech)
        parts = self._knowledge.parsed.get(key)
        if parts is None:
            parts = everybody(mech, self.cidrmax) or Mechanism(*super().validate_mechanism(mech))
            if "%" not in mech:  # macros must be expanded each time: `_value` notes what they use
                self._knowledge.parsed[key] = parts
        if parts.name in ("a", "mx") and parts.result == "pass":
            self._authorised += 1 << BITS[self._client.version] - parts.prefix
        return parts

    def set_ip(self, i: str) -> None:
        """Take the client's address; without pyspf's object for it, which costs more than all of its uses."""
        self.iplist = False
        address = parse_address(i)
        assert address is not None  # noqa: S101 - it was one when the subject was made
        self.c, self.cidrmax = address.text, BITS[address.version]
        if address.version == 4:
            self.A, self.v, self.i = "A", "in-addr", address.text
        else:
            self.A, self.v, self.i = "AAAA", "ip6", ".".join(f"{address.number:032X}")

    def check1(self, spf: str | None, domain: str, recursion: int) -> Any:
        """Evaluate the record of `domain`: the first, one that is included, or the one that takes its place.

        What was included and evaluated to its end in an earlier round is not evaluated again.
        """
        if not recursion:
            return self._check_record(spf, domain, "redirect" if self._frames else "record")
        before = (domain, len(self._frames), self.lookups, self.void_lookups)
        if (done := self._knowledge.included.get(before)) is not None:
            self._restore(done)
            return done.outcome
        first = len(self.steps)
        outcome = self._check_record(spf, domain, "include")
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
        try:
            return super().check1(record, domain, 0)
        finally:
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

    def check0(self, spf: str | None, recursion: int) -> Any:
        """Evaluate a record, always as if it were the first, so that pyspf names the term that matched."""
        frame = self._frames[-1]
        self.mechanism, record = None, None
        if spf:
            terms = read_record(spf)
            frame.redirects, record = terms.redirects, terms.seen_by(self._client)
            self._authorised += terms.authorised[self._client.version]
        outcome = super().check0(record, 0)
        frame.result, frame.mechanism = outcome[0], self.mechanism or ("default" if spf else "")
        if frame.result == "pass" and lets_all_pass(frame.mechanism):
            self.is_wide = True
        return outcome

    # --- our own ---

    def _value(self, letter: str) -> str:
        if letter in "sl":
            self.uses_sender = True
        return str(self.getp() if letter == "p" else getattr(self, letter))

    def _want(self, questions: Sequence[Question], also: Sequence[Question] = ()) -> None:
        """End the round unless all of `questions` are answered; `also` may then be asked with them."""
        if self.missing:  # it has ended already, and something swallowed the Miss
            raise Miss
        if missing := self._knowledge.missing(questions):
            self.missing = missing + [each for each in self._knowledge.missing(also, spare=2) if each not in missing]
            raise Miss
        if self._knowledge.is_full and any(self._knowledge.get(question) is None for question in questions):
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
