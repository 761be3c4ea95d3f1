"""The text of a log line.

Law: no byte of a request reaches a line unescaped, so nothing can be forged in a log or sent to a terminal
(promise 8). The line is postgrey's, field by field, because scripts read it: `action=..., reason=..., delay=...,
client_name=..., client_address=..., sender=..., recipient=...`; what we add stands behind.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from policyd.model.action import DUNNO, Action
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision, Reason

MAX_VALUE: Final = 256
"""Characters of one value in a line: enough for any real address (RFC 5321 4.5.3.1.3), and no more."""

_PLAIN = re.compile(r"[A-Za-z0-9._%+@:/<>=~-]*")
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
# Messages of ours may hold quotes and any language, but control nobody's terminal.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# What stands behind the place in ``FILE:LINE: ENTRY``.
_ENTRY = re.compile(r"(:[0-9]+): .*", re.DOTALL)

Answered = Sequence[tuple[PolicyRequest, Decision]]
Format = Callable[[PolicyRequest, Decision], str]
Formatter = Callable[[Answered], Sequence[str]]
"""Makes the lines of all that was answered together."""
_ODD: Final = '"'
"""Stands for values that need a closer look."""


def escape(value: str) -> str:
    r"""`value` as it may stand in a log line: as it is if plain, else quoted with every odd character escaped.

    Quotes and backslashes, controls, C1, invalid UTF-8, separators, direction marks, anything not ASCII become
    ``\xNN``, ``\uNNNN`` or ``\UNNNNNNNN`` (an invalid byte is the one it was).
    """
    value = _cut(value)
    return value if _PLAIN.fullmatch(value) else f'"{_UNSAFE.sub(_escaped, value)}"'


def unquoted(values: Sequence[str]) -> Sequence[str]:
    """Each of `values` escaped as above where nothing but its own end ends it: no quotes around it."""
    together = "".join(values)  # one look at all of them, as in postgrey_lines()
    if len(together) <= MAX_VALUE and not _UNSAFE.search(together):
        return values
    return [_UNSAFE.sub(_escaped, _cut(value)) for value in values]


def one_by_one(form: Format) -> Formatter:
    """`form` for each of those that were answered together."""
    return lambda answered: [form(request, decision) for request, decision in answered]


def _cut(value: str) -> str:
    return value if len(value) <= MAX_VALUE else value[:MAX_VALUE] + "..."


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


def postgrey_lines(answered: Answered) -> list[str]:
    """What postgrey_line() says of each of `answered`, nearly always in a third of its time.

    Nearly every line is plain and complete: one look at all of them together, not one at each value.
    """
    lines, looked_at = [], []
    for request, decision in answered:
        action, check, reason, delay, decision_id, _, match, would, policy, rests_on = decision
        _, name, _, _, sender, recipient, queue_id, _, _, _, known, _ = request
        if known is None or not (name and sender and recipient) or match or policy or rests_on or would:
            lines.append("")
            looked_at.append(_ODD)
            continue
        word = "pass" if action is DUNNO else action_word(action, check)
        why = _why(reason, delay) if delay or reason == "early-retry" else reason
        head = f"{queue_id}: " if queue_id else ""
        lines.append(
            f"{head}action={word}, reason={why}, client_name={name}, client_address={known.text}, sender={sender}, "
            f"recipient={recipient}, id={decision_id}"
        )
        looked_at.append(f"{name}{sender}{recipient}{queue_id}")
    if _PLAIN.fullmatch("".join(looked_at)) and max(map(len, looked_at), default=0) <= MAX_VALUE:
        return lines
    return [
        line if _PLAIN.fullmatch(values) and len(values) <= MAX_VALUE else postgrey_line(*each)
        for line, values, each in zip(lines, looked_at, answered, strict=True)
    ]


def postgrey_line(request: PolicyRequest, decision: Decision) -> str:
    """The line in postgrey's form: fields in its order, empty ones left out, each escaped by itself."""
    action, check, reason, delay, decision_id, _, match, would, policy, rests_on = decision
    head = f"{escape(request.queue_id)}: " if request.queue_id else ""
    done = f"action={action_word(action, check)}, reason={_why(reason, delay)}"
    line = f", match={escape(match)}" if match else ""
    if policy:
        line += f", policy={escape(policy)}"
    if rests_on:
        line += f", why={escape(rests_on)}"
    if would is not None:
        line += f", would={escape(str(would.action)[:MAX_VALUE])}, would_by={would.check}"
    return f"{head}{done}{_who(request)}{line}, id={decision_id}"


