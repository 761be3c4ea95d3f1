"""All checks on, a real resolver: log, why, explain, report, metrics and status page say the same of the same mails."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from tests.system.daemon import Policyd
from tests.system.nameservers import Unbound
from tests.system.parts import laboratory
from tests.system.policy import PolicyClient
from tests.system.test_metrics import get, samples
from tests.system.test_operate import policyd, told

DELAY: Final = 2
LIST: Final = "bl.local.example"
ALLOW: Final = "wl.local.example"
DATA: Final = (
    f"2.0.0.127.{LIST}. 60 A 127.0.0.2",
    f"66.100.51.198.{LIST}. 60 A 127.0.0.2",
    f"67.100.51.198.{LIST}. 60 A 127.0.0.9",
    f"2.0.0.127.{ALLOW}. 60 A 127.0.0.2",
    f"1.113.0.203.{ALLOW}. 60 A 127.0.0.2",
    'good.local.example. 60 TXT "v=spf1 ip4:198.51.0.0/16 ip4:203.0.113.0/24 -all"',
    'strict.local.example. 60 TXT "v=spf1 -all"',
)


class Mail(NamedTuple):
    """A mail, and what has to become of it."""

    address: str
    sender: str
    action: str
    reason: str
    check: str
    verb: str


GOOD: Final = "a@good.local.example"
LISTED: Final = Mail("198.51.100.66", GOOD, "reject", "listed", "rbl", "550")
FORGED: Final = Mail("198.51.101.1", "a@strict.local.example", "reject", "spf fail", "spf", "550")
ALLOWED: Final = Mail("203.0.113.1", GOOD, "pass", "tagged", "spf", "PREPEND")
NEW: Final = Mail("198.51.102.1", GOOD, "greylist", "new", "greylist", "DEFER_IF_PERMIT")
EARLY: Final = NEW._replace(reason="early-retry")
PASSED: Final = NEW._replace(action="pass", reason="triplet found", verb="PREPEND")
SUSPECT: Final = Mail("198.51.100.67", "a@none.local.example", "greylist", "new", "greylist", "DEFER_IF_PERMIT")
CAME_BACK: Final = SUSPECT._replace(action="pass", reason="triplet found", verb="PREPEND")
MAILS: Final = (LISTED, FORGED, ALLOWED, NEW, EARLY, SUSPECT, PASSED, CAME_BACK)
GREYLIST: Final = {"new": 2, "early": 1, "passed": 2}


class Seen(NamedTuple):
    """The daemon, and its answer to each of MAILS."""

    daemon: Policyd
    answers: list[str]


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    with laboratory() as home, Unbound(home, data=DATA) as dns:
        settings = {
            "chain": {"checks": ["whitelist", "blacklist", "rbl", "spf", "greylist"]},
            "blacklist": {"senders": []},
            "dns": {"nameservers": [dns.address]},
            "rbl": {"sites": [f"{LIST}=127.0.0.2*3", f"{LIST}=127.0.0.9", f"{ALLOW}=127.0.0.2*-2"]},
            "greylist": {"delay": f"{DELAY}s", "auto_whitelist_clients": 0, "identities": []},
        }
        with Policyd(home, settings) as daemon, PolicyClient(daemon.inet) as client:
            answers = []
            for number, mail in enumerate(MAILS):
                time.sleep(DELAY if mail is PASSED else 0)
                answers.append(
                    client.ask(
                        client_address=mail.address, client_name="unknown", sender=mail.sender,
                        helo_name="mail.good.local.example", recipient="bob@box.test", instance=str(number),
                    )
                )  # fmt: skip
            daemon.settle()
            yield Seen(daemon, answers)


def test_every_mail_got_what_it_should(seen: Seen) -> None:
    assert [answer.partition(" ")[0] for answer in seen.answers] == [mail.verb for mail in MAILS]
    headers = [answer.split()[1] for mail, answer in zip(MAILS, seen.answers, strict=True) if mail.verb == "PREPEND"]
    assert headers == ["Received-SPF:", "Received-SPF:", "X-DNSBL:"], "one header, that of the first who has one"


def test_the_log_and_why_name_the_reason_and_the_delay(seen: Seen) -> None:
    lines = [line for line in seen.daemon.log().splitlines() if "action=" in line]
    for mail, line in zip(MAILS, lines, strict=True):
        assert f"action={mail.action}, reason={mail.reason}" in line
        assert bool(re.search(r"delay=[2-9],", line)) == (mail.reason == "triplet found")
        assert ('match="1 point; bl.local.example 1"' in line) == (mail is CAME_BACK)
    decisions = [each for mail in MAILS for each in told(seen.daemon, "why", mail.address)["decisions"]]
    assert {(each["action"], each["reason"]) for each in decisions} == {(m.action, m.reason) for m in MAILS}


def test_the_metrics_count_each_where_the_log_has_it(seen: Seen) -> None:
    found = samples(seen.daemon)
    expected = Counter(frozenset({mail.verb, mail.check, mail.reason}) for mail in MAILS)
    assert {labels: value for (name, labels), value in found.items() if name == "policyd_requests_total"} == expected
    results = {labels: value for (name, labels), value in found.items() if name == "policyd_greylist_decisions_total"}
    assert results == {frozenset({result}): count for result, count in GREYLIST.items()}
    assert found["policyd_greylist_delay_seconds_count", frozenset()] == 2
    assert found["policyd_dnsbl_results_total", frozenset({LIST, "listed"})] == 3
    assert found["policyd_dnsbl_results_total", frozenset({ALLOW, "listed"})] == 1
    assert found["policyd_spf_results_total", frozenset({"mailfrom", "fail"})] == 1
    assert not [labels for (name, labels), value in found.items() if "fail_open" in name and value]


def test_report_and_status_page_say_the_same(seen: Seen) -> None:
    report = told(seen.daemon, "report")
    assert {row["name"]: row["count"] for row in report["reasons"]} == Counter(mail.reason for mail in MAILS)
    assert {row["name"]: row["count"] for row in report["what"]} == Counter(mail.action for mail in MAILS)
    assert DELAY <= report["delay_median"] <= DELAY + 8
    page = get(seen.daemon, "/")[1]
    assert f"{len(MAILS)} requests" in page
    for result, count in GREYLIST.items():
        assert f'<td>{result}</td><td class="n">{count}</td>' in page


def test_explain_decides_as_the_daemon_did(seen: Seen) -> None:
    for mail in (LISTED, FORGED, ALLOWED, PASSED, CAME_BACK):
        who = ["--client", mail.address, "--helo", "mail.good.local.example", "--sender", mail.sender]
        answer = told(seen.daemon, "explain", *who, "--recipient", "bob@box.test")["answer"]
        assert (answer["check"], answer["reason"]) == (mail.check, mail.reason)
        assert answer["action"].partition(" ")[0] == mail.verb
    printed = policyd(
        seen.daemon, "explain", "--client", ALLOWED.address, "--sender", GOOD, "--recipient", "b@box.test"
    )
    assert "(not asked: rbl exempts from it)" in printed[1]
    assert "decided by spf (tagged)" in printed[1]


def test_all_is_well(seen: Seen) -> None:
    assert policyd(seen.daemon, "status")[0] == 0
    status, printed, _ = policyd(seen.daemon, "spf", "198.51.101.1", FORGED.sender, "mail.good.local.example")
    assert (status, "MAIL FROM a@strict.local.example: fail (-all)" in printed) == (0, True)
