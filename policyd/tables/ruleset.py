"""A whole table of rules, compiled: which rule answers first.

Law: networks are for clients and HELO names; IPv4 networks outside of any guard, as most are, are found at once,
however many there are. Regular expressions are for all: of a client the name is asked before the address, each as a
whole, as smtpd does. A text over `MAX_TEXT` characters matches none, negated or not.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, Literal

from policyd.model.address import Address, parse_address
from policyd.tables.builder import Builder
from policyd.tables.entries import Entries
from policyd.tables.match import Client, ListKind, Match
from policyd.tables.mistakes import Mistakes
from policyd.tables.networks import parse_network
from policyd.tables.orders import NULL_SENDER
from policyd.tables.rows import logical_rows
from policyd.tables.rules import Condition, Reader, Rule, split_network, split_regex

RuleForm = Literal["cidr", "regexp", "pcre"]

_PLAIN: Final = re.compile(r"([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+(?:/[0-9]+)?)[ \t]+([!-~](?:[ -~]*[!-~])?)")


class Ruleset:
    """The rules of a file in their order. Networks that stand alone are in `entries`."""

    def __init__(self, form: RuleForm, entries: Entries, rules: list[Rule[Any]], file: str) -> None:
        self._form = form
        self._entries = entries
        self._rules = rules
        self._file = file

    def __len__(self) -> int:
        return len(self._entries) + len(self._rules)

    def dissolve(self, pause: Callable[[], None]) -> None:
        """Give the memory back piece by piece."""
        self._entries.dissolve(pause)
        while self._rules:
            del self._rules[-1000:]
            pause()

    def order(self, kind: ListKind) -> Callable[[Any, int], Match | None]:
        """(subject, now) -> the answer."""
        if self._form == "cidr":
            return self._find_client_address if kind == "client" else self._find_helo_address
        return self._find_client if kind == "client" else self._find_text

    def _find_client(self, client: Client, now: int) -> Match | None:
        address, name = client
        match = self._first(name, now) if name else None
        return match or (None if address is None else self._first(address.text, now))

    def _find_text(self, text: str, now: int) -> Match | None:
        return self._first(text or NULL_SENDER, now)

    def _find_helo_address(self, helo: str, now: int) -> Match | None:
        return self._find_address(parse_address(helo), now)

    def _find_client_address(self, client: Client, now: int) -> Match | None:
        return self._find_address(client[0], now)

    def _find_address(self, address: Address | None, now: int) -> Match | None:
        if address is None:
            return None
        network = self._entries.find_first_network(address, now)
        rule = self._first(address, now)
        return min(filter(None, (network, rule)), key=lambda match: match.line, default=None)

    def _first(self, subject: Address | str, now: int) -> Match | None:
        guards: tuple[Condition[Any], ...] = ()
        is_open = True
        for rule in self._rules:
            if rule.guards is not guards:  # another block: that is why people write if
                guards = rule.guards
                is_open = all(guard.holds(subject) for guard in guards)
            if is_open and (match := rule.match(self._file, subject, now)):
                return match
        return None


def compile_rules(
    kind: ListKind, form: RuleForm, builder: Builder, text: str, mistakes: Mistakes, pause: Callable[[], None]
) -> Ruleset:
    """The rules in `text`."""
    take = partial(_take_plain, builder) if form == "cidr" else None
    rules = list(parse_rules(kind, form, text, mistakes, pause, take))
    return Ruleset(form, builder.built(), rules, builder.file)


def parse_rules(
    kind: ListKind,
    form: RuleForm,
    text: str,
    mistakes: Mistakes,
    pause: Callable[[], None],
    take: Callable[[int, str], bool] | None = None,
) -> Iterator[Rule[Any]]:
    """The good rules of `text`. Those outside of any guard are offered to `take` first."""
    if form == "cidr" and kind in ("sender", "recipient"):
        mistakes.add(1, f"a {kind} is no address of a host: name this file where clients are listed")
        return
    reader: Reader[Any] = Reader(split_network if form == "cidr" else partial(split_regex, form))
    for number, row in logical_rows(text, pause):
        try:
            if take is not None and not reader.guards and take(number, row):
                continue
            rule = reader.read(number, row)
        except ValueError as error:
            mistakes.add(number, error)
            continue
        if rule is not None:
            yield rule
    for number in reader.unclosed():
        mistakes.add(number, "this if has no endif: write it where the guarded lines end")


def _take_plain(builder: Builder, number: int, row: str) -> bool:
    """Whether the row was an IPv4 network with an action, and is taken."""
    plain = _PLAIN.fullmatch(row)
    if plain is None:
        return False
    builder.add_network(*parse_network(plain[1]), number, plain[2])
    return True
