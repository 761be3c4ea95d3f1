"""THE JUDGES: one file a check, with its settings, its rule and a thin `evaluate`; and their registry.

Law: a check knows no clock, no socket, no log. A new check is one file here, one line in REGISTRY, one page in docs/.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from policyd.checks import blacklist, greylist, rbl, spf, whitelist
from policyd.checks.tools import Tools
from policyd.model.verdict import Check


class Kind(NamedTuple):
    """A kind of check: the dataclass of its options, and how to build one from them."""

    settings: type
    build: Callable[[Any, Tools], Check]


REGISTRY: Final[Mapping[str, Kind]] = {
    "whitelist": Kind(whitelist.Settings, whitelist.build),
    "blacklist": Kind(blacklist.Settings, blacklist.build),
    "rbl": Kind(rbl.Settings, rbl.build),
    "spf": Kind(spf.Settings, spf.build),
    "greylist": Kind(greylist.Settings, greylist.build),
}
