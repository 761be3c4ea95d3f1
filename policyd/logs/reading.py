"""Reading lines of the log again: what lines.py wrote, in either form, with whatever syslog put before it.

Law: a line is text from a file: what is no decision of ours is no error, it is None.
"""

import json
import re
from collections.abc import Mapping
from typing import Final

MAX_LINE: Final = 1 << 16
"""Characters that are looked at; a decision has 2,000 at most."""

_DECISION: Final = re.compile(r"(?:(?P<queue_id>[0-9A-Za-z]{5,20}): )?(?P<fields>action=[a-z_0-9]+, reason=.*)")
# No quote stands inside a quoted value: lines.py writes it as \x22.
_FIELD: Final = re.compile(r'(?:^|, )([a-z_]+)=("[^"]*"|[^,]*)')
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_WAITING: Final = re.compile(r"(?P<reason>.*) \((?P<seconds>[0-9]+)s missing\)")

Fields = dict[str, str]
"""A decision: the fields of the log (docs/log.md), all of them texts; empty ones are missing."""


def read_line(line: str) -> Fields | None:
    """The decision in `line`, None if it holds none."""
    line = line[:MAX_LINE].rstrip("\n")
    start = line.find('{"action": ')
    if start >= 0 and (fields := _of_json(line[start:])) is not None:
        return fields
    match = _DECISION.search(line)
    return None if match is None else _of_postgrey(match)


def _of_json(text: str) -> Fields | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, Mapping) or "reason" not in values:
        return None
    return {str(name): str(value) for name, value in values.items() if value not in ("", None)}


def _of_postgrey(match: re.Match[str]) -> Fields:
    fields = {name: _value(text) for name, text in _FIELD.findall(match["fields"])}
    if waiting := _WAITING.fullmatch(fields.get("reason", "")):
        fields["reason"], fields["delay"] = waiting["reason"], waiting["seconds"]
    if match["queue_id"]:
        fields["queue_id"] = match["queue_id"]
    return fields


def _value(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), text[1:-1])
