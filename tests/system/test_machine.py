"""policyd as a service of a real systemd, installed as the docs say: what the units promise, seen."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system.machine import Machine, instructions
from tests.system.parts import laboratory, wait_until
from tests.system.policy import PolicyClient

SETTINGS = "/etc/policyd/policyd.toml"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """The machine, once the last line of the instructions was typed."""
    with laboratory() as lab, Machine(lab) as machine:
        machine.must(instructions()[1])
        yield machine


def query(machine: Machine, client: str, sender: str = "alice@example.org") -> str:
    return machine.run(f"policyd query --client {client} --sender {sender} --recipient bob@example.net")[1].strip()


def service(machine: Machine, name: str, unit: str = "policyd.service") -> str:
    return machine.must(f"systemctl show {unit} --property {name} --value")


def story(machine: Machine) -> str:
    return machine.run("systemctl status policyd.socket policyd.service")[1]


def status_of(machine: Machine) -> dict[str, str]:
    """What the kernel says of the running daemon."""
    lines = machine.path(f"/proc/{service(machine, 'MainPID')}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_it_serves(machine: Machine) -> None:
    assert query(machine, "192.0.2.1").startswith("action=DEFER_IF_PERMIT 4.2.0 Greylisted"), machine.boot()
    assert machine.must("policyd status").startswith("serving: ")
    assert service(machine, "StatusText").startswith("serving on inet:127.0.0.1:10030, unix:/run/policyd/policy.sock")
    assert machine.must("systemctl is-enabled policyd.socket policyd.service") == "enabled\nenabled"


def test_it_is_nobody_and_may_do_nothing(machine: Machine) -> None:
    status = status_of(machine)
    assert machine.must(f"stat -c %U /proc/{service(machine, 'MainPID')}") == "policyd"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert machine.must("stat -c '%U:%G %a' /run/policyd/policy.sock") == "root:postfix 660"
    for path, mode in (
        ("/run/policyd/control.sock", 600),
        ("/var/lib/policyd", 700),
        ("/var/lib/policyd/policyd.db", 600),
    ):
        assert machine.must(f"stat -c '%U:%G %a' {path}") == f"policyd:policyd {mode}"


def test_postfix_may_connect_also_when_the_directory_was_lost(machine: Machine) -> None:
    # In a directory that is not its user's systemd gives everything to him, the socket of Postfix's group included.
    machine.must("systemctl stop policyd.socket policyd.service; rm -r /run/policyd; systemctl start policyd.socket")
    assert query(machine, "192.0.2.10").startswith("action=DEFER_IF_PERMIT"), story(machine)
    assert machine.must("stat -c '%U:%G %a' /run/policyd/policy.sock") == "root:postfix 660"


def test_the_journal_finds_a_decision_by_its_fields(machine: Machine) -> None:
    assert "Greylisted" in query(machine, "192.0.2.2", "fields@example.org")
    find = "journalctl --quiet --output json --unit policyd POLICYD_SENDER=fields@example.org"
    wait_until(lambda: machine.run(find)[1], 10, "the entry in the journal")
    entry = json.loads(machine.must(find))
    assert (entry["POLICYD_ACTION"], entry["POLICYD_REASON"], entry["PRIORITY"]) == ("greylist", "new", "6")


def test_a_journal_that_was_started_anew_goes_on_where_it_was(machine: Machine) -> None:
    pid = service(machine, "MainPID")
    machine.must("systemctl restart systemd-journald")
    assert "Greylisted" in query(machine, "192.0.2.9", "anew@example.org")
    find = "journalctl --quiet --unit policyd POLICYD_SENDER=anew@example.org"
    wait_until(lambda: machine.run(find)[1], 10, "the entry in the journal")
    assert service(machine, "MainPID") == pid


def test_an_edited_list_counts(machine: Machine) -> None:
    machine.must("policyd list add sender spam@example.com REJECT 'no thanks' --for 7d")
    wait_until(lambda: query(machine, "192.0.2.3", "spam@example.com").startswith("action=REJECT no thanks"), 10, "it")


def test_reload_says_what_is_wrong_and_changes_nothing(machine: Machine) -> None:
    machine.must("systemctl reload policyd")
    good = machine.path(SETTINGS).read_text()
    try:
        machine.path(SETTINGS).write_text("delayy = 1\n" + good)
        assert machine.run("systemctl reload policyd")[0] != 0
        assert f"{SETTINGS}:1: " in machine.must("systemctl status policyd")
        assert machine.run("policyd status")[0] == 1
        assert "Greylisted" in query(machine, "192.0.2.4")
    finally:
        machine.path(SETTINGS).write_text(good)
        machine.must("systemctl reload policyd")


class Sender(threading.Thread):
    """Asks, over a new connection each time, as smtpd processes do that come and go."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self.is_over = False
        self.answered, self.lost = 0, list[str]()

    def run(self) -> None:
        while not self.is_over:
            try:
                with PolicyClient(self._service) as client:
                    client.ask(client_address="198.51.100.1")
                self.answered += 1
            except (OSError, AssertionError) as error:
                self.lost.append(repr(error))
            time.sleep(0.002)


