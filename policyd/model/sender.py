"""The sender of a triplet: one name for all the envelope senders that one correspondent uses.

Law: pure, total, deterministic and idempotent. Mail that differs only in a tag made for this one message must not
look like a new sender, or it is delayed every time.
"""

import re
from functools import lru_cache

_NUMBER = re.compile(r"\b[0-9]+\b", re.ASCII)


@lru_cache(maxsize=16384)
def normalise_sender(sender: str) -> str:
    """The name under which mail from `sender` is remembered."""
    local, at, domain = sender.lower().rpartition("@")
    if not at:
        return domain
    return f"{_NUMBER.sub('#', local.partition('+')[0])}@{domain}"
