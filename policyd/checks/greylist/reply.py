"""What greylisting says: the deferral, the refusal of who mailed a spam trap, the header of what passes.

Law: pure but for the local time zone of the header's date. No value can bring in another placeholder.
"""

import re
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from policyd.model.action import STATUS, Action, clean_text

TEXT_LIMIT: Final = 400
"""Characters of deferral text; the chain puts a decision id behind it."""
TEXT_WORD: Final = re.compile("%[sr]")
HEADER_WORD: Final = re.compile("%[tvhd]")
TRAP_REFUSAL: Final = Action("550", "5.7.1 Rejected by local policy, this network has mailed a spam trap")


def fill(words: re.Pattern[str], template: str, values: dict[str, str]) -> str:
    """`template` with every placeholder replaced in one pass."""
    return words.sub(lambda word: values[word[0]], template)


def worded(text: str) -> str:
    """`text` with an enhanced status code (RFC 3463) in front; postgrey's 4.2.0 unless the administrator chose one."""
    return text if STATUS.match(text) else f"4.2.0 {text}"


def deferral(verb: str, text: str, seconds: int, recipient: str) -> Action:
    """What a client is told that must come back in `seconds`."""
    values = {"%s": str(seconds), "%r": clean_text(recipient.rpartition("@")[2])}
    return Action(verb, clean_text(fill(TEXT_WORD, worded(text), values), TEXT_LIMIT))


def header(template: str, seconds: int, version: str, hostname: str, now: int) -> Action:
    """The header of a mail that passes for the first time."""
    values = {"%t": str(seconds), "%v": version, "%h": hostname, "%d": date(now)}
    return Action("PREPEND", fill(HEADER_WORD, template, values))


@lru_cache(maxsize=8)
def date(now: int) -> str:
    """The second `now` in local time as RFC 5322 3.3 writes it."""
    return format_datetime(datetime.fromtimestamp(now).astimezone())
