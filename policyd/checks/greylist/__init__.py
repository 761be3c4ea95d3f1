"""Greylisting: a client never seen with this sender and this recipient is asked to come back.

Law: settings.py says what may be configured, suspicion.py who looks suspicious, reply.py what is said: pure. check.py
names the mail and asks the store, which judges and remembers in one step; learning.py tells it what other mail shows.
"""

from policyd.checks.greylist.check import Greylist, build
from policyd.checks.greylist.settings import PROVIDERS, Settings

__all__ = ["PROVIDERS", "Greylist", "Settings", "build"]
