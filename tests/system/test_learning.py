"""What greylisting learns and spares, through a real Postfix: recipients by fifties, replies, callouts, traps."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.system.daemon import ROOT, Policyd
from tests.system.parts import laboratory
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, Smtp, attempt, rcpt

DELAY: Final = 2
# What Postfix does unless told otherwise (postconf -d).
DEFAULT_LIMITS: Final = {
    "smtpd_soft_error_limit": "10",
    "smtpd_hard_error_limit": "20",
    "smtpd_recipient_limit": "1000",
    "smtpd_recipient_overshoot_limit": "1000",
    "smtpd_junk_command_limit": "100",
    "smtpd_error_sleep_time": "0",  # a second for each error beyond the tenth: only slow
}


class Mail(NamedTuple):
    daemon: Policyd
    postfix: Postfix


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with laboratory() as home:
        settings: dict[str, dict[str, Any]] = {
            "greylist": {
                "delay": f"{DELAY}s",
                "null_sender": "data",
                "replies": "address",
                "traps": ["trap@box.test"],
                "trap_action": "reject",
            },
        }
        with Policyd(home, settings) as daemon:
            ask = f"check_policy_service {daemon.inet}"
            restrictions = {
                "smtpd_data_restrictions": ask,
                # What a submission service has for everybody is here for one client: there is one service.
                "smtpd_restriction_classes": "outgoing",
                # The form of docs/postfix.md, which has no blanks because master.cf would need braces around them.
                "outgoing": f"check_policy_service,{{{daemon.inet},policy_context=outbound,default_action=DUNNO}}",
                "smtpd_relay_restrictions": "check_client_access inline:{ 198.18.4.9=outgoing }",
            }
            with Postfix(home, daemon.inet, DEFAULT_LIMITS | restrictions) as postfix:
                yield Mail(daemon, postfix)
                assert CONFIGURATION_PROBLEM not in postfix.maillog()


def cli(mail: Mail, *arguments: str) -> Any:
    socket = f"{mail.daemon.home}/control.sock"
    command = [sys.executable, "-m", "policyd", "greylist", *arguments, "--socket", socket, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def try_fifty(port: int, client: Client) -> tuple[list[str], bool]:
    """One session with 50 recipients: those that were accepted, and whether Postfix cut it off."""
    accepted = []
    with Smtp(port, client) as session:
        session.must(250, session.say("MAIL FROM:<news@list.example>"))
        for number in range(50):
            reply = session.say(f"RCPT TO:<reader{number}@box.test>")
            if reply.code == 421:
                return accepted, True
            accepted += [f"reader{number}@box.test"] * (reply.code == 250)
        if accepted:
            session.must(354, session.say("DATA"))
            session.must(250, session.say("Subject: fifty\r\n\r\nHello\r\n."))
    return accepted, False


def test_the_retry_of_a_message_with_fifty_new_recipients_passes_whole(mail: Mail) -> None:
    client = Client("198.18.1.9", "mx.list.example")
    accepted, cut = try_fifty(mail.postfix.port, client)
    assert (accepted, cut) == ([], True)  # the negative control: Postfix does cut it off at its error limit
    time.sleep(DELAY + 0.1)
    accepted, cut = try_fifty(mail.postfix.port, client)
    assert (len(accepted), cut) == (50, False)
    # Those who came along are known from now on.
    assert rcpt(mail.postfix.port, client, "news@list.example", "reader49@box.test").code == 250


def test_a_callout_gets_its_answer_and_a_bounce_waits_at_data(mail: Mail) -> None:
    client = Client("198.18.2.9", "mx.callout.example")
    with Smtp(mail.postfix.port, client) as session:
        session.must(250, session.say("MAIL FROM:<>"))
        session.must(250, session.say("RCPT TO:<bob@box.test>"))
        reply = session.say("DATA")
        assert reply.code == 450
        assert "Greylisted" in reply.text
    time.sleep(DELAY + 0.1)
    assert attempt(mail.postfix.port, client, "", ["bob@box.test"]).accepted


def test_whom_a_user_wrote_to_may_answer_at_once(mail: Mail) -> None:
    stranger = Client("198.18.3.9", "mx.friend.example")
    assert rcpt(mail.postfix.port, stranger, "friend@friend.example", "me@box.test").code == 450
    user = Client("198.18.4.9", "laptop.example", login="me")
    with Smtp(mail.postfix.port, user) as session:
        session.must(250, session.say("MAIL FROM:<me@box.test>"))
        session.say("RCPT TO:<friend@friend.example>")
    assert rcpt(mail.postfix.port, stranger, "friend@friend.example", "me@box.test").code == 250
    assert rcpt(mail.postfix.port, stranger, "other@friend.example", "me@box.test").code == 450


def test_who_mails_a_trap_is_refused(mail: Mail) -> None:
    bot = Client("198.18.5.9")
    refused = rcpt(mail.postfix.port, bot, "a@spam.example", "trap@box.test")
    assert (refused.code, "spam trap" in refused.text) == (550, True)
    assert rcpt(mail.postfix.port, Client("198.18.5.77"), "b@spam.example", "bob@box.test").code == 550
    assert rcpt(mail.postfix.port, Client("198.18.6.9"), "b@spam.example", "bob@box.test").code == 450


def test_an_administrator_sees_who_waits_and_lets_him_pass(mail: Mail) -> None:
    client = Client("198.18.7.9", "mx.waiting.example")
    assert rcpt(mail.postfix.port, client, "anna@waiting.example", "bob@box.test").code == 450
    (waiting,) = cli(mail, "list", "anna@waiting.example")["waiting"]
    assert set(waiting["identities"]) == {"198.18.7.0/24", "waiting.example"}
    assert waiting["until"] - waiting["since"] == DELAY
    assert len(cli(mail, "release", "anna@waiting.example")["released"]) == 1
    assert rcpt(mail.postfix.port, client, "anna@waiting.example", "bob@box.test").code == 250
    assert cli(mail, "list", "anna@waiting.example")["waiting"] == []
    assert cli(mail, "forget", "waiting.example")["forgotten"]
    assert rcpt(mail.postfix.port, client, "anna@waiting.example", "bob@box.test").code == 450
    assert cli(mail, "stats")["kinds"]["waiting"] >= 2
