"""`policyd why`: what was done to the mail of somebody, and for what reason.

Law: the daemon's last decisions, or files of its log; nothing is judged anew (that is `policyd explain`).
"""

import json
from argparse import ArgumentParser
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from policyd.cli import DEGRADED, GOOD, complain
from policyd.cli._control import add_options, ask
from policyd.cli._decisions import Seen, decisions
from policyd.cli._numbers import count

MOST: Final = 1_000_000
"""Decisions that are held while the log is read: some hundred MB."""
_PERSONS: Final = ("sender", "recipient")


def main(arguments: list[str]) -> int:
    """Print the decisions, the newest first; the exit status is 0, 1 (there is none) or 3 (not running)."""
    parser = ArgumentParser(
        "policyd why",
        usage="policyd why WHAT [OPTIONS]",
        description="Say what was done to the mail of an address, domain, client name, IP address or network, or to "
        "the one with this queue id or decision id: the last decisions of the running daemon, or files of its log.",
    )
    parser.add_argument("what", metavar="WHAT", help="such as alice@example.org, 192.0.2.0/24 or 1F2E3D4C")
    add_options(parser)
    parser.add_argument("--log", metavar="FILE", action="append", help="look into this file (.gz too, - is stdin)")
    parser.add_argument("--limit", metavar="N", type=count(MOST), default=20, help="default: %(default)s")
    options = parser.parse_args(arguments)
    if not options.what:
        parser.error("WHAT is empty; name an address, a domain, a network or an id")
    answer = None if options.log else ask(options, "find", words=[needle(options.what)])
    forms = frozenset() if answer is None else frozenset(answer["forms"])
    is_meant = matcher(options.what, forms)
    meant = (seen for seen in decisions(options, answer) if is_meant(seen.fields))
    found = list(reversed(deque(meant, maxlen=options.limit)))
    print_all(found, as_json=options.json)
    if not found:
        complain(f"policyd why: {_nothing(options.what, answer)}")
    return GOOD if found else DEGRADED


def print_all(found: Iterable[Seen], *, as_json: bool) -> None:
    """The decisions, as one JSON object or a line each."""
    if as_json:
        print(json.dumps({"decisions": [seen.as_json() for seen in found]}))
    else:
        print("".join(f"{seen.row()}\n" for seen in found), end="")


def needle(what: str) -> str:
    """A text that stands in the line of every decision about `what`."""
    network = _network(what)
    if network is None:
        return what
    if network.version == 6:
        return f"{network.network_address.compressed.split(':')[0]}:" if network.prefixlen >= 16 else ":"
    whole = str(network.network_address).split(".")[: network.prefixlen // 8]
    return "".join(f"{part}." for part in whole) or "."


def matcher(what: str, forms: frozenset[str]) -> Callable[[Mapping[str, str]], bool]:
    """Whether a decision is about `what`; `forms` are other words for it in the log (its hash, with privacy)."""
    network = _network(what)
    if network is not None:
        return lambda fields: _is_in(fields.get("client_address", ""), network)
    words = {what.lower(), *(form.lower() for form in forms)}
    names = ("id", "queue_id", "client_address", "client_name", *_PERSONS)

    def is_about(fields: Mapping[str, str]) -> bool:
        if any(fields.get(name, "").lower() in words for name in names):
            return True
        return "@" not in what and any(_is_below(fields.get(name, ""), what) for name in (*_PERSONS, "client_name"))

    return is_about


def _is_below(value: str, domain: str) -> bool:
    """Whether an address or a host's name is of this domain or below it."""
    name = value.rpartition("@")[2].lower()
    return name == domain.lower() or name.endswith("." + domain.lower().lstrip("."))


def _network(what: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(what, strict=False) if "/" in what else None
    except ValueError:
        return None


def _is_in(address: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        return ip_address(address) in network
    except ValueError:
        return False


def _nothing(what: str, answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return f"nothing about {what!r} in these files"
    if not answer["kept"]:
        return "the daemon keeps no decisions: [log] level is warning"
    since = f"since {datetime.fromtimestamp(answer['oldest']):%Y-%m-%d %H:%M:%S}" if answer["oldest"] else "yet"
    return f"no decision about {what!r} {since}; for older ones name a file of the log with --log"
