"""What policyd may tell Postfix: a closed type that cannot be built wrongly.

Law: an `Action` that exists is safe to send. Postfix accepts the mail on an empty action, on digits without
text and on OK; answers 451 on an unknown word, on invalid UTF-8 and on a PREPEND of something that is no
header; shows control characters to the client; sends 100 kB of text in one line (all measured, 3.7.11).
`OK` does not exist here: it would skip Postfix's later restrictions. Text is never empty, because a bare
enhanced status code crashes old Postfix (CVE-2026-43964).
"""

import re
from typing import Final, NamedTuple

MAX_TEXT = 450
"""Characters of reply text: an SMTP reply line has 512 bytes (RFC 5321 4.5.3.1.5), Postfix adds the recipient."""
MAX_HEADER = 900
"""Characters of a prepended header: a line of a message has 998 (RFC 5322 2.1.1), Postfix does not fold."""

DEFERRING: Final = frozenset({"DEFER_IF_PERMIT", "DEFER_IF_REJECT", "DEFER"})
_REPLIES_WITH_TEXT: Final = DEFERRING | {"REJECT"}
_OTHERS: Final = frozenset({"HOLD", "DISCARD", "WARN", "INFO", "BCC", "REDIRECT", "FILTER"})

_DUNNO: Final = b"action=DUNNO\n\n"

_CODE = re.compile(r"[45][0-9]{2}", re.ASCII)
_TEXT = re.compile(r"[!-~](?:[ -~]*[!-~])?", re.ASCII)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*: [!-~](?:[ -~]*[!-~])?", re.ASCII)
STATUS: Final = re.compile(r"([0-9])\.[0-9]{1,3}\.[0-9]{1,3}(?: |$)", re.ASCII)
"""An enhanced status code (RFC 3463 2) in front of a text; the group is its class."""
BARE_STATUS: Final = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", re.ASCII)
"""One with nothing behind it."""
_PRINTABLE = re.compile(r"[^ -~]+")


class Action(NamedTuple("Action", [("verb", str), ("text", str)])):
    """One reply to one request: an access(5) verb or a 4NN/5NN code, and its text.

    Raises ValueError from the constructor for everything that Postfix would misunderstand.
    """

    __slots__ = ()

    def __new__(cls, verb: str, text: str = "") -> "Action":
        """Check the pair against what Postfix was seen to do with it."""
        if complaint := problem(verb, text):
            raise ValueError(f"no action {verb!r} {text!r}: {complaint}")
        return super().__new__(cls, verb, text)

    def __str__(self) -> str:
        """As a person reads it: ``DUNNO``, ``REJECT 5.7.1 no thanks``."""
        return f"{self.verb} {self.text}".rstrip()

    @property
    def reply(self) -> bytes:
        """The bytes of the whole reply: one line and an empty line, LF ends (CRLF hangs Postfix)."""
        # Without a text it is DUNNO, the most frequent of all.
        return f"action={self.verb} {self.text}\n\n".encode("ascii") if self.text else _DUNNO

    def marked(self, mark: str) -> "Action":
        """The same action with `mark`, a few printable characters of ours, at the end of its text."""
        text = self.text
        if len(text) + len(mark) > MAX_TEXT:
            text = text[: MAX_TEXT - len(mark)].rstrip(" ")
        # Unchecked: what was safe is so with a printable end, and every deferral of every mail comes by here.
        return tuple.__new__(Action, (self.verb, text + mark))

    @property
    def defers(self) -> bool:
        """Whether the client is told to try again later."""
        return self.verb in DEFERRING or self.verb[0] == "4"

    @property
    def rejects(self) -> bool:
        """Whether the client is told never to try again."""
        return self.verb == "REJECT" or self.verb[0] == "5"


def problem(verb: str, text: str) -> str:
    """What Postfix would misunderstand in this pair; "" if it is an `Action`."""
    if verb == "DUNNO":
        return "" if not text else "DUNNO has no text"
    if verb == "PREPEND":
        return "" if len(text) <= MAX_HEADER and _HEADER.fullmatch(text) else "not one printable header"
    if verb not in _REPLIES_WITH_TEXT and verb not in _OTHERS and not _CODE.fullmatch(verb):
        return "not a verb that policyd may send"
    if len(text) > MAX_TEXT or not _TEXT.fullmatch(text):
        return f"text must be 1 to {MAX_TEXT} printable ASCII characters without blanks around them"
    return "an enhanced status code needs text behind it" if BARE_STATUS.fullmatch(text) else ""


def clean_text(text: str, limit: int = MAX_TEXT) -> str:
    """`text` as it may stand in a reply: printable ASCII, anything else a ``?``, cut to `limit`, never empty."""
    return _PRINTABLE.sub("?", text).strip(" ")[:limit].rstrip(" ") or "?"


DUNNO: Final = Action("DUNNO")
"""No opinion: Postfix goes on with its next restriction."""
