"""The forms `cidr`, `regexp` and `pcre`: Postfix's tables of rules (cidr_table(5), regexp_table(5), pcre_table(5)).

Law: the first rule of the file that matches answers; ``!`` negates, ``if`` and ``endif`` guard. What Postfix warns of
and leaves out is a mistake.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

from policyd.model.address import BITS, Address
from policyd.tables.access import is_window
from policyd.tables.dialects import Dialect, translate
from policyd.tables.match import Match
from policyd.tables.networks import Network, parse_network
from policyd.tables.patterns import MAX_TEXT, Budget, Found, Regex
from policyd.tables.rights import check_right, parse_right, short
from policyd.tables.rows import BLANKS, MAX_LINE
from policyd.tables.templates import Template, parse_template
from policyd.tables.windows import split_window

_T = TypeVar("_T")
_IF: Final = re.compile(r"if(?![a-z0-9])", re.IGNORECASE | re.ASCII)
# The delimiter may be any sign; a backslash takes the next one with it.
_REGEX: Final = re.compile(r"([^A-Za-z0-9\s\\])((?>(?:\\.|(?!\1)[^\\])*))\1(\w*)(?!\S)", re.ASCII | re.DOTALL)
_ENDIF: Final = re.compile(r"endif(?![a-z0-9])", re.IGNORECASE | re.ASCII)


class Condition(NamedTuple, Generic[_T]):
    """What a rule asks of an address or a text."""

    text: str
    """As it is written, in its plainest spelling."""
    test: Callable[[_T], Any]
    """None: it cannot be said of this subject, whether negated or not. Else what is found, or False."""
    negated: bool
    regex: Regex | None = None
    """What finds, of a regular expression; an action may quote its groups."""

    def holds(self, subject: _T) -> Any:
        """What `test` found; True for a negated condition that holds."""
        found = self.test(subject)
        return (found is False) if self.negated else found


class Rule(NamedTuple, Generic[_T]):
    """One line of a table of rules."""

    line: int
    guards: tuple[Condition[_T], ...]
    condition: Condition[_T]
    right: str
    """What `parse_right` reads."""
    template: Template | None
    """Where the action quotes what was found."""

    def match(self, file: str, subject: _T, now: int) -> Match | None:
        """The answer of this rule."""
        found = self.condition.holds(subject)
        if not found or not all(guard.holds(subject) for guard in self.guards):
            return None
        action, window = parse_right(self.right)
        if window is not None and not window.is_active(now):
            return None
        if self.template is not None:
            action = self.template.fill(found)
        return Match(file, self.line, self.condition.text, action, window)


class Reader(Generic[_T]):
    """Reads rules one by one; `guards` are the conditions whose ``endif`` has not come yet."""

    def __init__(self, split: Callable[[str], tuple[Condition[_T], str]]) -> None:
        self.guards: tuple[Condition[_T], ...] = ()
        self._begun: list[int] = []
        self._budget = Budget()
        self._split = split

    def read(self, line: int, row: str) -> Rule[_T] | None:
        """The rule in a logical line, None if that is ``if`` or ``endif``. Raises ValueError for people."""
        if len(row) > MAX_LINE:
            raise ValueError(f"has {len(row)} characters: write at most {MAX_LINE}")
        if row[0] in BLANKS:
            raise ValueError(
                f"{short(row.strip(BLANKS))} begins with a blank, but continues no line: move it to the left"
            )
        window, row = split_window(row) if is_window(row) else ("", row)
        if word := _ENDIF.match(row):
            self._close(row[word.end() :].strip(BLANKS))
        elif word := _IF.match(row):
            self._open(line, row[word.end() :].strip(BLANKS))
        else:
            return self._rule(line, window, row)
        return None

    def unclosed(self) -> list[int]:
        """The lines of each ``if`` without an ``endif``."""
        return self._begun

    def _condition(self, text: str) -> tuple[Condition[_T], str]:
        condition, rest = self._split(text)
        if condition.regex is not None:
            self._budget.spend(condition.regex)
        return condition, rest

    def _open(self, line: int, text: str) -> None:
        guard: Condition[_T] = Condition("", lambda subject: None, negated=False)
        try:
            guard, rest = self._condition(text)
            if rest:
                raise ValueError(f"{short(rest)} stands behind the condition of an if: write it into a line of its own")
        finally:
            # What stands behind an if that nobody understands is for nobody.
            self.guards += (guard,)
            self._begun.append(line)

    def _close(self, rest: str) -> None:
        if rest:
            raise ValueError(f"{short(rest)} stands behind endif: write it into a line of its own")
        if not self.guards:
            raise ValueError("endif ends no if: remove it, or write the if")
        self.guards = self.guards[:-1]
        self._begun.pop()

    def _rule(self, line: int, window: str, row: str) -> Rule[_T]:
        condition, action = self._condition(row)
        if not action:
            raise ValueError(f"{short(row)} has no action behind it: write one, such as REJECT, OK or DUNNO")
        template = None
        if condition.regex is not None:
            action, template = parse_template(action, condition.regex.groups, negated=condition.negated)
        right = f"{window} {action}" if window else action
        check_right(right)
        return Rule(line, self.guards, condition, right, template)


def split_network(row: str) -> tuple[Condition[Address], str]:
    """``[!] ADDRESS[/PREFIX]`` and what stands behind it. Raises ValueError for people."""
    negated, rest = _negation(row)
    written, *action = rest.split(None, 1) or [""]
    network = _strict_network(written)
    shift = BITS[network.version] - network.prefix

    def test(address: Address) -> bool | None:
        return address.number >> shift == network.bits if address.version == network.version else None

    return Condition(f"{'!' * negated}{network.plain}", test, negated), action[0].strip(BLANKS) if action else ""


def split_regex(dialect: Dialect, row: str) -> tuple[Condition[str], str]:
    """``[!] /REGEX/FLAGS`` and what stands behind it. Raises ValueError for people."""
    negated, rest = _negation(row)
    found = _REGEX.match(rest)
    if found is None:
        raise ValueError(f"{short(rest)} is no /regex/: write it between slashes, and the action behind a blank")
    try:
        regex = translate(dialect, found[2], found[3])
    except ValueError as error:
        raise ValueError(f"{short(found[0])} {error}") from None

    def test(text: str) -> Found | bool | None:
        return (regex.search(text) or False) if len(text) <= MAX_TEXT else None

    return Condition(f"{'!' * negated}{found[0]}", test, negated, regex), rest[found.end() :].strip(BLANKS)


def _negation(row: str) -> tuple[bool, str]:
    rest = row.lstrip("!" + BLANKS)
    return row[: len(row) - len(rest)].count("!") % 2 == 1, rest


def _strict_network(text: str) -> Network:
    """A network with all its octets: a cidr table knows no short ones."""
    bare = re.sub(r"^\[([^\[\]]*)\]", r"\1", text)
    if ":" not in bare and bare.partition("/")[0].count(".") != 3:
        raise ValueError(f"{short(text)} is no network: write ADDRESS/PREFIX, as in 192.0.2.0/24 or 2001:db8::/32")
    return parse_network(bare)
