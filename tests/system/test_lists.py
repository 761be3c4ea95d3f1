"""Lists as an administrator lives with them: a real Postfix, files that are edited while mail comes in."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.system.daemon import ROOT, Policyd
from tests.system.parts import laboratory, wait_until
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, Reply, rcpt

EFFECT: Final = 2.0
"""Seconds within which an edit counts."""
STRANGER: Final = Client("203.0.113.9", "mail.example.org")

_EXEMPTING: Final = """
[[whitelist.lists]]
recipients = ["{home}/roles"]
exempt = ["greylist"]
"""


class Mail(NamedTuple):
    """A policyd with lists in `home`, and a Postfix that asks it."""

    home: Path
    daemon: Policyd
    postfix: Postfix

    def say(self, sender: str, recipient: str = "bob@box.test", client: Client = STRANGER) -> Reply:
        """What Postfix says to mail of `sender`."""
        return rcpt(self.postfix.port, client, sender, recipient)

    def edit(self, name: str, text: str) -> float:
        """Write a list file as an editor does that saves in place; the time of it."""
        (self.home / name).write_text(text)
        return time.monotonic()

    def waits_for(self, code: int, sender: str, since: float) -> Reply:
        """The first answer with `code`, which must come within EFFECT of `since`."""
        while (reply := self.say(sender)).code != code:
            assert time.monotonic() - since < EFFECT, reply
            time.sleep(0.02)
        return reply


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with laboratory() as home:
        for name in ("friends", "roles", "senders", "clients"):
            (home / name).write_text("")
        settings = {
            "chain": {"checks": ["whitelist", "blacklist", "greylist"]},
            "whitelist": {"clients": [], "senders": [f"{home}/friends"], "recipients": []},
            "blacklist": {"clients": [f"{home}/clients"], "senders": [f"{home}/senders"]},
            "greylist": {"delay": "1h"},
        }
        daemon = Policyd(home, settings)
        daemon.config.write_text(daemon.config.read_text() + _EXEMPTING.format(home=home))
        with daemon, Postfix(home, daemon.unix) as postfix:
            yield Mail(home, daemon, postfix)
            assert CONFIGURATION_PROBLEM not in postfix.maillog()


def is_greylisted(reply: Reply) -> bool:
    return reply.code == 450 and "Greylisted" in reply.text


def test_an_edit_refuses_the_next_mail_and_its_removal_lets_it_in(mail: Mail) -> None:
    assert is_greylisted(mail.say("spam@example.com"))
    since = mail.edit("senders", "spam@example.com  550 5.7.1 no thanks\n")
    reply = mail.waits_for(550, "spam@example.com", since)
    found = re.fullmatch(
        r"5\.7\.1 <bob@box\.test>: Recipient address rejected: no thanks \(id ([0-9A-F]{8})\)", reply.text
    )
    assert found, reply
    wait_until(lambda: mail.daemon.lines("reason=blacklist", f"id={found[1]}"), EFFECT, "the line in the log")
    (line,) = mail.daemon.lines("reason=blacklist", f"id={found[1]}")
    assert f'match="{mail.home}/senders:1: spam@example.com"' in line
    assert is_greylisted(mail.say("other@example.com"))
    since = mail.edit("senders", "# nobody\n")
    assert is_greylisted(mail.waits_for(450, "spam@example.com", since))


def test_a_broken_line_changes_nothing(mail: Mail) -> None:
    since = mail.edit("senders", "spam@example.com\n")
    reply = mail.waits_for(550, "spam@example.com", since)
    assert "Rejected by local policy, sender address is listed (id " in reply.text
    mail.edit("senders", "other@example.com\nspam@example.com FROBNICATE\n")
    wait_until(lambda: mail.daemon.lines(f"{mail.home}/senders:2: "), EFFECT, "the mistake in the log")
    assert mail.say("spam@example.com").code == 550
    assert is_greylisted(mail.say("other@example.com"))
    since = mail.edit("senders", "")
    mail.waits_for(450, "spam@example.com", since)


def test_a_file_that_comes_and_goes(mail: Mail) -> None:
    since = mail.edit("senders.local", "new@example.com\n")
    mail.waits_for(550, "new@example.com", since)
    (mail.home / "senders.local").unlink()
    mail.waits_for(450, "new@example.com", time.monotonic())


def test_at_sighup_it_counts_at_once(mail: Mail) -> None:
    mail.edit("senders", "hup@example.com\n")
    mail.daemon.hup()
    assert mail.say("hup@example.com").code == 550
    mail.edit("senders", "")
    mail.daemon.hup()


def test_a_window_acts_only_inside(mail: Mail) -> None:
    begin = int(time.time()) + 4
    end = begin + 2
    since, until = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (begin, end))
    mail.edit("senders", f'[from={since} until={until} reason="a loop"] loop@example.com\n')
    while time.time() < begin - 0.5:
        assert is_greylisted(mail.say("loop@example.com"))
        time.sleep(0.1)
    assert mail.daemon.lines(f"{mail.home}/senders: taken, 1 entry")
    time.sleep(max(0.0, begin - time.time()) + 0.05)
    while time.time() < end - 0.5:
        assert mail.say("loop@example.com").code == 550
        time.sleep(0.1)
    time.sleep(max(0.0, end - time.time()) + 0.05)
    assert is_greylisted(mail.say("loop@example.com"))
    mail.edit("senders", "")


def policyd_list(mail: Mail, *arguments: str) -> str:
    """What ``policyd list ...`` prints; it must be content."""
    command = [sys.executable, "-m", "policyd", "list", *arguments, "--config", str(mail.daemon.config)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done
    return done.stdout


def test_what_the_command_line_writes_counts(mail: Mail) -> None:
    mail.edit("senders.local", "# ours\n")
    said = policyd_list(mail, "add", "sender", "cli@example.com", "REJECT", "no thanks", "--for", "7d")
    since = time.monotonic()
    assert said.startswith(f"{mail.home}/senders.local:2: [until=")
    assert "no thanks (id " in mail.waits_for(554, "cli@example.com", since).text
    assert f"{mail.home}/senders.local:2: cli@example.com: REJECT no thanks" in policyd_list(
        mail, "test", "sender", "cli@example.com"
    )
    policyd_list(mail, "remove", "sender", "cli@example.com")
    mail.waits_for(450, "cli@example.com", time.monotonic())
    assert (mail.home / "senders.local").read_text() == "# ours\n"
    (mail.home / "senders.local").unlink()


def test_a_listed_network_is_refused(mail: Mail) -> None:
    since = mail.edit("clients", "198.51.100.0/24  REJECT not from there\n")
    time.sleep(max(0.0, since + EFFECT - time.monotonic()))
    refused = mail.say("alice@example.org", client=Client("198.51.100.77"))
    assert refused.code == 554
    assert "not from there (id " in refused.text
    assert is_greylisted(mail.say("alice@example.org", client=Client("198.51.101.77")))


def test_a_whitelisted_sender_does_not_wait(mail: Mail) -> None:
    assert is_greylisted(mail.say("codes@airline.example"))
    since = mail.edit("friends", "airline.example\n")
    mail.waits_for(250, "codes@airline.example", since)
    words = ("reason=sender whitelist", f'match="{mail.home}/friends:1: airline.example"')
    wait_until(lambda: mail.daemon.lines(*words), EFFECT, "the line in the log")


def test_an_exempting_list_exempts_from_greylisting_and_not_from_the_blacklist(mail: Mail) -> None:
    mail.edit("roles", "postmaster@\n")
    since = mail.edit("senders", "bad@example.com\n")
    mail.waits_for(550, "bad@example.com", since)
    time.sleep(max(0.0, since + EFFECT - time.monotonic()))
    assert mail.say("stranger@example.com", "postmaster@box.test").code == 250
    assert mail.say("bad@example.com", "postmaster@box.test").code == 550
    assert is_greylisted(mail.say("stranger@example.com"))
    mail.edit("senders", "")


def test_hits_outlive_the_daemon(lab: Path) -> None:
    (lab / "senders").write_text("spam@example.com\n")
    settings = {"chain": {"checks": ["blacklist", "greylist"]}, "blacklist": {"senders": [f"{lab}/senders"]}}
    counts = []
    with Policyd(lab, settings) as daemon, Postfix(lab, daemon.unix) as postfix:
        for _ in range(2):
            assert rcpt(postfix.port, STRANGER, "spam@example.com", "bob@box.test").code == 550
            assert daemon.term() == 0
            ((entry, (count, last)),) = json.loads((lab / "list-hits.json").read_text())[f"{lab}/senders"].items()
            assert entry == "spam@example.com"
            assert abs(last - time.time()) < 10
            counts.append(count)
            daemon.start()
    assert counts == [1, 2]
