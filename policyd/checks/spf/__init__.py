"""SPF: whether the owner of the sender's domain lets this client send for it (RFC 7208).

Law: settings.py, judgement.py, headers.py and reply.py are pure; check.py, forwarders.py and dmarc.py wait, and only
for the resolver and for the evaluator that lookups/spf is.
"""

from policyd.checks.spf.check import Spf, SpfCounts, build
from policyd.checks.spf.settings import Actions, DomainSettings, Settings

__all__ = ["Actions", "DomainSettings", "Settings", "Spf", "SpfCounts", "build"]
