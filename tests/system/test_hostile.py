r"""Odd and hostile addresses through a real Postfix: the daemon lives, answers, and forges nothing in its log.

Which bytes Postfix 3.7.11 passes was measured: quotes are removed, so a quoted local part may hold blanks, commas,
"=" and control bytes; with smtputf8_enable=no invalid UTF-8 too. What killed other daemons is here by name.
"""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.system.daemon import CONTROL, Policyd
from tests.system.parts import laboratory, wait_until
from tests.system.policy import PolicyClient, request
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, Reply, Smtp

DELAY: Final = 2


class Case(NamedTuple):
    """Two addresses as they stand in MAIL and RCPT, and the name in EHLO."""

    sender: bytes
    recipient: bytes = b"bob@example.test"
    helo: bytes = b"mail.example.org"


CASES: Final = {
    "log forgery, CVE-less but postgrey's": Case(b'"x, action=pass, reason=client AWL"@evil.example'),
    "a whole forged line": Case(b'"x, recipient=y, id=00000000"@evil.example'),
    "a quote in front of a forged field": Case(b'"x\\", action=pass, sender=\\"y"@evil.example'),
    "an escape sequence": Case(b'"\x1b[31m"@evil.example'),
    "a bell, a delete and a NUL's neighbour": Case(b'"\x07\x7f\x01"@evil.example'),
    "C1 control as UTF-8": Case('"\u009b31m"@evil.example'.encode()),
    "right to left": Case("\u202etxt.exe@evil.example".encode()),
    "line separator": Case('"a\u2028action=pass"@evil.example'.encode()),
    "a tab": Case(b'"a\tb"@example.org'),
    "format string, CVE-2005-1127": Case(b'"%n%n%s%s%x"@example.org'),
    "percent in braces": Case(b"{0}{__class__}@example.org"),
    "SQL": Case(b'"\'; DROP TABLE triplets; --"@example.org', b'"\' OR 1=1 --"@example.test'),
    "a star": Case(b"*@example.org"),
    "a blank": Case(b'"john doe"@example.org', b'"jane doe"@example.test'),
    "an @ in quotes": Case(b'"a@b"@example.org'),
    "a quote in quotes": Case(b'"quo\\"te"@example.org'),
    "a backslash": Case(b'"back\\\\slash"@example.org'),
    "an empty local part": Case(b'""@example.org'),
    "no domain": Case(b"localonly"),
    "a bang path": Case(b"host!user"),
    "equals signs": Case(b"a=b=c@example.org", b"a=b@example.test", b"a=b=c"),
    "VERP": Case(b"list-bounces+rcpt=example.test@lists.example.org"),
    "BATV": Case(b"prvs=1234abcdef=user@example.org"),
    "SRS0": Case(b"SRS0=HHH=TT=orig.example=user@fwd.example.org"),
    "SRS1": Case(b"SRS1=HHH=fwd.example==HHH=TT=orig.example=user@fwd2.example.org"),
    "all specials": Case(b"!#$&'*/?^_`{|}~-@example.org"),
    "slashes": Case(b"/s=doe/o=x/@example.org"),
    "an address literal": Case(b"user@[203.0.113.9]"),
    "a trailing dot": Case(b"user@example.org.", b"jane@example.test."),
    "a source route": Case(b"user@example.org", b"@relay.example,@b.example:jane@example.test"),
    "UTF-8": Case("jörg@example.org".encode(), "rémi@example.test".encode(), "ëhlo.example".encode()),
    "astral UTF-8": Case("\U0001f4a9@example.org".encode()),
    "a HELO with odd bytes": Case(b"user@example.org", helo=b"foo bar=baz\x1b[31m"),
    "2,000 bytes of sender": Case(b"s" * 1980 + b"@example.org"),
    "2,000 bytes of recipient": Case(b"user@example.org", b"r" * 1980 + b"@example.test"),
    "1,900 multibyte bytes": Case(b"a" + "ü".encode() * 950 + b"@example.org"),
    "1,900 bytes of HELO": Case(b"user@example.org", helo=b"h" * 1900),
}

# Only a Postfix that knows no UTF-8 lets these through.
RAW_CASES: Final = {
    "invalid UTF-8": Case(b'"\xff\xfe"@evil.example'),
    "C1 as a raw byte": Case(b'"\x9b31m"@evil.example'),
    "half a character": Case(b'"caf\xc3"@evil.example'),
    "Latin-1 everywhere": Case(b'"j\xf6rg"@example.org', b'"r\xe9mi"@example.test', b"\xebhlo"),
    "a surrogate as UTF-8": Case(b'"\xed\xa0\x80"@evil.example'),
}

