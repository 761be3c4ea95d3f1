"""pyspf's query about one subject, without what its own costs: macros, addresses and its beginning.

Law: pure, and linear in what a record or a client wrote. What is set here is all that pyspf's code reads, as far as it
is used.
"""

from collections.abc import Sequence

import spf

from policyd.lookups.spf.macros import MacroError, expand_domain
from policyd.lookups.spf.plain import RESULTS
from policyd.lookups.spf.subject import MAX_LOCAL, Subject
from policyd.lookups.spf.terms import Mechanism
from policyd.model.address import BITS, Address, parse_address


class Query(spf.query):  # type: ignore[misc] # pyspf has no types
    """What pyspf calls a query."""

    strict, verbose, libspf_local, iplist = True, False, None, False
    exps = defexps = spf.EXPLANATIONS

    def __init__(self, subject: Subject, receiver: str, now: int) -> None:
        # pyspf's own would split at the first @
        self.l, self.o, self.d = subject.local[:MAX_LOCAL], subject.domain, subject.domain
        self.s, self.h, self.r, self.t = f"{self.l}@{self.o}", subject.helo[:MAX_LOCAL], receiver, str(now)
        self.lookups = self.void_lookups = 0
        self.p: str | None = None
        self.mechanism: str | None = None
        self._client = subject.client
        self.uses_sender = False
        """Whether the result depends on the local part."""
        self._take_address(subject.client)

    def cidrmatch(self, ipaddrs: Sequence[str], n: int) -> bool:
        """Whether the client is in a network of `n` bits around one of the addresses."""
        version, shift = self._client.version, BITS[self._client.version] - n
        bits = self._client.number >> shift
        for text in ipaddrs:
            address = parse_address(text)
            if address is not None and address.version == version and address.number >> shift == bits:
                return True
        return False

    def read_mechanism(self, mech: str) -> Mechanism:
        """The parts of a term. Raises PermError."""
        try:
            return Mechanism(*super().validate_mechanism(mech))
        except spf.PermError as error:
            if error.msg != "include has trivial recursion":
                raise
            # RFC 7208 4.6: no error of syntax, so none for whom a term before it matches.
            return Mechanism(mech, "include", self.d, self.cidrmax, RESULTS.get(mech[0], "pass"))

    def expand_domain(self, arg: str) -> str:
        """The domain of a term."""
        try:
            return expand_domain(arg, self._value)
        except MacroError as error:
            raise spf.PermError(str(error), arg) from None

    def _value(self, letter: str) -> str:
        if letter in "sl":
            self.uses_sender = True
        return str(self.getp() if letter == "p" else getattr(self, letter))

    def _take_address(self, address: Address) -> None:
        """Take the client's; without pyspf's object for it, which costs more than all of its uses."""
        self.c, self.cidrmax = address.text, BITS[address.version]
        if address.version == 4:
            self.A, self.v, self.i = "A", "in-addr", address.text
        else:
            self.A, self.v, self.i = "AAAA", "ip6", ".".join(f"{address.number:032X}")
