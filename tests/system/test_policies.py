"""Policies through a real Postfix: what one recipient asked for is his alone, and the log names the section."""

import time
from collections.abc import Iterator

import pytest

from tests.system.daemon import Policyd
from tests.system.parts import laboratory, wait_until
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, Reply, Smtp, rcpt, sleep_until

STRANGER = Client("203.0.113.9", "mail.example.org")
DELAY = 2
SLOW_DELAY = 5

POLICIES = f"""
[[policy]]
name = "no waiting"
recipients = ["now@box.test", "example.test"]
off = ["greylist"]

[[policy]]
name = "long waiting"
recipients = ["slow@box.test"]
delay = "{SLOW_DELAY}s"

[[policy]]
name = "as everybody"
recipients = ["careful@example.test"]

[[policy]]
name = "nothing is asked"
recipients = ["open@box.test"]
checks = []
"""


class Mail:
    """A policyd with policies, and a Postfix that asks it."""

    def __init__(self, daemon: Policyd, postfix: Postfix) -> None:
        self.daemon, self.port = daemon, postfix.port

    def say(self, sender: str, recipient: str) -> Reply:
        return rcpt(self.port, STRANGER, sender, recipient)

    def logged(self, sender: str, recipient: str) -> str:
        """The line about them that was written last."""
        words = (f"sender={sender}", f"recipient={recipient}")
        wait_until(lambda: self.daemon.lines(*words), 10, "the line in the log")
        return self.daemon.lines(*words)[-1]


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with laboratory() as home:
        (home / "senders").write_text("spam@example.com\n")
        settings = {
            "chain": {"checks": ["blacklist", "greylist"]},
            "blacklist": {"senders": [f"{home}/senders"]},
            "greylist": {"delay": f"{DELAY}s"},
        }
        daemon = Policyd(home, settings)
        daemon.config.write_text(daemon.config.read_text() + POLICIES)
        with daemon, Postfix(home, daemon.unix) as postfix:
            yield Mail(daemon, postfix)
            assert CONFIGURATION_PROBLEM not in postfix.maillog()


def test_one_waits_long_and_one_does_not_wait(mail: Mail) -> None:
    begun = time.monotonic()
    first = {name: mail.say("a@example.org", f"{name}@box.test").code for name in ("now", "slow", "bob")}
    assert first == {"now": 250, "slow": 450, "bob": 450}
    sleep_until(begun + DELAY + 1)
    assert mail.say("a@example.org", "bob@box.test").code == 250
    assert mail.say("a@example.org", "slow@box.test").code == 450
    sleep_until(begun + SLOW_DELAY + 1)
    assert mail.say("a@example.org", "slow@box.test").code == 250


def test_a_domain_has_a_policy_and_one_in_it_another(mail: Mail) -> None:
    codes = {
        who: mail.say("b@example.org", who).code
        for who in ("any@example.test", "careful@example.test", "now+tag@box.test", "nowhere@box.test")
    }
    assert list(codes.values()) == [250, 450, 250, 450], codes


def test_recipients_of_one_mail_have_each_their_own(mail: Mail) -> None:
    with Smtp(mail.port, STRANGER) as session:
        codes = session.attempt("c@example.org", ["now@box.test", "bob@box.test", "open@box.test"]).recipients
    assert [reply.code for reply in codes.values()] == [250, 450, 250]


def test_off_is_off_for_one_check_only(mail: Mail) -> None:
    assert mail.say("spam@example.com", "now@box.test").code == 550
    assert mail.say("spam@example.com", "open@box.test").code == 250


def test_the_log_names_the_policy(mail: Mail) -> None:
    for recipient, name in {"now": "no waiting", "slow": "long waiting", "open": "nothing is asked"}.items():
        mail.say("d@example.org", f"{recipient}@box.test")
        line = mail.logged("d@example.org", f"{recipient}@box.test")
        assert f', policy="{name} ({mail.daemon.config}:' in line
    mail.say("d@example.org", "bob@box.test")
    assert "policy=" not in mail.logged("d@example.org", "bob@box.test")
