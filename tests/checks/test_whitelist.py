"""Law tested: whom the lists name is let through with no opinion of other checks; no file stops the check."""

from pathlib import Path

import pytest

from policyd.checks.tools import Tools
from policyd.checks.whitelist import REMEMBERED, Settings, Whitelist, build
from policyd.model.action import DUNNO
from policyd.model.address import parse_address
from policyd.model.greylist import Observation, Rules, Triplet
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict
from policyd.tables.clients import ClientList
from policyd.tables.recipients import RecipientList
from policyd.tables.table import Source

CONF = Path(__file__).parents[2] / "conf"
NOW = 1_700_000_000


class NoStore:
    """Whitelisted or not, this check remembers nothing."""

    def observe(self, triplet: Triplet, rules: Rules, now: int) -> Observation:
        raise AssertionError("the whitelist must not ask the store")


def _request(
    recipient: str = "jane@example.test", address: str = "203.0.113.9", name: str = "unknown", **other: str
) -> PolicyRequest:
    return PolicyRequest(
        protocol_state="RCPT",
        client_address=parse_address(address),
        client_name=name,
        reverse_client_name=other.get("reverse", "unknown"),
        helo_name=other.get("helo", "helo.example"),
        sender="joe@example.org",
        recipient=recipient,
        queue_id="",
        instance="1",
        sasl_username="",
        policy_context="",
        attributes={},
    )


def _build(files: dict[str, str], settings: Settings | None = None) -> tuple[Check, list[str]]:
    reports: list[str] = []
    tools = Tools(store=NoStore(), hostname="mx", version="0", read_file=files.get, report=reports.append)
    return build(settings or Settings(clients=("clients",), recipients=("recipients",)), tools), reports


FILES = {"clients": "example.com\n192.0.2\n/^mx[0-9]/\n", "recipients": "postmaster@\n"}
CLIENT = Verdict(DUNNO, "client whitelist", final=True)
RECIPIENT = Verdict(DUNNO, "recipient whitelist", final=True)


@pytest.mark.parametrize(
    ("request_", "verdict"),
    [
        (_request(name="mail.example.com"), CLIENT),
        (_request(name="MX7.example.org"), CLIENT),
        (_request(address="192.0.2.200"), CLIENT),
        (_request("postmaster@example.test"), RECIPIENT),
        (_request("postmaster@example.test", name="mail.example.com"), CLIENT),
        (_request(), NO_OPINION),
        (_request(""), NO_OPINION),
        (_request(address="unknown"), NO_OPINION),
        # what a client says of itself is worth nothing (postgrey: client_name only)
        (_request(reverse="mail.example.com", helo="mail.example.com"), NO_OPINION),
    ],
)
def test_verdicts(request_: PolicyRequest, verdict: Verdict) -> None:
    check, reports = _build(FILES)
    assert reports == []
    assert check.name == "whitelist"
    assert check.evaluate(request_, NOW) == verdict
    assert check.evaluate(request_, NOW) == verdict, "a remembered client must be judged alike"


def test_recent_clients_are_remembered_and_old_ones_forgotten() -> None:
    check, _ = _build(FILES)
    for number in range(REMEMBERED + 10):
        assert check.evaluate(_request(name=f"host{number}.example.org"), NOW) == NO_OPINION
    assert check.evaluate(_request(name="host0.example.com"), NOW) == CLIENT


def test_the_companion_is_read_too() -> None:
    check, reports = _build({**FILES, "clients.local": "example.net\n", "recipients.local": "abuse@\n"})
    assert reports == []
    assert check.evaluate(_request(name="a.example.net"), NOW) == CLIENT
    assert check.evaluate(_request(name="a.example.com"), NOW) == CLIENT
    assert check.evaluate(_request("abuse@example.test"), NOW) == RECIPIENT


def test_a_missing_file_is_reported_and_its_companion_still_read() -> None:
    check, reports = _build({"clients.local": "example.net\n"})
    assert reports == [
        "clients: no such file, create it or take it out of [whitelist] clients; read as empty",
        "recipients: no such file, create it or take it out of [whitelist] recipients; read as empty",
    ]
    assert check.evaluate(_request(name="a.example.net"), NOW) == CLIENT


def test_bad_lines_are_reported_with_file_and_line_and_the_good_ones_stay() -> None:
    check, reports = _build(
        {
            "clients": "# ours\nexample.com\n10.0.0.300\n",
            "clients.local": "exa mple.net",
            "recipients": "@.example.test\npostmaster@\n",
        }
    )
    assert [report.split(": ")[0] for report in reports] == ["clients:3", "clients.local:1", "recipients:1"]
    assert check.evaluate(_request(name="mail.example.com"), NOW) == CLIENT
    assert check.evaluate(_request("postmaster@example.test"), NOW) == RECIPIENT


def test_no_files_no_opinion() -> None:
    check, reports = _build({}, Settings(clients=(), recipients=()))
    assert reports == []
    assert check.evaluate(_request("postmaster@example.test", name="mail.example.com"), NOW) == NO_OPINION


def test_empty_lists_are_not_even_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("an empty list was asked")

    monkeypatch.setattr(ClientList, "match", fail)
    monkeypatch.setattr(RecipientList, "match", fail)
    empty = Whitelist(ClientList([]), RecipientList([Source("recipients", "# nobody\n")]))
    assert empty.evaluate(_request(), NOW) is NO_OPINION


def test_the_defaults_are_the_documented_files() -> None:
    assert Settings() == Settings(("/etc/policyd/whitelist_clients",), ("/etc/policyd/whitelist_recipients",))


def _shipped() -> Check:
    names = ("whitelist_clients", "whitelist_recipients")
    check, reports = _build(
        {f"/etc/policyd/{name}": (CONF / name).read_text("utf-8") for name in names}, settings=Settings()
    )
    assert reports == []
    return check


@pytest.mark.parametrize(
    "name",
    [
        "mail-wr1-f41.google.com",
        "mail-eopbgr150078.outbound.protection.outlook.com",
        "sonic310-20.consmr.mail.gq1.yahoo.com",
        "a9-92.smtp-out.amazonses.com",
        "pv50p00im-tydg10011801.me.com",
        "mout.gmx.net",
    ],
)
def test_the_shipped_clients_are_the_big_pools(name: str) -> None:
    assert _shipped().evaluate(_request(name=name), NOW) == CLIENT


@pytest.mark.parametrize("name", ["unknown", "3.2.1.34.bc.googleusercontent.com", "ec2-1-2-3-4.compute.amazonaws.com"])
def test_the_shipped_clients_are_not_whoever_rents_a_machine_there(name: str) -> None:
    assert _shipped().evaluate(_request(name=name), NOW) == NO_OPINION


@pytest.mark.parametrize("recipient", ["postmaster@example.test", "Abuse@example.test", "postmaster"])
def test_the_shipped_recipients_are_those_who_must_be_reachable(recipient: str) -> None:
    assert _shipped().evaluate(_request(recipient), NOW) == RECIPIENT
