"""What an administrator sees: the truth about mails that a real Postfix asked about, and about faults within seconds.

One mail is deferred, one passes, one is rejected by a blacklist, one by a DNS list, and one only in shadow mode. What
Postfix logs of them is read by fail2ban's own filter and by pflogsumm, as Debian has them.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.system.daemon import ROOT, Policyd
from tests.system.nameservers import Rbldnsd
from tests.system.parts import laboratory, require, wait_until
from tests.system.policy import PolicyClient
from tests.system.postfix import Postfix
from tests.system.smtp import Client, Reply, rcpt, sleep_until

DELAY: Final = 2
ZONE: Final = "bl.example"
LISTED: Final = Client("198.51.100.66", "bad.example")
NEW: Final = Client("198.51.101.1", "mail.stranger.example")
BACK: Final = Client("198.51.102.1", "mail.patient.example")
FILTER: Final = "/etc/fail2ban/filter.d/postfix.conf"


class House(NamedTuple):
    """A policyd with a DNS list, a Postfix that asks it, and what Postfix told whom."""

    daemon: Policyd
    postfix: Postfix
    replies: dict[str, Reply]


def policyd(daemon: Policyd, *arguments: str) -> tuple[int, str, str]:
    """The command line beside the running daemon: exit status, stdout, stderr."""
    command = [sys.executable, "-m", "policyd", *arguments, "--config", str(daemon.config)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=daemon.home, check=False)
    return done.returncode, done.stdout, done.stderr


def told(daemon: Policyd, *arguments: str) -> Any:
    """What a verb says with --json."""
    return json.loads(policyd(daemon, *arguments, "--json")[1])


def settings(home: Path, nameserver: str) -> dict[str, dict[str, Any]]:
    (home / "senders").write_text("spam@example.org REJECT no thanks\n")
    return {
        "chain": {"checks": ["whitelist", "blacklist", "rbl", "greylist"]},
        "blacklist": {"senders": [f"{home}/senders"]},
        "dns": {"nameservers": [nameserver], "timeout": "1s"},
        "rbl": {"sites": [f"{ZONE}=127.0.0.2*3"], "deadline": "2s"},
        "greylist": {"delay": f"{DELAY}s", "auto_whitelist_clients": 0},
    }


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    zone = f":2:Listed, see https://bl.example/?$\n127.0.0.2\n{LISTED.address}\n"
    with (
        laboratory() as home,
        Rbldnsd(home, {ZONE: ("ip4set", zone)}) as dns,
        Policyd(home, settings(home, dns.address)) as daemon,
        Postfix(home, daemon.inet) as postfix,
    ):
        ask = lambda client, sender: rcpt(postfix.port, client, sender, "bob@box.test")  # noqa: E731
        replies = {"new": ask(NEW, "news@stranger.example"), "first": ask(BACK, "pat@patient.example")}
        begun = time.monotonic()
        replies |= {"early": ask(BACK, "pat@patient.example"), "blacklist": ask(NEW, "spam@example.org")}
        replies |= {"rbl": ask(LISTED, "a@bad.example")}
        sleep_until(begun + DELAY + 1)
        replies |= {"passed": ask(BACK, "pat@patient.example")}
        daemon.settle()
        yield House(daemon, postfix, replies)


def id_of(reply: Reply) -> str:
    found = re.search(r"\(id ([0-9A-F]{8})\)", reply.text)
    assert found, reply
    return found[1]


def test_postfix_was_told_what_the_tests_below_are_about(house: House) -> None:
    replies = house.replies
    assert [replies[name].code for name in ("new", "early", "passed", "blacklist", "rbl")] == [450, 450, 250, 554, 550]
    assert f"Client host [{LISTED.address}] blocked using {ZONE}" in replies["rbl"].text


@pytest.mark.parametrize(
    ("mail", "action", "reason"),
    [("new", "greylist", "new"), ("early", "greylist", "early-retry"), ("blacklist", "reject", "blacklist"),
     ("rbl", "reject", "listed")],
)  # fmt: skip
def test_the_id_in_a_refusal_finds_its_decision(house: House, mail: str, action: str, reason: str) -> None:
    (decision,) = told(house.daemon, "why", id_of(house.replies[mail]))["decisions"]
    assert (decision["action"], decision["reason"]) == (action, reason)
    assert any(id_of(house.replies[mail]) in line for line in house.daemon.lines(f"reason={reason}"))


def test_why_tells_the_story_of_a_sender(house: House) -> None:
    decisions = told(house.daemon, "why", "pat@patient.example")["decisions"]
    assert [decision["reason"] for decision in decisions] == ["triplet found", "early-retry", "new"]
    assert int(decisions[0]["delay"]) >= DELAY
    (rejected,) = told(house.daemon, "why", LISTED.address)["decisions"]
    assert rejected["sender"] == "a@bad.example"


def explain(house: House, client: Client, sender: str) -> dict[str, Any]:
    who = ["--client", client.address, "--client-name", client.name, "--sender", sender, "--recipient", "bob@box.test"]
    answer: dict[str, Any] = told(house.daemon, "explain", *who)
    return answer


def test_explain_says_what_would_be_done_now(house: House) -> None:
    assert explain(house, BACK, "pat@patient.example")["answer"]["reason"] == "triplet found"
    rejected = explain(house, LISTED, "a@bad.example")
    assert rejected["answer"]["action"].startswith(f"550 5.7.1 Service unavailable; Client host [{LISTED.address}]")
    (rbl,) = [step for step in rejected["steps"] if step["check"] == "rbl"]
    assert f"{ZONE} of 66.100.51.198" in rbl["facts"][0]
    assert "127.0.0.2 (3 points)" in rbl["facts"][0]
    listed = explain(house, NEW, "spam@example.org")
    assert listed["answer"]["match"] == f"{house.daemon.home}/senders:1: spam@example.org"
    assert [step["reached"] for step in listed["steps"]] == [True, True, False, False]


def test_explain_remembers_nothing(house: House) -> None:
    stranger = Client("198.51.103.1", "mail.other.example")
    for _ in range(2):
        assert explain(house, stranger, "x@other.example")["answer"]["reason"] == "new"
    assert rcpt(house.postfix.port, stranger, "x@other.example", "bob@box.test").code == 450
    assert explain(house, stranger, "x@other.example")["answer"]["reason"] in ("early-retry", "triplet found")


def test_a_line_of_the_log_can_be_explained(house: House) -> None:
    (line,) = house.daemon.lines(f"id={id_of(house.replies['rbl'])}")
    assert told(house.daemon, "explain", "--from-log", line)["answer"]["check"] == "rbl"


def test_status_and_top_see_the_traffic(house: House) -> None:
    status = told(house.daemon, "status")
    assert status["state"] == "serving", status
    with PolicyClient(house.daemon.inet) as client:
        top = subprocess.Popen(
            [sys.executable, "-m", "policyd", "top", "--json", "--seconds", "2", "--config", str(house.daemon.config)],
            stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=house.daemon.home,
        )  # fmt: skip
        end = time.monotonic() + 4
        while time.monotonic() < end and top.poll() is None:
            client.ask(client_address="203.0.113.9", sender="x@busy.example")
            time.sleep(0.01)
        counted = json.loads(top.communicate(timeout=10)[0])
    assert counted["networks"][0]["name"] == "203.0.113.0/24"
    assert counted["senders"][0]["name"] == "busy.example"
    assert counted["decisions"] > 20


def test_a_check_in_shadow_refuses_nobody_and_says_whom_it_would_have(house: House) -> None:
    house.daemon.configure({"blacklist": {"mode": "shadow"}})
    try:
        assert policyd(house.daemon, "reload")[0] == 0
        reply = rcpt(house.postfix.port, BACK, "spam@example.org", "bob@box.test")
        assert "Greylisted" in reply.text
        (decision,) = told(house.daemon, "why", id_of(reply))["decisions"]
        assert (decision["action"], decision["would_by"]) == ("greylist", "blacklist")
        assert decision["would"] == "REJECT no thanks"
        shadowed = explain(house, BACK, "spam@example.org")
        assert (shadowed["answer"]["check"], shadowed["answer"]["would"]) == ("greylist", "REJECT no thanks")
        report = told(house.daemon, "report", "--shadow", "--log", f"{house.daemon.home}/log")
        assert report["what"] == [{"name": "REJECT by blacklist", "count": 1}]
    finally:
        house.daemon.configure({"blacklist": {"mode": "enforce"}})
        assert policyd(house.daemon, "reload")[0] == 0


def test_reload_names_the_line_of_a_mistake_and_status_says_so(house: House) -> None:
    good = house.daemon.config.read_text()
    house.daemon.config.write_text(good + "[greylisted]\n")
    try:
        status, _, err = policyd(house.daemon, "reload")
        assert status == 1
        line = good.count("\n") + 1
        assert f"{house.daemon.config}:{line}: [greylisted]: no such section" in err
        assert "not taken at the last reload" in policyd(house.daemon, "status")[1]
    finally:
        house.daemon.config.write_text(good)
    assert policyd(house.daemon, "reload")[0] == 0
    assert policyd(house.daemon, "status")[0] == 0


# --- other people's readers of logs ---


def test_fail2ban_bans_whom_a_dns_list_refused_and_nobody_else(house: House) -> None:
    log = house.daemon.home / "rejects"
    log.write_text("".join(f"{line}\n" for line in house.postfix.maillog().splitlines() if "reject:" in line))
    for mode, banned in (("more", True), ("normal", True), ("aggressive", True), ("auth", False)):
        done = subprocess.run(
            [require("fail2ban-regex"), "--print-all-matched", str(log), f"postfix[mode={mode}]"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        found = done.stdout.partition("|- Matched line(s):")[2].partition("|- Missed line(s):")[0]
        matched = [line for line in found.splitlines() if re.match(r"\|\s.*reject: RCPT", line)]
        assert len(matched) == banned, f"mode={mode}: {done.stdout}"
        assert all(f"blocked using {ZONE}" in line for line in matched)
    assert log.read_text().count("Greylisted") >= 3
    assert log.read_text().count("no thanks") >= 1


def test_pflogsumm_groups_by_our_constant_words(house: House) -> None:
    done = subprocess.run(
        [require("pflogsumm"), f"{house.postfix.home}/maillog"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    details = done.stdout.partition("message reject detail")[2]
    assert re.search(r"Recipient address rejected: Greylisted \(total: [0-9]+\)", details), done.stdout
    assert re.search(r"Service unavailable|blocked using bl\.example", details)
    titles = [line for line in details.splitlines() if "Greylisted" in line]
    assert len(titles) == 1, "greylisting is one group, whoever is greylisted"


# --- faults, within ten seconds, and back ---


def within(seconds: float, condition: Callable[[], bool], traffic: Callable[[], object], what: str) -> None:
    def look() -> bool:
        traffic()
        return condition()

    wait_until(look, seconds, what)


def metric(daemon: Policyd, name: str) -> float:
    from tests.system.test_metrics import samples

    return max(value for (sample, _), value in samples(daemon).items() if sample == name)


def test_a_broken_list_shows_within_seconds_and_goes(house: House) -> None:
    senders, state = house.daemon.home / "senders", lambda: policyd(house.daemon, "status")[0]
    good = senders.read_text()
    senders.write_text(good + "broken line\n")
    within(10, lambda: state() == 1, int, "degraded")
    assert f"{senders}:2: " in policyd(house.daemon, "status")[1]
    assert metric(house.daemon, "policyd_list_bad_lines") == 1
    senders.write_text(good)
    within(10, lambda: state() == 0, int, "serving")
    assert metric(house.daemon, "policyd_list_bad_lines") == 0


def test_a_dead_nameserver_shows_within_seconds_and_goes() -> None:
    zone = f":2:Listed\n127.0.0.2\n{LISTED.address}\n"
    numbers = iter(range(1, 250_000))
    with (
        laboratory() as home,
        Rbldnsd(home, {ZONE: ("ip4set", zone)}) as dns,
        Policyd(home, settings(home, dns.address)) as daemon,
        PolicyClient(daemon.inet) as client,
    ):

        def ask() -> object:
            number = next(numbers)
            return client.ask(client_address=f"203.0.{number // 250}.{number % 250 + 1}")

        ask()
        assert policyd(daemon, "status")[0] == 0
        dns.stop()
        within(10, lambda: policyd(daemon, "status")[0] == 1, ask, "degraded")
        assert metric(daemon, "policyd_dns_server_up") == 0
        assert metric(daemon, "policyd_check_errors_total") > 0
        assert "STATUS" in daemon.notify.messages[-1][1]
        dns.start()
        within(10, lambda: policyd(daemon, "status")[0] == 0, ask, f"serving\n{policyd(daemon, 'status')[1]}")
        assert metric(daemon, "policyd_dns_server_up") == 1


def fill(path: Path) -> None:
    """Write until there is no room."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while os.write(descriptor, bytes(4096)):
            pass
    os.close(descriptor)


def test_a_full_disk_shows_within_seconds_and_goes() -> None:
    numbers = iter(range(1, 250_000))
    with laboratory() as home:
        (home / "small").mkdir()
        small = home / "small"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=True)
        try:
            store = {"store": {"url": f"sqlite:{small}/policyd.db"}}
            with Policyd(home, store) as daemon, PolicyClient(daemon.inet) as client:

                def ask() -> object:
                    number = next(numbers)
                    return client.ask(client_address=f"203.0.{number // 250}.{number % 250 + 1}")

                ask()
                assert policyd(daemon, "status")[0] == 0
                fill(small / "ballast")
                within(10, lambda: policyd(daemon, "status")[0] == 1, lambda: [ask() for _ in range(300)], "degraded")
                status = told(daemon, "status")
                assert "store" in {part["part"] for part in status["parts"] if part["troubles"]}, status
                assert metric(daemon, "policyd_store_up") == 0
                (small / "ballast").unlink()
                within(10, lambda: policyd(daemon, "status")[0] == 0, ask, "serving")
                assert metric(daemon, "policyd_store_up") == 1
        finally:
            subprocess.run(["umount", "--lazy", str(small)], check=True)
