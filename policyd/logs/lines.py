"""The text of a log line.

Law: no byte of a request reaches a line unescaped, so nothing can be forged in a log or sent to a terminal
(promise 8). The line is postgrey's, field by field, because scripts read it: `action=..., reason=..., delay=...,
client_name=..., client_address=..., sender=..., recipient=...`; what we add stands behind.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from policyd.model.action import Action
from policyd.model.request import PolicyRequest

MAX_VALUE: Final = 256
"""Characters of one value in a line: enough for any real address (RFC 5321 4.5.3.1.3), and no more."""

_PLAIN = re.compile(r"[A-Za-z0-9._%+@:/<>=~-]*")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
# Messages of ours may hold quotes and any language, but control nobody's terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Line(NamedTuple):
    """What is said of one decision."""

    request: PolicyRequest
    action: Action
    check: str
    reason: str
    delay: int
    id: str


Format = Callable[[Line], str]


def escape(value: str) -> str:
    r"""`value` as it may stand in a log line: as it is if plain, else quoted with every odd character escaped.

    Quotes and backslashes, controls, C1, invalid UTF-8, separators, direction marks, anything not ASCII become
    ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN`` (an invalid byte is the one it was).
    """
    if len(value) > MAX_VALUE:
        value = value[:MAX_VALUE] + "..."
    return value if _PLAIN.fullmatch(value) else f'"{_UNSAFE.sub(_escaped, value)}"'


def escape_controls(text: str) -> str:
    """`text`, a message of ours, without anything that moves a terminal's cursor or turns its text around."""
    return _CONTROLS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # an invalid byte, kept by surrogateescape
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def action_word(action: Action, check: str) -> str:
    """The word (postgrey's, where it has one) for what was done: pass or greylist; else defer, reject or the verb."""
    if action.verb in ("DUNNO", "PREPEND"):
        return "pass"
    if action.defers:
        return "greylist" if check == "greylist" else "defer"
    return "reject" if action.rejects else action.verb.lower()


def postgrey_line(line: Line) -> str:
    """The line in postgrey's form: fields in its order, empty ones left out."""
    request = line.request
    queue_id = request.attributes.get("queue_id")
    head = f"{escape(queue_id)}: " if queue_id else ""
    address = request.client_address.text if request.client_address else request.attributes.get("client_address", "")
    reason = f"{line.reason} ({line.delay}s missing)" if line.reason == "early-retry" else line.reason
    delay = f", delay={line.delay}" if line.reason == "triplet found" and line.delay else ""
    return (
        f"{head}action={action_word(line.action, line.check)}, reason={reason}{delay}"
        f"{_field('client_name', request.client_name)}{_field('client_address', address)}"
        f"{_field('sender', request.sender)}{_field('recipient', request.recipient)}, id={line.id}"
    )


def _field(name: str, value: str) -> str:
    return f", {name}={escape(value)}" if value else ""


def json_line(line: Line) -> str:
    """The same fields as one JSON object, ASCII only."""
    request = line.request
    return json.dumps(
        {
            "action": action_word(line.action, line.check),
            "reason": line.reason,
            "delay": line.delay,
            "check": line.check,
            "verb": line.action.verb,
            "client_name": request.client_name[:MAX_VALUE],
            "client_address": request.attributes.get("client_address", "")[:MAX_VALUE],
            "sender": request.sender[:MAX_VALUE],
            "recipient": request.recipient[:MAX_VALUE],
            "queue_id": request.attributes.get("queue_id", "")[:MAX_VALUE],
            "instance": request.instance[:MAX_VALUE],
            "id": line.id,
        }
    )


def private(line_format: Format, key: bytes) -> Format:
    """`line_format` with every name and address replaced by a keyed hash.

    The same address gives the same word as long as the key lives, and no table gives it back (postgrey's --privacy
    is a plain SHA-1, which for IPv4 is reversed in seconds).
    """

    def hidden(line: Line) -> str:
        request = line.request
        names = {name: _hidden(request.attributes.get(name, ""), key) for name in _PERSONAL}
        return line_format(
            line._replace(
                request=request._replace(
                    client_address=None,
                    client_name=names["client_name"],
                    sender=names["sender"],
                    recipient=names["recipient"],
                    attributes={**request.attributes, **names},
                )
            )
        )

    return hidden


_PERSONAL: Final = ("client_address", "client_name", "sender", "recipient")


def _hidden(value: str, key: bytes) -> str:
    if not value:
        return value
    return hashlib.blake2b(value.lower().encode("utf-8", "surrogateescape"), digest_size=8, key=key).hexdigest()
