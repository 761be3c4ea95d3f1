"""Faults in the middle of traffic: no mail is lost, none is doubled, none is put off twice, and Postfix never notices.

The listening sockets are systemd's here (socket activation), as the shipped policyd.socket has them: that is what
makes restarts invisible. Postfix asks a second time after 1 s by itself, which covers a program that dies.
"""

import itertools
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.system.daemon import Policyd
from tests.system.parts import laboratory, wait_until
from tests.system.policy import PolicyClient, request
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, rcpt, sleep_until
from tests.system.traffic import Traffic

DELAY: Final = 2
SECONDS: Final = 8
"""How long the traffic of one test lasts, before its last retries."""


class Mail(NamedTuple):
    """A socket-activated policyd and a Postfix that asks it."""

    daemon: Policyd
    postfix: Postfix


@pytest.fixture(scope="module", params=["inet", "unix"])
def mail(request: pytest.FixtureRequest) -> Iterator[Mail]:
    settings = {"greylist": {"delay": f"{DELAY}s", "auto_whitelist_clients": 0}}
    with (
        laboratory() as home,
        Policyd(home, settings, activated=True) as daemon,
        Postfix(home, getattr(daemon, request.param)) as postfix,
    ):
        yield Mail(daemon, postfix)


def reload(daemon: Policyd) -> None:
    daemon.hup()


def restart(daemon: Policyd) -> None:
    started = time.monotonic()
    assert daemon.term() == 0
    assert time.monotonic() - started <= 5.5
    daemon.start()


def kill(daemon: Policyd) -> None:
    """SIGKILL, and Restart=always."""
    daemon.kill9()
    daemon.start()


def run_traffic(mail: Mail, fault: Callable[[Policyd], None], every: float) -> Traffic:
    """Traffic for a while, with the fault again and again in the middle of it, until the last retry is taken."""
    traffic = Traffic(fault.__name__, mail.postfix.port, DELAY)
    traffic.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(every)
        fault(mail.daemon)
    traffic.finish()
    return traffic


def delivered(mail: Mail, name: str) -> Counter[str]:
    """How often each message of a traffic lies in the mailbox."""
    subjects = (str(message["Subject"]) for message in mail.postfix.delivered())
    return Counter(subject for subject in subjects if subject.startswith(f"{name}-"))


@pytest.mark.parametrize(("fault", "every"), [(reload, 0.2), (restart, 1.5), (kill, 2.5)])
def test_no_mail_is_lost_doubled_or_put_off_twice(mail: Mail, fault: Callable[[Policyd], None], every: float) -> None:
    log = len(mail.postfix.maillog())
    traffic = run_traffic(mail, fault, every)
    assert len(traffic.taken) > 200
    assert traffic.lost == []
    assert traffic.deferred_again == []
    assert not traffic.problems
    assert CONFIGURATION_PROBLEM not in mail.postfix.maillog()[log:]
    wait_until(lambda: delivered(mail, fault.__name__).total() >= len(traffic.taken), 60, "everything in the mailbox")
    assert delivered(mail, fault.__name__) == Counter(traffic.taken)
    assert set(Counter(traffic.taken).values()) == {1}
    assert "Traceback" not in mail.daemon.log()


def test_a_daemon_that_is_down_costs_a_later_try_and_no_mail(lab: Path) -> None:
    # without socket activation; also the proof that these tests would see Postfix complain
    with Policyd(lab) as daemon, Postfix(lab, daemon.inet) as postfix:
        daemon.kill9()
        reply = rcpt(postfix.port, Client("198.18.0.9"), "alice@example.org", "bob@box.test")
        assert reply.code == 451
        assert CONFIGURATION_PROBLEM in reply.text
        assert CONFIGURATION_PROBLEM in postfix.maillog()
        daemon.start()
        assert rcpt(postfix.port, Client("198.18.0.9"), "alice@example.org", "bob@box.test").code == 450


def is_greylisted(action: str) -> bool:
    return action.startswith("DEFER_IF_PERMIT 4.2.0 Greylisted")


def test_what_was_answered_before_a_kill_is_known_after_it(lab: Path) -> None:
    with Policyd(lab, activated=True) as daemon:
        with PolicyClient(daemon.inet) as client:
            for number in range(50):
                assert is_greylisted(client.ask(recipient=f"r{number}@box.test"))
            daemon.kill9()
        answered = time.monotonic()
        daemon.start()
        sleep_until(answered + DELAY)
        with PolicyClient(daemon.inet) as client:
            for number in range(50):
                action = client.ask(recipient=f"r{number}@box.test", instance=f"1.2.{number}.0")
                assert action.startswith("PREPEND X-Greylist: delayed "), action


