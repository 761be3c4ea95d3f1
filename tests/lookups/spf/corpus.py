"""The SPF test suites that come with pyspf: 203 cases of RFC 7208, 191 of RFC 4408, 16 of its own.

They are read out of pyspf's source package, which `./dev test` fetches and checks (SUITES in dev); they are not in the
repository, because they are not ours.
"""

import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml

ARCHIVE: Final = Path(__file__).parents[3] / ".dev" / "pyspf-2.0.14.tar.gz"
SHA256: Final = "57a7ef01bda090173aafb6af0106251686ed73f03db4e911fcd34c57fc347186"
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in Python takes half a second
SUITES: Final = {"rfc7208-tests": 203, "rfc4408-tests": 191, "test": 16}
"""The cases of each."""


OTHER_MODES: Final = {"default-modifier": ("neutral",), "default-modifier-harsh": ("neutral",)}
"""Two cases ask pyspf's lax and harsh modes what default= means. RFC 7208 6 does not know it, and so ignores it."""


class Case(NamedTuple):
    """A question and what may be answered."""

    id: str
    helo: str
    host: str
    mailfrom: str
    results: tuple[str, ...]
    explanation: str | None
    """None: anything; ``DEFAULT``: none of the domain's owner."""


@dataclass
class Zone:
    """What the DNS of a scenario says. `records` holds (type, value), a TXT as the list of its strings."""

    records: dict[str, list[tuple[str, Any]]] = field(default_factory=dict)
    silent: set[tuple[str, str]] = field(default_factory=set)
    """(name, type) without an answer; the type ``*`` stands for every one that has no record."""

    def look_up(self, name: str, kind: str) -> list[tuple[str, Any]] | None:
        """The records, the CNAMEs on the way to them first; None: no answer at all."""
        found: list[tuple[str, Any]] = []
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            here = self.records.get(name, [])
            if data := [record for record in here if record[0] == kind]:
                return found + [(name, record) for record in data]
            if (name, kind) in self.silent or (name, "*") in self.silent:
                return None
            aliases = [value for type_, value in here if type_ == "CNAME"]
            if not aliases:
                return found
            found.append((name, ("CNAME", aliases[0])))
            name = aliases[0].lower().removesuffix(".")
        return found

    def has(self, name: str) -> bool:
        """Whether there is such a name, perhaps only as the end of longer ones."""
        return any(known == name or known.endswith(f".{name}") for known in self.records)


class Scenario(NamedTuple):
    """Cases over one zone."""

    name: str
    cases: tuple[Case, ...]
    zone: Zone


def is_here() -> bool:
    return ARCHIVE.exists()


def needs_corpus() -> None:
    """Leave the test out where the archive is not; where nothing may be left out, fail."""
    if not is_here():
        reason = f"{ARCHIVE.name} is not here; ./dev test fetches it"
        pytest.fail(reason) if os.environ.get("CI", "") not in ("", "0", "false") else pytest.skip(reason)


@cache
def scenarios(suite: str) -> Sequence[Scenario]:
    """The scenarios of one of SUITES; none where the archive is not."""
    if not is_here():
        return ()
    packed = ARCHIVE.read_bytes()
    assert sha256(packed).hexdigest() == SHA256
    with tarfile.open(ARCHIVE) as archive:
        member = archive.extractfile(f"pyspf-2.0.14/test/{suite}.yml")
        assert member is not None
        documents = list(yaml.load_all(member.read(), LOADER))
    return [_scenario(document) for document in documents if document]


def _scenario(document: dict[str, Any]) -> Scenario:
    cases = tuple(_case(name, fields) for name, fields in document["tests"].items())
    return Scenario(document.get("description", "pyspf"), cases, _zone(document.get("zonedata") or {}))


def _case(name: str, fields: dict[str, Any]) -> Case:
    result = fields["result"]
    results = tuple(result) if isinstance(result, list) else (result,)
    if fields.get("strict", 1) != 1 and name in OTHER_MODES:
        results = OTHER_MODES[name]
    return Case(
        name, fields.get("helo") or "", fields["host"], fields.get("mailfrom") or "", results, fields.get("explanation")
    )


def _zone(data: dict[str, list[Any]]) -> Zone:
    zone = Zone()
    for name, entries in data.items():
        key = name.lower().removesuffix(".")
        records = zone.records.setdefault(key, [])
        has_txt = any(isinstance(entry, dict) and "TXT" in entry for entry in entries)
        for kind, value in _entries(entries):
            if value == "TIMEOUT":
                zone.silent.add((key, kind))
                continue
            if kind == "SPF" and not has_txt:
                records.append(("TXT", _strings(value)))
            if kind == "TXT" and value != "NONE":
                records.append(("TXT", _strings(value)))
            if kind == "MX":
                records.append(("MX", (int(value[0]), value[1])))
            if kind in ("A", "AAAA", "PTR", "CNAME"):
                records.append((kind, value))
    return zone


def _entries(entries: list[Any]) -> Iterator[tuple[str, Any]]:
    for entry in entries:
        if entry == "TIMEOUT":
            yield "*", "TIMEOUT"
        else:
            yield from entry.items()


def _strings(value: Any) -> list[bytes]:
    values = value if isinstance(value, list) else [value]
    return [text.encode("latin-1") for text in values]
