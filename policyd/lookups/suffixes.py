"""The Public Suffix List: below which names people register their domains.

Law: the only room that knows publicsuffixlist, whose data come with it: nothing is ever downloaded. It is the extra
`psl`; without it the cautious rule of the model stands in.
"""

from functools import lru_cache
from typing import Final

from policyd.model.identity import RegisteredDomain, cautious_registered_domain

REMEMBERED: Final = 8192
"""Names whose domain is remembered: they are the attacker's choice. Finding it anew takes 2 us."""


@lru_cache(maxsize=1)  # the list never changes while the daemon runs
def registered_domains() -> tuple[RegisteredDomain, bool]:
    """Who finds the registered domain of a name, and whether the real list stands behind it."""
    try:
        from publicsuffixlist import PublicSuffixList
    except ImportError:
        return cautious_registered_domain, False
    suffixes = PublicSuffixList()  # private suffixes too: below `hosting.ovh.net` every name is another customer's

    @lru_cache(maxsize=REMEMBERED)
    def registered_domain(name: str) -> str:
        return suffixes.privatesuffix(name) or ""

    return registered_domain, True
