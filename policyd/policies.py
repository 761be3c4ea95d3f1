"""Which checks are asked about whose mail, and when: ``[[policy]]`` sections, and the hours of single checks.

Law: pure; a plan is never changed. What a recipient asked for counts before what holds for his domain, and that before
what holds for all; of sections under the same key the first one counts whose time it is and whose senders fit. A
policy does not change a check: it has a check of its own, or shares the one of everybody.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

from policyd.checks import REGISTRY
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Check
from policyd.tables import syntax
from policyd.tables.windows import Window

NULL_SENDER: Final = "<>"
ALWAYS: Final = Window()
EVERYBODY: Final = ""
"""The key of a policy without recipients."""

Lineup = tuple[Check | None, ...]
"""The checks of a chain, stage by stage; None where nobody is asked."""
Obstacle = Literal["", "time", "sender"]
"""Why a policy does not count, "" if it does."""


class Policy(NamedTuple):
    """One ``[[policy]]`` section. Its `name` says where it stands, too."""

    name: str
    recipients: tuple[str, ...] = ()
    """Keys as `parse_key` gives them; none: everybody."""
    senders: frozenset[str] = frozenset()
    window: Window = ALWAYS
    checks: frozenset[str] = frozenset()
    """Names of the checks that are asked."""
    delay: int | None = None
    """Seconds of greylisting; None: those of ``[greylist]``."""
    when: str | None = None
    """Whom greylisting asks to come back, ``always`` or ``suspicious``; None: whom ``[greylist]`` does."""

    @property
    def is_unconditional(self) -> bool:
        """Whether it counts for every sender at any time."""
        return not self.senders and self.window == ALWAYS


class Candidate(NamedTuple):
    """A policy that names the recipient under `key`."""

    number: int
    """Its place among the policies, from 0."""
    key: str
    obstacle: Obstacle


def parse_key(text: str) -> str:
    """The key in ``user@example.com``, ``@example.com``, ``example.com``, ``.example.com``, ``user@`` or ``<>``.

    Spelled as in lists of senders. Raises ValueError for people.
    """
    if not text or " " in text or not text.isprintable():
        raise ValueError(f"{text[:40]!r} names nobody: write an address or a domain, without blanks")
    entry = syntax.parse_key("sender", text)
    if not isinstance(entry, syntax.Key):
        raise ValueError(f"{text[:40]!r} is a pattern: write addresses and domains here")
    return entry.text


def keys_of(address: str) -> Iterator[str]:
    """The keys under which `address` is looked up, the nearest first."""
    if not address:
        yield NULL_SENDER
        return
    local, at, domain = address.lower().rpartition("@")
    if not at:  # RCPT TO:<postmaster>, which RFC 5321 4.5.1 allows
        local, domain = domain, ""
    users = dict.fromkeys((local, local.partition("+")[0]))
    if domain:
        yield from (f"{user}@{domain}" for user in users)
        yield f"@{domain}"
        yield from _domains(domain)
    yield from (f"{user}@" for user in users if user)


def _domains(domain: str) -> Iterator[str]:
    if len(domain) > syntax.MAX_NAME:  # nobody's: its parents would be thousands
        return
    yield domain
    dot = domain.find(".")
    while dot >= 0:
        yield domain[dot:]
        yield domain[dot + 1 :]
        dot = domain.find(".", dot + 1)


class Policies:
    """Policies by the recipients they name."""

    def __init__(self, policies: Sequence[Policy]) -> None:
        self._policies = tuple(policies)
        self._by_key: dict[str, list[int]] = {}
        for number, policy in enumerate(self._policies):
            for key in policy.recipients or (EVERYBODY,):
                self._by_key.setdefault(key, []).append(number)

    def find(self, sender: str, recipient: str, now: int) -> int | None:
        """The number of the policy that counts for this mail at `now`, None without one."""
        for number, _, obstacle in self.candidates(sender, recipient, now):
            if not obstacle:
                return number
        return None

    def candidates(self, sender: str, recipient: str, now: int) -> Iterator[Candidate]:
        """All policies that name `recipient`, in the order of precedence: the first without an obstacle counts."""
        for key in chain(keys_of(recipient), (EVERYBODY,)):
            for number in self._by_key.get(key, ()):
                yield Candidate(number, key, _obstacle(self._policies[number], sender, now))

    def unreachable(self) -> Iterator[tuple[int, str, int]]:
        """(policy, key, earlier policy) wherever the earlier one always counts first under that key."""
        for key, numbers in self._by_key.items():
            always = next((number for number in numbers if self._policies[number].is_unconditional), numbers[-1])
            yield from ((number, key, always) for number in numbers if number > always)


def _obstacle(policy: Policy, sender: str, now: int) -> Obstacle:
    if not policy.window.is_active(now):
        return "time"
    return "sender" if policy.senders and policy.senders.isdisjoint(keys_of(sender)) else ""


class Plan:
    """Whom a chain asks about which mail at what time."""

    def __init__(
        self,
        checks: Lineup,
        windows: Mapping[int, Window] | None = None,
        policies: Sequence[Policy] = (),
        lineups: Sequence[Lineup] = (),
    ) -> None:
        """`checks` are asked about mail without a policy, `lineups` about that of each of `policies`.

        `windows` has the times of the stages that are not asked always.
        """
        self.stages = len(checks)
        self._windows = tuple((windows or {}).items())
        self._policies = Policies(policies) if policies else None
        self._lineups = (*lineups, checks)
        self.names = (*(policy.name for policy in policies), "")
        """Of the policies; the last one is that of none."""

    def checks(self) -> Iterator[Check]:
        """All checks that anybody is asked by, those of everybody first; some more than once."""
        return (check for lineup in reversed(self._lineups) for check in lineup if check is not None)

    def winners(self, requests: Sequence[PolicyRequest], now: int) -> list[int]:
        """The number of the policy that counts for each of `requests` at `now`, -1 without one."""
        policies = self._policies
        if policies is None:
            return [-1] * len(requests)
        found = (policies.find(request.sender, request.recipient, now) for request in requests)
        return [-1 if number is None else number for number in found]

    def lineups(self, winners: Sequence[int], now: int) -> list[Lineup]:
        """The checks that are asked at `now` about each of the requests with these winners."""
        lineups = [self._lineups[number] for number in winners]
        closed = [stage for stage, window in self._windows if not window.is_active(now)]
        return [_without(lineup, closed) for lineup in lineups] if closed else lineups


def _without(lineup: Lineup, closed: Sequence[int]) -> Lineup:
    return tuple(None if stage in closed else check for stage, check in enumerate(lineup))


def stages(asked: Sequence[str], policies: Sequence[Policy]) -> list[str]:
    """The names of all checks that anybody is asked by: `asked` in its order, and what only policies name.

    Those stand where they stand in the registry: before the first check that comes after them there.
    """
    order = list(REGISTRY)
    names = list(asked)
    for name in order:
        if name not in names and any(name in policy.checks for policy in policies):
            later = (place for place, other in enumerate(names) if order.index(other) > order.index(name))
            names.insert(next(later, len(names)), name)
    return names


def options_for(policy: Policy, check: str, options: Any) -> Any:
    """The options of `check` under `policy`. Raises ValueError, ``option: what is wrong``, when they contradict."""
    if check != "greylist":
        return options
    wishes = {name: wish for name in ("delay", "when") if (wish := getattr(policy, name)) is not None}
    changed = replace(options, **wishes)
    return options if changed == options else changed


def make_plan(
    asked: Sequence[str],
    options: Mapping[str, Any],
    windows: Mapping[str, Window],
    policies: Sequence[Policy],
    build: Callable[[str, Any], Check],
) -> Plan:
    """The plan of a configuration: the checks `asked` by default, their `options` and `windows`, and the policies.

    `build` makes a check of its name and options; each is built once, and once more for a policy with its own options.
    """
    names = stages(asked, policies)
    checks = {name: build(name, options[name]) for name in names}

    def check_for(policy: Policy, name: str) -> Check | None:
        if name not in policy.checks:
            return None
        own = options_for(policy, name, options[name])
        return checks[name] if own is options[name] else build(name, own)

    return Plan(
        tuple(checks[name] if name in asked else None for name in names),
        {stage: windows[name] for stage, name in enumerate(names) if name in windows},
        policies,
        [tuple(check_for(policy, name) for name in names) for policy in policies],
    )
