"""A list of recipients: domains, users, addresses and patterns of addresses.

Law: the most specific spelling answers, in the order of Postfix's access(5): address, domain and its parents, user;
patterns last. ``user`` also means ``user+extension`` (recipient_delimiter = +), as in postgrey.
"""

from collections.abc import Sequence

from policyd.tables.syntax import parse_recipient
from policyd.tables.table import Match, Source, Table


class RecipientList:
    """The recipients named in `sources`. `mistakes` has a ``FILE:LINE: ...`` sentence for each line left out."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._table = Table(sources, parse_recipient)
        self.mistakes = self._table.mistakes

    def __len__(self) -> int:
        return len(self._table)

    def match(self, recipient: str) -> Match | None:
        """The entry that names this recipient, None if there is none."""
        find = self._table.find_key
        local, at, domain = recipient.lower().rpartition("@")
        if not at:  # RCPT TO:<postmaster>, which RFC 5321 4.5.1 allows
            local, domain = domain, ""
        user = local.partition("+")[0]
        return (
            find(f"{local}@{domain}")
            or find(f"{user}@{domain}")
            or find(f"@{domain}")
            or self._table.find_domain(domain)
            or find(f"{local}@")
            or find(f"{user}@")
            or self._table.find_pattern(recipient)
        )
