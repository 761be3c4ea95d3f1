"""A list of SMTP clients: host names, addresses and patterns of names.

Law: only the *verified* name counts, never what the client's own DNS or HELO claims; Postfix says ``unknown`` when it
could not verify one, and that is no name. Names are asked before addresses, patterns last (they cost most).
"""

from collections.abc import Sequence

from policyd.model.address import Address
from policyd.tables.syntax import parse_client
from policyd.tables.table import Match, Source, Table


class ClientList:
    """The clients named in `sources`. `mistakes` has a ``FILE:LINE: ...`` sentence for each line left out."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._table = Table(sources, parse_client)
        self.mistakes = self._table.mistakes

    def __len__(self) -> int:
        return len(self._table)

    def match(self, address: Address | None, client_name: str) -> Match | None:
        """The entry that names this client, None if there is none."""
        table = self._table
        named = client_name != "unknown" and client_name != ""
        if named and (match := table.find_domain(client_name.lower())):
            return match
        if address is not None and (match := table.find_address(address)):
            return match
        return table.find_pattern(client_name) if named else None