def test_a_restart_loses_no_request(machine: Machine) -> None:
    sender = Sender(f"unix:{machine.path('/run/policyd/policy.sock')}")
    sender.start()
    try:
        for _ in range(3):
            before = sender.answered
            machine.must("systemctl restart policyd")
            wait_until(lambda: sender.answered > before + 50, 10, lambda: f"answers; {sender.lost}")  # noqa: B023
    finally:
        sender.is_over = True
        sender.join()
    assert sender.lost == []


def wait_for_another(machine: Machine, pid: str) -> None:
    wait_until(lambda: service(machine, "MainPID") not in (pid, "0"), 60, lambda: story(machine))
    wait_until(lambda: service(machine, "ActiveState") == "active", 30, lambda: story(machine))


def test_killed_it_is_started_again_and_has_forgotten_nothing(machine: Machine) -> None:
    assert "Greylisted" in query(machine, "192.0.2.5", "killed@example.org")
    pid = service(machine, "MainPID")
    machine.must("systemctl kill --signal KILL policyd.service")
    wait_for_another(machine, pid)
    assert "Greylisted" in query(machine, "192.0.2.5", "killed@example.org")
    assert "early-retry" in machine.must("policyd why killed@example.org")


@contextmanager
def drop_in(machine: Machine, setting: str) -> Iterator[None]:
    """The service started anew with a setting more."""
    directory = machine.path("/run/systemd/system/policyd.service.d")
    directory.mkdir()
    (directory / "test.conf").write_text(f"[Service]\n{setting}\n")
    machine.must("systemctl daemon-reload && systemctl restart policyd")
    try:
        yield
    finally:
        shutil.rmtree(directory)
        machine.must("systemctl daemon-reload && systemctl restart policyd")


def test_who_wants_no_fields_has_lines(machine: Machine) -> None:
    with drop_in(machine, "UnsetEnvironment=JOURNAL_STREAM"):
        assert "Greylisted" in query(machine, "192.0.2.8", "plain@example.org")
        find = "journalctl --quiet --unit policyd --grep reason=new,.*sender=plain@example.org"
        wait_until(lambda: machine.run(find)[1], 10, lambda: story(machine))
        assert machine.run("journalctl --quiet POLICYD_SENDER=plain@example.org")[1] == ""


def test_systemd_ends_one_that_hangs_and_starts_another(machine: Machine) -> None:
    with drop_in(machine, "WatchdogSec=2s"):
        pid = service(machine, "MainPID")
        time.sleep(5)
        assert service(machine, "MainPID") == pid, "who lives is left alone"
        machine.must("systemctl kill --kill-whom main --signal STOP policyd.service")
        wait_for_another(machine, pid)
        assert "Greylisted" in query(machine, "192.0.2.6")


def test_wrong_settings_at_the_start_hold_up_no_mail(machine: Machine) -> None:
    # Without the limit in policyd.socket each waiting smtpd makes systemd start it anew, five times a second (seen).
    good = machine.path(SETTINGS).read_text()
    try:
        machine.path(SETTINGS).write_text("delayy = 1\n" + good)
        assert machine.run("systemctl restart policyd")[0] != 0
        wait_until(lambda: "Connection refused" in query(machine, "192.0.2.7"), 60, lambda: story(machine))
        assert machine.must("journalctl --quiet --unit policyd").count("policyd: not started") <= 6
    finally:
        machine.path(SETTINGS).write_text(good)
    machine.must("systemctl start policyd")
    assert "Greylisted" in query(machine, "192.0.2.7")
