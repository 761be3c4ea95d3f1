"""What stands beside a key: the window in front of it and the action behind it.

Law: only an `Action` that is safe to send comes out. `OK` means "let pass our chain" and never Postfix's OK; what
Postfix would do and policyd cannot (its restrictions, HANGUP) is refused with a reason, not left out in silence.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from policyd.model.action import BARE_STATUS, DUNNO, Action, problem
from policyd.tables.windows import Window, parse_window, split_window

DEFAULT_TEXT: Final = "Rejected by local policy"
"""What an entry says that names a refusal and no text: Postfix would say "Access denied"."""

_PASSES: Final = frozenset({"DUNNO", "OK", "RELAY"})
_STATUS: Final = {"REJECT": "5.7.1", "DEFER": "4.7.1", "DEFER_IF_PERMIT": "4.7.1", "DEFER_IF_REJECT": "4.7.1"}
_NOTES: Final = dict.fromkeys(("HOLD", "DISCARD", "WARN", "INFO"), "local policy")
_TARGETS: Final = {
    "REDIRECT": (re.compile(r"[!-~]+@[!-~]+"), "an address, as in REDIRECT user@example.com"),
    "BCC": (re.compile(r"[!-~]+@[!-~]+"), "an address, as in BCC user@example.com"),
    "FILTER": (re.compile(r"[!-~]+:[!-~]*"), "TRANSPORT:DESTINATION, as in FILTER smtp:[127.0.0.1]:10025"),
    "PREPEND": (re.compile(r"[!-9;-~]+: .+"), "one header, as in PREPEND X-Listed: yes"),
}
VERBS: Final = frozenset(_PASSES | _STATUS.keys() | _NOTES.keys() | _TARGETS.keys())
"""The words that begin an action; a code such as 550 does so, too."""

_TABS: Final = str.maketrans("\t\v\f\r", "    ")
_CODE = re.compile(r"[45][0-9][0-9]", re.ASCII)
_RESTRICTION = re.compile(r"(?:permit|reject|check|defer|warn_if_reject|sleep)(?:_[a-z_]+|,.*)?", re.ASCII)
# What most texts look like: it needs no closer look.
_PLAIN = re.compile(
    r"(?:REJECT|DEFER(?:_IF_PERMIT)?|[45][0-9][0-9]) (?:[45]\.[0-9]\.[0-9]{1,2} )?[A-Za-z](?:[ -~]{0,400}[!-~])?",
    re.ASCII,
)


class Right(NamedTuple):
    """The action and the window of an entry; None where it has none."""

    action: Action | None
    window: Window | None


# Most lines of a list say the same. Bounded, because the others need not.
@lru_cache(maxsize=4096)
def parse_right(text: str) -> Right:
    """The right of ``[WINDOW] ACTION TEXT``, each part of which may be missing. Raises ValueError for people."""
    bracket, rest = split_window(text)
    return Right(parse_action(rest) if rest else None, parse_window(bracket) if bracket else None)


def check_right(text: str) -> None:
    """Raise the ValueError that `parse_right` would raise, and remember nothing."""
    if not _PLAIN.fullmatch(text):
        parse_right(text)


def parse_action(text: str) -> Action:
    """The action in the right-hand side of an access(5) table. Raises ValueError for people."""
    word, *more = text.split(None, 1)
    # A line that continues in Postfix's tables mostly begins with a tab.
    verb, rest = word.upper(), more[0].rstrip().translate(_TABS) if more else ""
    if text.isascii() and text.strip().isdigit():  # which Postfix takes for an OK
        return DUNNO
    refused = _RESTRICTION.fullmatch(word.lower())
    if verb not in VERBS and not _CODE.fullmatch(word):
        raise ValueError(_no_action(word, is_restriction=bool(refused)))
    return make_action(verb, rest)


def make_action(verb: str, text: str) -> Action:
    """The action of these two; a refusal without a text gets one. Raises ValueError for people."""
    if verb in _PASSES:
        return DUNNO
    if verb in _TARGETS and not _TARGETS[verb][0].fullmatch(text):
        raise ValueError(f"{short(text)} behind {verb} will not do: write {_TARGETS[verb][1]}")
    text = _worded(verb, text)
    if complaint := problem(verb, text):
        raise ValueError(f"{short(text)} behind {verb} cannot be sent: {complaint}")
    return Action(verb, text)


def short(text: str) -> str:
    """`text` as a sentence for people may quote it."""
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _worded(verb: str, text: str) -> str:
    if verb in _NOTES:
        return text or _NOTES[verb]
    if text and not BARE_STATUS.fullmatch(text):
        return text
    status = _STATUS.get(verb, "4.7.1" if verb.startswith("4") else "5.7.1")
    return f"{text or status} {DEFAULT_TEXT}"


def _no_action(word: str, *, is_restriction: bool) -> str:
    if word.startswith("["):
        return f"{short(word)} stands behind the key: write the window in front of it"
    if is_restriction:
        return (
            f"{short(word)} is a restriction, which only Postfix itself can evaluate: put it into main.cf, "
            "or write an action such as REJECT or DUNNO"
        )
    return (
        f"{short(word)} is no action: write DUNNO, REJECT TEXT, DEFER TEXT, 550 TEXT, HOLD, DISCARD, WARN, INFO, "
        "PREPEND, REDIRECT, BCC or FILTER"
    )
