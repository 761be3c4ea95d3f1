"""Whether Postfix sees its clients at all, or one gateway in place of all of them.

Law: behind NAT or in a container every client may come from one private address. No list can say anything of it, and
greylisting takes all clients for one; so it is said once, clearly, and nobody is judged. Bounded: a handful of names.
"""

from typing import Final

from policyd.model.action import clean_text

REQUESTS: Final = 50
NAMES: Final = 10
"""HELO names, to tell a gateway from the one application server that really sends everything."""


PRIVATE: Final = (
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
    "::1", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""Networks of which the Internet knows nothing (RFC 1918, 3927, 4193, 6598)."""


class Wiring:
    """Watches clients whose addresses are not looked up, for `check`; `so` says what cannot be done."""

    __slots__ = ("_address", "_check", "_names", "_requests", "_said", "_so")

    def __init__(self, check: str, so: str) -> None:
        self._check = check
        self._so = so
        self._address = ""
        self._names: set[int] = set()
        self._requests = 0
        self._said = False

    @property
    def mistake(self) -> str:
        """What is wrong and what to do, "" if nothing is."""
        if not self.is_mistaken:
            return ""
        return (
            f"every client comes from {clean_text(self._address)}: Postfix sees a gateway in place of its clients (NAT "
            f"or container), so {self._so}; let it see real addresses (host network, or the PROXY protocol)"
        )

    @property
    def is_mistaken(self) -> bool:
        """Whether all that was seen lately came from one private address, under many names."""
        return self._requests >= REQUESTS and len(self._names) >= NAMES

    def see_public(self) -> None:
        """A client with an address of its own came: the wiring is right."""
        if self._requests:
            self._forget("")
        self._said = False

    def see_private(self, address: str, helo_name: str) -> str:
        """A client came that is not looked up; the sentence for the log, "" if there is nothing new to say."""
        if address != self._address:
            self._forget(address)
        self._requests += 1
        if len(self._names) < NAMES:
            self._names.add(hash(helo_name))
        if self._said or not self.is_mistaken:
            return ""
        self._said = True
        return f"{self._check}: {self.mistake}"

    def _forget(self, address: str) -> None:
        self._address, self._requests = address, 0
        self._names.clear()
