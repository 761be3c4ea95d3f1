"""Whom a key names, and who answers for them: whether an entry does anything, or far too much.

Law: the list itself is asked, about somebody whom the entry names; nothing here knows the order in which it looks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from policyd.model.address import BITS, Address, network_text, parse_address
from policyd.tables.lists import Client, ListKind, Match, Subject, Table
from policyd.tables.networks import Network, parse_network

PROBES: Final = 8
"""Addresses of a network that are asked about: entries inside it may answer for some, hardly for all."""
NOBODY: Final = "policyd-lint"
"""A user and a host that no list names."""
WIDE: Final = {4: 8, 6: 16}
"""A network with a shorter prefix is no sender's: IANA gives a /8 to a whole region, a /12 of IPv6 too."""

# Neither the first address of each part, nor any other that people like.
_STEP: Final = 0x9E3779B97F4A7C15F39CC0605CEDC835
_MAIL: Final = ("alice@example.org", "q7@b.test", "x-y=z@mail.example.net")
_STRANGERS: Final[Mapping[ListKind, Sequence[Subject]]] = {
    "client": [
        Client(parse_address("198.51.100.7"), "mx.example.org"),
        Client(parse_address("192.0.0.171"), "a7.b.test"),
        Client(parse_address("203.0.113.99"), "203-0-113-99.dyn.example.net"),
    ],
    "helo": ("mx.example.org", "a7.b.test", "[192.0.2.1]"),
    "sender": _MAIL,
    "recipient": _MAIL,
}
"""Who have nothing in common: what names all of them names anybody."""


def too_much(kind: ListKind, key: str, alone: Table) -> str:
    """Why `key`, the only entry of `alone`, names far more than anybody wants to list; "" if it does not."""
    if kind == "client" and (network := _network(key)) and network.prefix < WIDE[network.version]:
        return f"{key} names {_share(network)} IPv{network.version} addresses"
    if key.startswith(("/", "!")):
        return (
            f"{key} names everybody, or nearly so"
            if all(alone.find(stranger, 0) for stranger in _STRANGERS[kind])
            else ""
        )
    domain = key.strip("*.@")
    if kind != "helo" and domain and not key.endswith("@") and not set(domain) & set(".@:<") and not domain.isdecimal():
        return f"{key} names the whole top-level domain {domain}"
    return ""


def probes(kind: ListKind, key: str) -> list[Subject]:
    """Some of those whom `key` names; none if nobody can tell, as for a regular expression."""
    if key.startswith(("/", "!")):
        return []
    if kind == "client":
        return [Client(address, "unknown") for _, address in _addresses(key)] or [
            Client(None, name) for name in _names(key)
        ]
    if kind == "helo":
        return [text for text, _ in _addresses(key)] or [*_names(key)]
    if key == "<>":
        return [""]
    local, at, domain = key.rpartition("@")
    if at:
        return [f"{local or NOBODY}@{domain or f'{NOBODY}.invalid'}"]
    return [f"{NOBODY}@{name}" for name in _names(key)]


def answering(kind: ListKind, key: str, ask: Callable[[Subject], Match | None]) -> list[Match | None]:
    """What `ask` says of those whom `key` names, without what it says twice."""
    return list(dict.fromkeys(ask(subject) for subject in probes(kind, key)))


def blame(kind: ListKind, key: str, answers: Sequence[Match | None], place: str) -> str:
    """Why those whom `key` names get these `answers`; "" if one of them is the entry at `place`, ``FILE:LINE: ``."""
    hiding = [answer for answer in answers if answer is not None]
    if any(str(answer).startswith(place) for answer in hiding):
        return ""
    if not hiding:
        return f"{key} can never match: {_advice(kind, key)}" if answers else ""
    if len(hiding) < len(answers):
        return ""
    first = hiding[0]
    if first.entry == key:
        return twice(key, f"{first.file}:{first.line}")
    return f"{key} never answers: {first} is asked first; remove one of them"


def twice(key: str, place: str) -> str:
    """What is said of a key that stands at `place`, too."""
    return f"{key} stands there already: {place} is asked first; remove one of them"


def _advice(kind: ListKind, key: str) -> str:
    if key.startswith((".", "@")):
        return f"write {key[1:]}, which names its subdomains, too"
    if kind == "client" and "/" in key:
        return "networks with a prefix length belong in a file of the form cidr"
    return "Postfix never asks for such a key; correct it, or remove it"


def _names(key: str) -> list[str]:
    """The name that `key` writes, if it names that, and one below it."""
    return [f"{NOBODY}{key}"] if key.startswith(".") else [key, f"{NOBODY}.{key}"]


def _addresses(key: str) -> Iterator[tuple[str, Address | None]]:
    """Some addresses of the network that `key` writes, one in each part of it, as text and parsed."""
    network = _network(key)
    if network is None:
        return
    longest = BITS[network.version]
    size = 1 << (longest - network.prefix)
    parts = min(PROBES, size)
    for part in range(parts):
        number = network.bits * size + part * (size // parts) + part * _STEP % (size // parts)
        text = network_text(network.version, number, longest).partition("/")[0]
        yield text, parse_address(text)


def _network(key: str) -> Network | None:
    """The network that `key` writes; access(5) cuts IPv6 addresses at a colon."""
    for text in (key, f"{key}::/{16 * (key.count(':') + 1)}") if ":" in key else (key,):
        try:
            return parse_network(text)
        except ValueError:
            continue
    return None


def _share(network: Network) -> str:
    return f"1/{1 << network.prefix} of all" if network.prefix else "all"
