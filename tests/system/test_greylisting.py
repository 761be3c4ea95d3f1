"""Greylisting as a mail server lives it: real Postfix, real SMTP, both kinds of socket, real seconds."""

import itertools
import time
from collections.abc import Callable, Iterator
from email.message import Message
from typing import Any, Final, NamedTuple

import pytest

from tests.system.daemon import Policyd
from tests.system.parts import laboratory
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, Reply, Smtp, attempt, rcpt

DELAY: Final = 2
NUMBERS: Final = itertools.count(1)

WHITELISTED_CLIENTS: Final = "friend.example\n198.51.100.0/24\n2001:db8:ffff::/48\n"
WHITELISTED_RECIPIENTS: Final = "abuse@\nopen@box.test\n"


class Mail(NamedTuple):
    """A policyd and a Postfix that asks it."""

    daemon: Policyd
    postfix: Postfix

    @property
    def port(self) -> int:
        return self.postfix.port


@pytest.fixture(scope="module", params=["inet", "unix"])
def mail(request: pytest.FixtureRequest) -> Iterator[Mail]:
    with laboratory() as home:
        (home / "clients").write_text(WHITELISTED_CLIENTS)
        (home / "recipients").write_text(WHITELISTED_RECIPIENTS)
        settings: dict[str, dict[str, Any]] = {
            "whitelist": {"clients": [f"{home}/clients"], "recipients": [f"{home}/recipients"]},
            "greylist": {"delay": f"{DELAY}s", "auto_whitelist_clients": 2, "auto_whitelist_interval": "0s"},
        }
        with Policyd(home, settings) as daemon, Postfix(home, getattr(daemon, request.param)) as postfix:
            yield Mail(daemon, postfix)
            assert CONFIGURATION_PROBLEM not in postfix.maillog()
            assert "problem talking to server" not in postfix.maillog()


def stranger() -> Client:
    """A client from a /24 and a domain that nobody came from before."""
    number = next(NUMBERS)
    return Client(f"198.{18 + number // 256}.{number % 256}.9", f"mail.stranger{number}.example")


def ipv6_stranger() -> Client:
    """A client from a /48 and a domain that nobody came from before."""
    number = next(NUMBERS)
    return Client(f"IPV6:2001:db8:{number:x}::9", f"mail.stranger{number}.example")


def is_greylisted(reply: Reply) -> bool:
    return reply.code == 450 and reply.text.startswith("4.2.0 ") and "Greylisted" in reply.text


def wait() -> None:
    """Until every try made so far is DELAY seconds old, also in whole seconds."""
    time.sleep(DELAY + 0.05)


def headers(message: Message) -> list[str]:
    return [str(value) for value in message.get_all("X-Greylist", [])]


def test_a_stranger_must_come_back_and_then_is_known(mail: Mail) -> None:
    client, subject = stranger(), f"dialogue-{mail.port}"
    message = ("alice@example.org", ["bob@box.test"], subject)
    first = attempt(mail.port, client, *message)
    assert is_greylisted(first.recipients["bob@box.test"])
    early = attempt(mail.port, client, *message)
    assert is_greylisted(early.recipients["bob@box.test"])
    wait()
    assert attempt(mail.port, client, *message).accepted
    (delivered,) = mail.postfix.wait_for_mail(subject)
    (header,) = headers(delivered)
    assert header.startswith("delayed ")
    assert DELAY <= int(header.split()[1]) <= DELAY + 2
    assert " seconds by policyd-" in header
    assert delivered.keys().index("X-Greylist") < delivered.keys().index("Received")
    again = (*message[:2], f"{subject}-again")
    assert attempt(mail.port, client, *again).accepted
    (known,) = mail.postfix.wait_for_mail(f"{subject}-again")
    assert headers(known) == []


def test_a_message_to_three_recipients_is_delayed_for_each_and_says_so_once(mail: Mail) -> None:
    client, subject = stranger(), f"three-{mail.port}"
    recipients = [f"{name}@box.test" for name in ("one", "two", "three")]
    first = attempt(mail.port, client, "alice@example.org", recipients, subject)
    assert [is_greylisted(reply) for reply in first.recipients.values()] == [True] * 3
    wait()
    assert attempt(mail.port, client, "alice@example.org", recipients, subject).accepted
    copies = mail.postfix.wait_for_mail(subject, 3)
    assert [len(headers(copy)) for copy in copies] == [1, 1, 1]


def test_a_new_recipient_does_not_hold_up_the_known_one(mail: Mail) -> None:
    client, subject = stranger(), f"mixed-{mail.port}"
    assert is_greylisted(rcpt(mail.port, client, "alice@example.org", "known@box.test"))
    wait()
    assert rcpt(mail.port, client, "alice@example.org", "known@box.test").code == 250
    tried = attempt(mail.port, client, "alice@example.org", ["known@box.test", "new@box.test"], subject)
    assert tried.recipients["known@box.test"].code == 250
    assert is_greylisted(tried.recipients["new@box.test"])
    (copy,) = mail.postfix.wait_for_mail(subject)
    assert copy["X-Original-To"] == "known@box.test"


def test_the_null_sender_is_greylisted_like_any_other(mail: Mail) -> None:
    client = stranger()
    assert is_greylisted(rcpt(mail.port, client, "", "bob@box.test"))
    wait()
    assert rcpt(mail.port, client, "", "bob@box.test").code == 250


