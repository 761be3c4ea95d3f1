"""What a list is asked, and what it answers.

Law: plain values. An answer names the line it rests on, because an administrator asks which one it was.
"""

from typing import Literal, NamedTuple

from policyd.model.action import Action
from policyd.model.address import Address
from policyd.tables.windows import Window

ListKind = Literal["client", "helo", "sender", "recipient"]


class Client(NamedTuple):
    """Whom a list of clients is asked about."""

    address: Address | None
    name: str
    """The verified host name; Postfix says ``unknown`` when it could not verify one."""


Subject = Client | str
"""A `Client`; of the other kinds a name or an address as Postfix shows it. The sender "" is the null sender."""


class Match(NamedTuple):
    """The line that answers."""

    file: str
    line: int
    entry: str
    """The key in its plainest spelling."""
    action: Action | None
    """None: the line is a bare entry. DUNNO: it exempts its key, as OK does in Postfix's files."""
    window: Window | None
    """None: always."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.entry}"
