"""One request: its lines become a PolicyRequest.

Law: never raises; what is no attribute is ignored, of a repeated attribute the last one counts. Bytes are decoded
after they were split off the stream; invalid UTF-8 is kept as surrogate escapes, because Postfix passes it with
smtputf8_enable=no (measured).
"""

import re
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Final

from policyd.model.address import parse_address
from policyd.model.mailbox import as_delivered
from policyd.model.request import PolicyRequest

# What Postfix sends, in its order, which has only ever grown: 3.2's attributes (Debian 11 to 13 send at least these),
# then those of 3.12 and 3.8 which may be missing. A star marks what a PolicyRequest holds.
_ORDER: Final = """
request protocol_state* protocol_name client_address* client_name* client_port reverse_client_name* server_address
server_port helo_name* sender* recipient* recipient_count queue_id* instance* size etrn_domain stress sasl_method
sasl_username* sasl_sender ccert_subject ccert_issuer ccert_fingerprint ccert_pubkey_fingerprint encryption_protocol
encryption_cipher encryption_keysize tls_sni? policy_context* compatibility_level? mail_version?
"""
_NAMES: Final = PolicyRequest._fields[:-2]


def _line(word: str) -> str:
    """The pattern of one attribute's line: with a star its value is a group, with a question mark it may be missing."""
    name = word.rstrip("*?")
    if word.endswith("*"):
        return rf"{name}=(.*+)\n"
    return rf"(?:{name}=.*+\n)?" if word.endswith("?") else rf"{name}=.*+\n"


_POSTFIX: Final = re.compile("".join(map(_line, _ORDER.split())))
# A dot is all but "\n" and three times as fast as [^\r\n]; a text with a "\r" is split the slow way. A plus behind a
# star gives nothing back, as there is nothing to give: a quarter off the time.
# With the empty line: no value holds a line's end, so what matches as a whole is one whole request and nothing else.
_ONE_REQUEST: Final = re.compile(_POSTFIX.pattern + r"\n")

_HELD: Final = [word.rstrip("*") for word in _ORDER.split() if word.endswith("*")]
_SENDER, _RECIPIENT = _HELD.index("sender"), _HELD.index("recipient")
_ADDRESS: Final = _HELD.index("client_address")
"""Its place among the groups; the others are those of `_NAMES`, which stand in the order of Postfix."""


class Attributes(Mapping[str, str]):
    """Every attribute of a request, split when somebody asks: hardly any request is looked at twice."""

    __slots__ = ("_parsed", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._parsed: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._parsed is None:
            self._parsed = _split(self._text)
        return self._parsed

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


def _split(text: str) -> dict[str, str]:
    lines = text.split("\n")
    if "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    try:
        return dict(map(str.split, lines, repeat("="), repeat(1)))
    except ValueError:  # a line without "="
        return dict(line.split("=", 1) for line in lines if "=" in line)


def parse_one(data: bytes) -> PolicyRequest | None:
    """The request in `data` if that is exactly one, empty line included, as Postfix writes it; else None."""
    text = data.decode("utf-8", "surrogateescape")
    match = None if "\r" in text else _ONE_REQUEST.fullmatch(text)
    return None if match is None else _request(match, text)


def parse_request(raw: bytes) -> PolicyRequest:
    """The request in `raw`: its lines, with or without the last line's end. Never raises."""
    text = raw.decode("utf-8", "surrogateescape")
    match = None if "\r" in text else _POSTFIX.fullmatch(text)
    return _parse_any(text) if match is None else _request(match, text)


def _request(match: re.Match[str], text: str) -> PolicyRequest:
    values = match.groups()
    if "@" not in values[_SENDER] or "@" not in values[_RECIPIENT]:  # the null sender, and what Postfix rewrites
        values = tuple(
            as_delivered(value) if number in (_SENDER, _RECIPIENT) else value for number, value in enumerate(values)
        )
    # What PolicyRequest(...) does, without a Python frame: this runs for every recipient of every mail.
    return tuple.__new__(
        PolicyRequest,
        values[:_ADDRESS] + values[_ADDRESS + 1 :] + (parse_address(values[_ADDRESS]), Attributes(text)),
    )


def _parse_any(text: str) -> PolicyRequest:
    attributes = Attributes(text)
    fields = [
        as_delivered(attributes.get(name, "")) if name in ("sender", "recipient") else attributes.get(name, "")
        for name in _NAMES
    ]
    return PolicyRequest._make([*fields, parse_address(attributes.get("client_address", "")), attributes])
