"""DNS lists: block lists and allow lists of addresses and domains, that can hurt nobody by their own fault.

Law: settings.py says what may be configured, zones.py compiles it; names.py what is asked; answers.py and judgement.py
what an answer is worth; health.py, points.py and surge.py whether a list can be believed. All of these are pure; only
check.py, asking.py and prober.py wait, and only for the resolver.
"""

from policyd.checks.rbl.check import Rbl, build
from policyd.checks.rbl.examination import Said, examine
from policyd.checks.rbl.sayings import MEANINGS
from policyd.checks.rbl.settings import Settings
from policyd.checks.rbl.watch import ZoneStatus
from policyd.checks.rbl.zones import ZoneSettings

__all__ = ["MEANINGS", "Rbl", "Said", "Settings", "ZoneSettings", "ZoneStatus", "build", "examine"]
