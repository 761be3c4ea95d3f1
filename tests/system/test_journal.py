"""Under systemd's own journald, started privately: decisions are found by their fields, and nothing waits for it."""

import signal
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.daemon import Policyd
from tests.system.journald import Journald
from tests.system.policy import PolicyClient


@pytest.fixture
def journald(lab: Path) -> Iterator[Journald]:
    with Journald(lab) as journald:
        yield journald


def dropped(daemon: Policyd) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{daemon.metrics_port}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith("policyd_log_lines_dropped_total "))
    return int(float(value))


def test_a_decision_is_found_by_what_it_is_about(lab: Path, journald: Journald) -> None:
    with Policyd(lab, launcher=journald.launcher) as daemon, PolicyClient(daemon.inet) as client:
        answer = client.ask(queue_id="4XyZ")
        client.ask(sender="carol@example.org")
        (entry,) = journald.wait_for("POLICYD_SENDER=alice@example.org")
        assert answer.endswith(f"(id {entry['POLICYD_ID']})")
        assert entry["MESSAGE"] == (
            "4XyZ: action=greylist, reason=new, client_name=mx.example.org, client_address=203.0.113.9, "
            f"sender=alice@example.org, recipient=bob@box.test, id={entry['POLICYD_ID']}"
        )
        about = ("_TRANSPORT", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY", "PRIORITY")
        assert [entry[name] for name in about] == ["journal", "policyd", "2", "6"]
        assert [entry[f"POLICYD_{name}"] for name in ("ACTION", "REASON", "CHECK")] == ["greylist", "new", "greylist"]
        journald.wait_for("POLICYD_ACTION=greylist", "POLICYD_CLIENT_ADDRESS=203.0.113.9", count=2)
        assert entry["_PID"] == str(daemon.process.pid)


def test_other_lines_come_with_their_priority_and_without_fields(lab: Path, journald: Journald) -> None:
    (lab / "clients").write_text("192.0.2.300\n")
    with Policyd(lab, {"whitelist": {"clients": [f"{lab}/clients"]}}, launcher=journald.launcher):
        trouble = [entry for entry in journald.wait_for("--priority=warning") if "192.0.2.300" in entry["MESSAGE"]]
        assert [entry["_TRANSPORT"] for entry in trouble] == ["journal"]
        (serving,) = [entry for entry in journald.entries("PRIORITY=6") if " serving on " in entry["MESSAGE"]]
        assert not [name for name in serving if name.startswith("POLICYD_")]


@pytest.mark.parametrize(
    "sender",
    [
        "a\x85PRIORITY=0@x",
        "a\u2028POLICYD_ACTION=pass@x",
        "a\x00\x1b[2J@x",
        "\udcff\udcfe@x",
        "x" * 3000 + "@x",
        'a"\\@x',
    ],
)
def test_a_sender_writes_no_field_but_his_own(lab: Path, journald: Journald, sender: str) -> None:
    with Policyd(lab, launcher=journald.launcher) as daemon, PolicyClient(daemon.inet) as client:
        client.ask(sender=sender)
        (entry,) = journald.wait_for("POLICYD_RECIPIENT=bob@box.test")
        assert (entry["POLICYD_ACTION"], entry["PRIORITY"]) == ("greylist", "6")
        assert entry["POLICYD_SENDER"].isascii()
        assert entry["POLICYD_SENDER"].isprintable()
        assert len(entry["POLICYD_SENDER"]) < 300


def test_privacy_hashes_the_fields_too(lab: Path, journald: Journald) -> None:
    settings = {"log": {"privacy": True}}
    with Policyd(lab, settings, launcher=journald.launcher) as daemon, PolicyClient(daemon.inet) as client:
        client.ask()
        (entry,) = journald.wait_for("POLICYD_ACTION=greylist")
        for word in ("alice", "203.0.113.9", "mx.example.org", "box.test"):
            assert word not in str({name: value for name, value in entry.items() if not name.startswith("_")})
        assert f"sender={entry['POLICYD_SENDER']}, recipient={entry['POLICYD_RECIPIENT']}" in entry["MESSAGE"]


def test_a_journal_that_stands_still_holds_up_no_mail_and_loses_lines_that_are_counted(
    lab: Path, journald: Journald
) -> None:
    settings = {"chain": {"checks": ["whitelist"]}}
    with Policyd(lab, settings, launcher=journald.launcher) as daemon, PolicyClient(daemon.inet) as client:
        client.ask()
        journald.wait_for("POLICYD_ACTION=pass")
        journald.process.send_signal(signal.SIGSTOP)
        began, asked = time.monotonic(), 6000
        for number in range(asked):
            client.ask(recipient=f"r{number}@box.test")
        assert time.monotonic() - began < 30
        lost = dropped(daemon)
        assert 0 < lost < asked
        journald.process.send_signal(signal.SIGCONT)
        journald.wait_for("POLICYD_ACTION=pass", count=asked + 1 - lost)
        assert (dropped(daemon), len(journald.entries("POLICYD_ACTION=pass"))) == (lost, asked + 1 - lost)


def test_a_journal_that_is_gone_holds_up_no_mail(lab: Path, journald: Journald) -> None:
    with Policyd(lab, launcher=journald.launcher) as daemon, PolicyClient(daemon.inet) as client:
        journald.process.kill()
        journald.process.wait()
        for number in range(100):
            assert client.ask(recipient=f"r{number}@box.test").startswith("DEFER_IF_PERMIT")
        assert daemon.is_alive
        assert daemon.term() == 0