def test_letter_case_and_a_tag_of_the_sender_make_no_new_triplet(mail: Mail) -> None:
    client = stranger()
    assert is_greylisted(rcpt(mail.port, client, "Alice+list-17@Example.ORG", "Bob@Box.TEST"))
    wait()
    assert rcpt(mail.port, client, "alice+list-18@example.org", "bob@box.test").code == 250


@pytest.mark.parametrize(
    ("first", "neighbour", "outsider"),
    [
        ("198.51.101.9", "198.51.101.250", "198.51.102.9"),
        ("IPV6:2001:db8:a:b::9", "IPV6:2001:DB8:A:B:ffff::1", "IPV6:2001:db8:a:c::9"),
    ],
    ids=["IPv4", "IPv6"],
)
def test_a_neighbour_may_retry_and_another_network_may_not(
    mail: Mail, first: str, neighbour: str, outsider: str
) -> None:
    assert is_greylisted(rcpt(mail.port, Client(first), "alice@example.org", "bob@box.test"))
    wait()
    assert is_greylisted(rcpt(mail.port, Client(outsider), "alice@example.org", "bob@box.test"))
    assert rcpt(mail.port, Client(neighbour), "alice@example.org", "bob@box.test").code == 250


@pytest.mark.parametrize("kind", [stranger, ipv6_stranger])
def test_who_passed_twice_is_not_asked_again(mail: Mail, kind: Callable[[], Client]) -> None:
    client = kind()
    recipients = ["one@box.test", "two@box.test"]
    attempt(mail.port, client, "alice@example.org", recipients)
    assert is_greylisted(rcpt(mail.port, client, "new@example.org", "three@box.test"))
    wait()
    assert attempt(mail.port, client, "alice@example.org", recipients).accepted
    assert rcpt(mail.port, client, "another@example.org", "four@box.test").code == 250
    address = client.address.removeprefix("IPV6:")
    mail.daemon.settle()
    assert len(mail.daemon.lines("reason=client AWL", f"client_address={address}")) == 1


@pytest.mark.parametrize(
    "client",
    [
        Client("203.0.113.1", "mx.friend.example"),
        Client("203.0.113.2", "FRIEND.example"),
        Client("198.51.100.77"),
        Client("IPV6:2001:db8:ffff:1::25"),
    ],
    ids=["subdomain", "name", "IPv4 network", "IPv6 network"],
)
def test_a_whitelisted_client_passes_at_once(mail: Mail, client: Client) -> None:
    assert rcpt(mail.port, client, "alice@example.org", "bob@box.test").code == 250


def test_the_name_counts_only_when_it_is_verified(mail: Mail) -> None:
    address = stranger().address
    with Smtp(mail.port) as session:
        session.must(220, session.say(f"XCLIENT ADDR={address} NAME=[UNAVAILABLE] REVERSE_NAME=mx.friend.example"))
        session.must(250, session.say("EHLO mx.friend.example"))
        session.must(250, session.say("MAIL FROM:<alice@example.org>"))
        assert is_greylisted(session.say("RCPT TO:<bob@box.test>"))


@pytest.mark.parametrize("recipient", ["abuse@box.test", "abuse+x@example.test", "open@box.test"])
def test_a_whitelisted_recipient_is_reached_at_once(mail: Mail, recipient: str) -> None:
    assert rcpt(mail.port, stranger(), "alice@example.org", recipient).code == 250


def test_only_the_whitelisted_recipient_of_a_message_is_reached_at_once(mail: Mail) -> None:
    tried = attempt(mail.port, stranger(), "alice@example.org", ["bob@example.test", "open@box.test"])
    assert is_greylisted(tried.recipients["bob@example.test"])
    assert tried.recipients["open@box.test"].code == 250


def test_who_logged_in_is_not_greylisted(mail: Mail) -> None:
    client = stranger()
    assert rcpt(mail.port, client._replace(login="alice@example.test"), "a@example.org", "bob@box.test").code == 250
    assert is_greylisted(rcpt(mail.port, client, "a@example.org", "bob@box.test"))


def test_vrfy_is_answered_and_not_greylisted(mail: Mail) -> None:
    with Smtp(mail.port, stranger()) as session:
        assert session.say("VRFY bob@box.test").code == 252


def test_a_program_on_this_machine_is_not_greylisted(mail: Mail) -> None:
    with Smtp(mail.port) as session:
        session.must(250, session.say("EHLO localhost"))
        session.must(250, session.say("MAIL FROM:<cron@example.test>"))
        assert session.say("RCPT TO:<bob@box.test>").code == 250


def test_fifty_recipients_in_one_segment_are_answered_one_by_one(mail: Mail) -> None:
    with Smtp(mail.port, stranger()) as session:
        session.must(250, session.say("MAIL FROM:<alice@example.org>"))
        session.send(b"".join(b"RCPT TO:<r%d@box.test>\r\n" % number for number in range(50)))
        replies = [Reply(code, text.decode()) for code, text in (session.getreply() for _ in range(50))]
        assert [is_greylisted(reply) for reply in replies] == [True] * 50
        assert all(f"<r{number}@box.test>" in reply.text for number, reply in enumerate(replies))
