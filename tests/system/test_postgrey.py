"""Law tested: policyd answers as Debian's postgrey does, request by request; every difference is in one table here.

postgrey takes its clock from the request attribute policy_test_time, so both run in the same virtual time.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from policyd.chain import Chain
from policyd.checks.greylist import Settings, build
from policyd.checks.tools import Tools
from policyd.model.address import parse_address
from policyd.model.request import PolicyRequest
from policyd.model.units import Seconds
from policyd.model.verdict import Decision
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import TableList
from tests.system.postgrey import Postgrey, run_postgrey

pytestmark = pytest.mark.system

HOUR, DAY = 3600, 86400
DELAY, WINDOW = 240, 2 * DAY
TEXT = "Greylisted, wait %s seconds for %r"
# postgrey's housekeeping runs on the real clock: entries of the future are never old.
T0 = int(time.time()) + 10 * DAY


def options(delay: int) -> list[str]:
    return [f"--delay={delay}", f"--greylist-text={TEXT}", "--hostname=mx.y.example"]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgrey]:
    with run_postgrey(tmp_path_factory.mktemp("postgrey"), *options(DELAY)) as running:
        yield running


class Ours:
    """The chain with the greylist check and a store in memory."""

    def __init__(self, max_age: int = 35 * DAY, delay: int = DELAY) -> None:
        # What postgrey does not have is off, as with `policyd postgrey`; its test holds the options against these.
        settings = Settings(
            delay=Seconds(delay),
            max_age=Seconds(max_age),
            text=TEXT,
            identities=(),
            group_after=0,
            whole_messages=False,
            max_new_per_network=0,
        )
        store = MemoryStore(StoreOptions())
        tools = Tools(store, "mx.y.example", "1", lambda kind, files: TableList(kind))
        self._chain = Chain([build(settings, tools)], [], lambda check, error: None, 0)
        self.reasons = Counter[str]()

    def ask(self, attributes: Mapping[str, str], now: int) -> str:
        values = [attributes.get(name, "") for name in PolicyRequest._fields[:-2]]
        address = parse_address(attributes["client_address"])
        decision = self._chain.decide([PolicyRequest._make([*values, address, attributes])], now)[0]
        assert isinstance(decision, Decision)
        self.reasons[decision.reason] += 1
        return decision.action.reply.decode().removeprefix("action=").rstrip("\n")


def attributes(client: str, sender: str, recipient: str, instance: str, **more: str) -> dict[str, str]:
    """The attributes of a request that matter here; Postfix sends them all."""
    return {
        "request": "smtpd_access_policy",
        "protocol_state": "RCPT",
        "client_address": client,
        "client_name": "unknown",
        "reverse_client_name": "unknown",
        "helo_name": "h",
        "sender": sender,
        "recipient": recipient,
        "instance": instance,
        "etrn_domain": "",
        **more,
    }


def gist(action: str) -> str:
    """What an action tells Postfix, without our id, our name and the date."""
    return action.partition(" (id ")[0].partition(" by ")[0]


# The same


class Message(NamedTuple):
    client: str
    sender: str
    recipients: tuple[str, ...]


SENDERS = [
    "anna@a.example", "Anna@A.example", "otto@a.example", "otto+x@a.example", "otto+y@a.example", "", "localonly",
    "list-return-1-b=y.example@l.example", "list-return-2-b=y.example@l.example", "john_1@a.example", "7@a.example",
    "8@a.example", "@a.example", "john doe@a.example",
]  # fmt: skip
RECIPIENTS = ["b@y.example", "B@Y.example", "b+ext@y.example", "c@y.example", "d@z.example", "e@z.example"]
OFFSETS = [0, 1, DELAY - 1, DELAY, DELAY + 1, HOUR - 1, HOUR, HOUR + 1, WINDOW - 1, WINDOW, WINDOW + 1]


def trace(seed: int, messages: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Requests and their times: new mail, and retries that fall on every edge of the rule."""
    dice = random.Random(seed)  # a fixed seed, so that a failure can be repeated
    # postgrey's auto-whitelist knows single addresses, ours networks: one address of each network.
    clients = [f"10.{seed}.{net}.{net + 1}" for net in range(30)] + [f"2001:db8:{seed}:{net}::25" for net in range(10)]
    now, sent = T0, list[tuple[int, Message]]()
    for number in range(messages):
        when, message = dice.choice(sent[-40:]) if sent and dice.random() < 0.6 else (now, None)
        now = max(now + dice.choice([0, 0, 0, 1, 20]), when + dice.choice(OFFSETS) if dice.random() < 0.7 else 0)
        if message is None:
            recipients = tuple(dice.sample(RECIPIENTS, dice.choice([1, 1, 1, 2, 3])))
            message = Message(dice.choice(clients), dice.choice(SENDERS), recipients)
        sent.append((now, message))
        for recipient in message.recipients:
            yield now, attributes(message.client, message.sender, recipient, f"{seed}.{number}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_difference_on_random_mail(seed: int, peer: Postgrey) -> None:
    # postgrey looks at no age, so ours must not either.
    ours, history = Ours(max_age=3650 * DAY), list[str]()
    for now, request in trace(seed, 3000):
        theirs, mine = gist(peer.ask(request, now)), gist(ours.ask(request, now))
        history.append(f"+{now - T0}s {request['client_address']} {request['sender']} {request['recipient']}: {mine}")
        assert mine == theirs, "\n".join([line for line in history if f" {request['client_address']} " in line])
    print(seed, len(history), dict(ours.reasons))
    # The trace must have tried everything, or it has shown nothing.
    assert all(ours.reasons[reason] >= 100 for reason in ("new", "early-retry", "triplet found", "client AWL"))


# The edges, told on purpose


class Try(NamedTuple):
    """One request of a script; `ours` is what we answer where postgrey answers `theirs`."""

    at: int
    theirs: str
    ours: str
    sender: str = "a@x.example"
    recipient: str = "b@y.example"
    host: int = 1
    instance: str = ""
    more: Mapping[str, str] = {}


DEFER, HEADER, PASS = "DEFER_IF_PERMIT", "PREPEND", "DUNNO"


def new(at: int, **names: str) -> Try:
    return Try(at, DEFER, DEFER, **names)  # type: ignore[arg-type]


def passes(at: int, **names: str) -> list[Try]:
    """A triplet that is deferred, comes back and passes: five of them, an hour apart, whitelist their client."""
    return [new(at, **names), Try(at + DELAY, HEADER, HEADER, **names)]  # type: ignore[arg-type]


def five(step: int) -> list[Try]:
    return [try_ for index in range(5) for try_ in passes(index * step, recipient=f"r{index}@y.example")]


SAME = {
    "exactly the delay passes": [new(0), new(DELAY - 1), Try(DELAY, HEADER, HEADER), Try(DELAY + 1, PASS, PASS)],
    "the window counts from the first try": [new(0), new(1), new(1 + WINDOW), Try(1 + WINDOW + DELAY, HEADER, HEADER)],
    "its last second passes": [new(0), Try(WINDOW, HEADER, HEADER)],
    "passes an hour apart count": [*five(HOUR), Try(5 * HOUR, PASS, PASS, recipient="new@y.example")],
    "passes a second less apart do not": [*five(HOUR - 1), new(5 * HOUR, recipient="new@y.example")],
    "a first try in the future is taken for now": [new(DAY), new(0), Try(DELAY, HEADER, HEADER)],
}

DIFFERENCES = {
    "max_age counts at the look-up; postgrey only purges at night, so an entry of last year still passes": [
        *passes(0),
        Try(400 * DAY, PASS, DEFER),
    ],
    "the auto-whitelist ages too": [*five(HOUR), Try(400 * DAY, PASS, DEFER, recipient="new@y.example")],
    "the auto-whitelist knows networks, as triplets do; postgrey's knows single addresses": [
        *five(HOUR),
        Try(6 * HOUR, DEFER, PASS, recipient="new@y.example", host=2),
    ],
    "a triplet that passed stays known when the clock is set back; postgrey defers it again": [
        *passes(0),
        Try(-DAY, DEFER, PASS),
    ],
    "passes count when the clock is set back; postgrey waits until the old time returns": [
        *five(-DAY),
        Try(0, DEFER, PASS, recipient="new@y.example"),
    ],
    "one header per message: we remember thousands of messages, postgrey ten": [
        *[try_ for index in range(12) for try_ in passes(index, sender=f"s{index}@{'x' * (index + 1)}.example")][::2],
        new(0),
        Try(DELAY + 20, HEADER, HEADER, instance="first"),
        *[
            Try(DELAY + 20, HEADER, HEADER, sender=f"s{index}@{'x' * (index + 1)}.example", instance=f"other{index}")
            for index in range(10)
        ],
        Try(DELAY + 20, HEADER, PASS, sender=f"s10@{'x' * 11}.example", instance="first"),
    ],
    "BATV in any case": [
        new(0, sender="PRVS=1111abcdef=a@x.example"),
        Try(DELAY, DEFER, HEADER, sender="PRVS=2222abcdef=a@x.example"),
    ],
    "Barracuda's BATV": [
        new(0, sender="btv1==34826e458e2==a@x.example"),
        Try(DELAY, DEFER, HEADER, sender="btv1==760cdc7c545==a@x.example"),
    ],
    "SRS without its hash and day": [
        new(0, sender="SRS0=AAAA=T1=orig.example=a@x.example"),
        Try(DELAY, DEFER, HEADER, sender="SRS0=BBBB=T2=orig.example=a@x.example"),
    ],
    "SRS with a + keeps the original sender; postgrey cuts it, and one sender opens the door for all": [
        new(0, sender="SRS0+AAAA=T1=orig.example=a@x.example"),
        Try(DELAY, HEADER, DEFER, sender="SRS0+BBBB=T1=spam.example=z@x.example"),
    ],
    "numbers between underscores in bounce addresses": [
        new(0, sender="bounce_123_456@x.example"),
        Try(DELAY, DEFER, HEADER, sender="bounce_789_012@x.example"),
    ],
    "a + in front is no extension": [
        new(0, sender="+a@x.example"),
        Try(DELAY, HEADER, DEFER, sender="+z@x.example"),
    ],
    "a domain's trailing dot says nothing": [
        new(0, sender="a@x.example."),
        Try(DELAY, DEFER, HEADER),
    ],
    "who logged in is not greylisted": [Try(0, DEFER, PASS, more={"sasl_username": "anna"})],
    "VRFY is not greylisted": [Try(0, DEFER, PASS, more={"protocol_state": "VRFY"}, sender="")],
    "nor is DATA, which has no recipient when there are several": [
        Try(0, DEFER, PASS, more={"protocol_state": "DATA"}, recipient=""),
    ],
}


SCRIPTS = {**SAME, **{f"different: {name}": script for name, script in DIFFERENCES.items()}}


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name: str, peer: Postgrey) -> None:
    ours, net = Ours(), list(SCRIPTS).index(name)
    for number, step in enumerate(SCRIPTS[name]):
        instance = f"{net}.{step.instance or number}"
        client = f"198.18.{net}.{step.host}"
        request = attributes(client, step.sender, step.recipient, instance, **step.more)
        answers = [gist(side.ask(request, T0 + step.at)).partition(" ")[0] for side in (peer, ours)]
        assert answers == [step.theirs, step.ours], f"try {number}: {step}"