# What is in quotes holds no quote, and nothing but printable ASCII; what is not in quotes is a word.
_VALUE: Final = r'(?:"(?:[ !#-\[\]-~]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8})*"|[^\s",\\]+)'
_LINE: Final = re.compile(
    rf"(?:<6>|\S+ )?(?:[A-F0-9]+: )?action=(?P<action>pass|greylist), reason=(?P<reason>[a-zA-Z -]+)(?:, delay=\d+)?"
    rf"(?:, client_name={_VALUE})?, client_address=(?P<client>{_VALUE})(?:, sender=(?P<sender>{_VALUE}))?"
    rf", recipient=(?P<recipient>{_VALUE}), id=[0-9A-F]{{8}}"
)


class Tried(NamedTuple):
    """A first try: what Postfix said, which client it was, and when it was over."""

    case: Case
    reply: Reply
    client: Client


class Hostile:
    """One Postfix, one policyd, every case tried once; then, DELAY later, a second time."""

    def __init__(self, postfix: Postfix, daemon: Policyd, cases: dict[str, Case]) -> None:
        self.postfix = postfix
        self.daemon = daemon
        self.tried = {name: self._try(number, case) for number, (name, case) in enumerate(cases.items())}
        daemon.settle()
        self.log = daemon.log()
        time.sleep(DELAY + 0.05)
        self.retried = {name: self._try(number, case) for number, (name, case) in enumerate(cases.items())}

    def _try(self, number: int, case: Case) -> Tried:
        client = Client(f"198.18.{number}.9")
        with Smtp(self.postfix.port) as session:
            session.must(220, session.say(client.xclient()))
            session.say(b"EHLO " + case.helo)
            session.must(250, session.say(b"MAIL FROM:<" + case.sender + b">"))
            return Tried(case, session.say(b"RCPT TO:<" + case.recipient + b">"), client)

    def decision(self, name: str) -> re.Match[str]:
        """The one log line about the first try of a case; it must have the shape that lines have."""
        address = self.tried[name].client.address
        lines = [line for line in self.log.split("\n") if f"client_address={address}," in line]
        assert len(lines) == 1, lines
        match = _LINE.fullmatch(lines[0])
        assert match, lines[0]
        return match


def hostile(cases: dict[str, Case], settings: dict[str, str]) -> Iterator[Hostile]:
    with laboratory() as home, Policyd(home, {"greylist": {"delay": f"{DELAY}s"}}) as daemon:
        with Postfix(home, daemon.inet, settings) as postfix:
            yield Hostile(postfix, daemon, cases)
            assert CONFIGURATION_PROBLEM not in postfix.maillog()
        assert daemon.is_alive
        daemon.settle()
        assert "Traceback" not in daemon.log()


@pytest.fixture(scope="module")
def plain() -> Iterator[Hostile]:
    yield from hostile(CASES, {})


@pytest.fixture(scope="module")
def raw() -> Iterator[Hostile]:
    yield from hostile(RAW_CASES, {"smtputf8_enable": "no"})


def check(hostile: Hostile, name: str) -> re.Match[str]:
    first = hostile.tried[name].reply
    assert (first.code, first.text[:6]) == (450, "4.2.0 "), first
    assert hostile.retried[name].reply.code == 250
    decision = hostile.decision(name)
    assert decision["action"] == "greylist"
    assert decision["reason"] == "new"
    assert not CONTROL.search(hostile.log)
    return decision


@pytest.mark.parametrize("name", CASES)
def test_an_odd_address_is_greylisted_passes_and_is_logged_in_one_clean_line(plain: Hostile, name: str) -> None:
    check(plain, name)


@pytest.mark.parametrize("name", RAW_CASES)
def test_bytes_that_are_no_utf8_are_greylisted_like_any_other(raw: Hostile, name: str) -> None:
    check(raw, name)


def test_there_is_one_line_for_each_decision_and_none_is_forged(plain: Hostile) -> None:
    lines = [line for line in plain.log.split("\n") if "action=" in line]
    assert len(lines) == len(CASES)
    assert all(_LINE.fullmatch(line) for line in lines)


def test_the_forged_text_is_a_value_in_quotes(plain: Hostile) -> None:
    sender = check(plain, "log forgery, CVE-less but postgrey's")["sender"]
    assert sender == '"x, action=pass, reason=client AWL@evil.example"'
    sender = check(plain, "a quote in front of a forged field")["sender"]
    assert sender == r'"x\x22, action=pass, sender=\x22y@evil.example"'