def _why(reason: Reason, delay: int) -> str:
    """The reason, and what postgrey adds to two of them."""
    if reason == "early-retry":
        return f"{reason} ({delay}s missing)"
    return f"{reason}, delay={delay}" if reason == "triplet found" and delay else reason


def _who(request: PolicyRequest) -> str:
    name, address, sender, recipient = request.client_name, _address(request), request.sender, request.recipient
    return "".join(
        f", {field}={escape(value)}"
        for field, value in zip(_PERSONAL, (name, address, sender, recipient), strict=True)
        if value
    )


def _address(request: PolicyRequest) -> str:
    """The client's address, or whatever Postfix said in its place."""
    known = request.client_address
    return known.text if known is not None else request.attributes.get("client_address", "")


NAMES: Final = (
    "action", "reason", "delay", "check", "verb", "client_name", "client_address", "sender", "recipient", "queue_id",
    "instance", "match", "policy", "why", "would", "would_by", "id",
)  # fmt: skip
"""Of all that is told of a decision, in the order of values()."""


def values(request: PolicyRequest, decision: Decision) -> tuple[str | int, ...]:
    """Everything that is told of a decision, as it came and whole; only the delay is a number."""
    action, check, reason, delay, decision_id, _, match, would, policy, rests_on = decision
    return (
        action_word(action, check), reason, delay, check, action.verb,
        request.client_name, _address(request), request.sender, request.recipient,
        request.queue_id, request.instance, match, policy, rests_on,
        str(would.action)[:MAX_VALUE] if would else "", would.check if would else "", decision_id,
    )  # fmt: skip


def json_line(request: PolicyRequest, decision: Decision) -> str:
    """The same fields as one JSON object, ASCII only."""
    cut = [value[:MAX_VALUE] if isinstance(value, str) else value for value in values(request, decision)]
    return json.dumps(dict(zip(NAMES, cut, strict=True)))


_PERSONAL: Final = ("client_name", "client_address", "sender", "recipient")


def private(line_format: Format, key: bytes) -> Format:
    """`line_format` with every name and address replaced by a keyed hash, and of a line of a list only its place.

    The same address gives the same word as long as the key lives, and no table gives it back (postgrey's --privacy
    is a plain SHA-1, which for IPv4 is reversed in seconds).
    """

    def stranger(request: PolicyRequest, decision: Decision) -> str:
        names = {name: hidden(request.attributes.get(name, ""), key) for name in _PERSONAL}
        anonymous = request._replace(
            client_address=None,
            client_name=names["client_name"],
            sender=names["sender"],
            recipient=names["recipient"],
            attributes=names,
        )
        would = decision.would and decision.would._replace(action=_wordless(decision.would.action))
        return line_format(anonymous, decision._replace(match=_ENTRY.sub(r"\1", decision.match), would=would))

    return stranger


def _wordless(action: Action) -> Action:
    """Only the verb of `action`: its text may name the client. Not to be sent, so it need not be an action."""
    return tuple.__new__(Action, (action.verb, ""))


def hidden(value: str, key: bytes) -> str:
    """The word that stands for `value` under `key`, in capitals or not; nothing for nothing."""
    if not value:
        return value
    return hashlib.blake2b(value.lower().encode("utf-8", "surrogateescape"), digest_size=8, key=key).hexdigest()