def test_difference_no_delay_is_no_delay(tmp_path: Path) -> None:
    """postgrey takes --delay=0 for 300 seconds."""
    request = attributes("192.0.2.1", "a@x.example", "b@y.example", "1")
    with run_postgrey(tmp_path, *options(0)) as peer:
        assert gist(peer.ask(request, T0)) == "DEFER_IF_PERMIT 4.2.0 Greylisted, wait 300 seconds for y.example"
    assert gist(Ours(delay=0).ask(request, T0)) == "PREPEND X-Greylist: delayed 0 seconds"


def test_difference_an_unknown_client_address_ends_postgrey_and_not_us(tmp_path: Path) -> None:
    request = attributes("unknown", "a@x.example", "b@y.example", "1")
    with run_postgrey(tmp_path, *options(DELAY)) as peer:
        assert peer.ask(request, T0) == ""
        assert peer.process.wait(30) != 0
    assert Ours().ask(request, T0) == PASS


def test_difference_no_client_sets_our_clock(peer: Postgrey) -> None:
    """postgrey believes policy_test_time of anybody who reaches its socket."""
    request = attributes("198.19.0.1", "a@x.example", "b@y.example", "1")
    ours = Ours()
    assert [gist(ours.ask({**request, "policy_test_time": str(at)}, T0))[:5] for at in (T0, T0 + DELAY)] == [
        "DEFER"
    ] * 2
    assert [gist(peer.ask(request, at))[:5] for at in (T0, T0 + DELAY)] == ["DEFER", "PREPE"]