def test_invalid_bytes_are_logged_as_the_bytes_they_were(raw: Hostile) -> None:
    assert check(raw, "invalid UTF-8")["sender"] == r'"\xff\xfe@evil.example"'
    assert check(raw, "C1 as a raw byte")["sender"] == r'"\x9b31m@evil.example"'


@pytest.mark.parametrize("xclient", ["ADDR=[UNAVAILABLE]", "ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]"])
def test_a_client_without_an_address_passes_and_kills_nobody(plain: Hostile, xclient: str) -> None:
    # Postfix says client_address=unknown; postgrey ends there, and with it all mail (measured)
    plain.daemon.settle()
    before = len(plain.daemon.lines("client_address=unknown"))
    with Smtp(plain.postfix.port) as session:
        session.must(220, session.say(f"XCLIENT {xclient}"))
        session.must(250, session.say("EHLO mail.example.org"))
        session.must(250, session.say("MAIL FROM:<alice@example.org>"))
        assert session.say("RCPT TO:<bob@example.test>").code == 250
    plain.daemon.settle()
    (line,) = plain.daemon.lines("client_address=unknown")[before:]
    assert "action=pass, reason=no client address, " in line


def test_what_postfix_itself_refuses_never_reaches_us(plain: Hostile) -> None:
    plain.daemon.settle()
    before = len(plain.daemon.lines("action="))
    with Smtp(plain.postfix.port, Client("198.18.255.9")) as session:
        assert session.say(b"MAIL FROM:<j\xf6rg@example.org>").code == 500
        assert session.say(b"MAIL FROM:<a\x00b@example.org>").code == 501
        assert session.say(b"MAIL FROM:<" + b"x" * 2500 + b"@example.org>").code == 501
    plain.daemon.settle()
    assert len(plain.daemon.lines("action=")) == before


def test_the_log_as_json_says_the_same_in_one_object_a_line(lab: Path) -> None:
    senders = [case.sender.decode("utf-8", "surrogateescape") for case in (*CASES.values(), *RAW_CASES.values())]
    with Policyd(lab, {"log": {"format": "json"}}) as daemon, PolicyClient(daemon.inet) as client:
        assert all(client.ask(sender=sender).startswith("DEFER_IF_PERMIT 4.2.0 ") for sender in senders)
        wait_until(lambda: len(daemon.lines('"action"')) == len(senders), 10, "a line for each")
        assert not CONTROL.search(daemon.log())
        objects = [json.loads(line[line.index("{") :]) for line in daemon.lines('"action"')]
    known = ["user@host" if sender == "host!user" else sender for sender in senders]  # as Postfix delivers it
    assert [entry["sender"] for entry in objects] == [sender[:256] for sender in known]
    assert {entry["action"] for entry in objects} == {"greylist"}


WORST: Final = "".join(f"/^.*.*.*[{letter}{letter.upper()}]$/  REJECT\n" for letter in "wxyz")
"""Regular expressions that are hardly taken: each needs as many steps as one may."""
NESTED: Final = "/^([a-z0-9]+[-_.]?)+@spam\\.example$/  REJECT\n"
"""Refused, or run by RE2; Python would be busy with 30 characters for a minute."""


def test_no_regular_expression_keeps_the_daemon_busy(lab: Path) -> None:
    (lab / "worst").write_text(WORST)
    (lab / "nested").write_text(NESTED)
    settings = {
        "chain": {"checks": ["blacklist"]},
        "blacklist": {"senders": [f"pcre:{lab}/worst", f"{lab}/nested"]},
    }
    with Policyd(lab, settings) as daemon, PolicyClient(daemon.unix) as hostile, PolicyClient(daemon.unix) as other:
        assert not daemon.lines(f"{lab}/worst:")
        assert hostile.ask(sender="ax").startswith("REJECT")
        is_refused = bool(daemon.lines(f"{lab}/nested:1: ", "hostile name"))
        assert hostile.ask(sender="ab.cd@spam.example").startswith("DUNNO" if is_refused else "REJECT")
        for sender in ("a" * 255, "a" * 2000, "ab" * 127, "a" * 2000 + "@spam.example", "a" * 200 + "@spam.example"):
            started = time.monotonic()
            hostile.socket.sendall(request(sender=sender))
            other.ask(sender="", client_address="192.0.2.7")
            hostile.reply()
            assert time.monotonic() - started < 2  # 0.3 s was seen