@contextmanager
def locked(store: Path) -> Iterator[None]:
    """Hold the write lock of every database of a store, as a backup or a curious administrator may."""
    files = [path for path in store.parent.glob(f"{store.name}*") if path.read_bytes()[:15] == b"SQLite format 3"]
    connections = [sqlite3.connect(path, isolation_level=None) for path in files]
    assert connections
    for connection in connections:
        connection.execute("BEGIN IMMEDIATE")
    yield
    for connection in connections:
        connection.execute("ROLLBACK")
        connection.close()


def test_a_store_that_another_program_locks_makes_nobody_wait_and_defers_nobody_for_ever(lab: Path) -> None:
    settings = {"server": {"request_deadline": "2s"}, "greylist": {"delay": "1h"}}
    with Policyd(lab, settings, activated=True) as daemon:
        with PolicyClient(daemon.inet) as client:
            assert is_greylisted(client.ask(recipient="before@box.test"))
            with locked(daemon.store):
                started = time.monotonic()
                answer = client.ask(recipient="locked@box.test")
                assert time.monotonic() - started < 3
            numbers = itertools.count()
            wait_until(lambda: is_greylisted(client.ask(recipient=f"{next(numbers)}@box.test")), 30, "recovery")
        daemon.kill9()
        daemon.start()
        with PolicyClient(daemon.inet) as client:
            client.ask(recipient="before@box.test")
            client.ask(recipient="locked@box.test")
        wait_until(lambda: len(daemon.lines("recipient=locked@box.test")) == 2, 10, "two log lines")
        assert "reason=early-retry" in daemon.lines("recipient=before@box.test")[1]
        # whoever was put off had been remembered (promise 2)
        assert ("reason=early-retry" in daemon.lines("recipient=locked@box.test")[1]) == is_greylisted(answer)


@pytest.mark.parametrize("held", [b"", request()[:40]], ids=["idle", "half a request"])
def test_sigterm_waits_for_nobody_longer_than_five_seconds(lab: Path, held: bytes) -> None:
    with Policyd(lab) as daemon, PolicyClient(daemon.inet) as client:
        client.ask()
        client.socket.sendall(held)
        time.sleep(0.1)
        started = time.monotonic()
        assert daemon.term() == 0
        assert time.monotonic() - started < (5.9 if held else 2)
        assert client.is_closed()


def test_a_wrong_configuration_at_reload_changes_nothing_and_is_named_by_file_and_line(lab: Path) -> None:
    (lab / "clients").write_text("friend.example\n")
    with Policyd(lab, {"whitelist": {"clients": [f"{lab}/clients"]}}) as daemon, PolicyClient(daemon.inet) as client:
        good = daemon.config.read_text()
        daemon.config.write_text(good.replace('delay = "2s"', 'dealy = "0s"'))
        daemon.hup()
        line = 1 + good.split("\n").index('delay = "2s"')
        assert len(daemon.lines(f"policyd.toml:{line}: ", "dealy")) == 1
        assert is_greylisted(client.ask())
        assert client.ask(client_name="mx.friend.example") == "DUNNO"
        daemon.config.write_text(good.replace('delay = "2s"', 'delay = "0s"'))
        daemon.hup()
        assert not is_greylisted(client.ask(recipient="new@box.test"))


def test_a_reload_takes_changed_lists_and_open_connections_see_them(lab: Path) -> None:
    clients = lab / "clients"
    clients.write_text("friend.example\n")
    with Policyd(lab, {"whitelist": {"clients": [str(clients)]}}) as daemon, PolicyClient(daemon.inet) as client:
        assert is_greylisted(client.ask(client_name="mx.pal.example"))
        clients.write_text("friend.example\npal.example\n")
        daemon.hup()
        assert client.ask(client_name="mx.pal.example") == "DUNNO"
        clients.write_text("enemy.example\n192.0.2.300\n")
        daemon.hup()
        assert len(daemon.lines("warning: ", f"{clients}:2: ")) == 1
        assert client.ask(client_name="mx.pal.example") == "DUNNO"
        assert is_greylisted(client.ask(client_name="mx.enemy.example"))
