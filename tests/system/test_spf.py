"""SPF as a mail server lives it: real Postfix, real SMTP, a real DNS server, which can also be down."""

import re
from collections.abc import Iterator
from email.message import Message
from typing import Any, Final, NamedTuple

import pytest

from tests.lookups.spf.corpus import Zone
from tests.system.daemon import Policyd
from tests.system.parts import free_port, laboratory, wait_until
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, attempt, rcpt
from tests.system.zone_server import ZoneServer

THREE: Final = ["one@box.test", "two@box.test", "three@box.test"]
SENDER: Final = Client("192.0.2.1", helo="mail.good.example")
FORGER: Final = Client("203.0.113.66", helo="mail.forger.example")
FORWARDER: Final = Client("198.51.100.7", "mx.forwarder.example", helo="mx.forwarder.example")
ZONE: Final = Zone(
    {
        "good.example": [("TXT", [b"v=spf1 ip4:192.0.2.0/24 -all exp=why.good.example"])],
        "why.good.example": [("TXT", [b"%{i} is none of our servers"])],
        "dmarc.example": [("TXT", [b"v=spf1 ip4:192.0.2.0/24 -all"])],
        "_dmarc.dmarc.example": [("TXT", [b"v=DMARC1; p=reject"])],
        "never.example": [("TXT", [b"v=spf1 -all"])],
        "soft.example": [("TXT", [b"v=spf1 ~all"])],
        "forwarder.example": [("TXT", [b"v=spf1 ip4:198.51.100.0/24 -all"])],
        "mx.forwarder.example": [("A", "198.51.100.7")],
        "broken.example": [],
    },
    silent={("broken.example", "TXT")},
)
SPF_HEADERS: Final = ("Received-SPF", "Authentication-Results")


class Mail(NamedTuple):
    daemon: Policyd
    postfix: Postfix
    dns: ZoneServer

    @property
    def port(self) -> int:
        return self.postfix.port


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with laboratory() as home, ZoneServer(ZONE) as server:
        settings: dict[str, dict[str, Any]] = {
            "server": {"hostname": "mx.example.test"},
            "chain": {"checks": ["spf"]},
            "dns": {"nameservers": [server.address], "timeout": "1s"},
            "spf": {"second_header_context": "second", "forwarder_domains": ["forwarder.example"]},
        }
        with Policyd(home, settings) as daemon:
            second = f"check_policy_service {{ {daemon.unix}, policy_context=second }}"
            restrictions = f"reject_unauth_destination, check_policy_service {daemon.unix}, {second}"
            with Postfix(home, daemon.unix, {"smtpd_recipient_restrictions": restrictions}) as postfix:
                yield Mail(daemon, postfix, server)
                assert CONFIGURATION_PROBLEM not in postfix.maillog()
                daemon.settle()
                assert not daemon.lines("a bug")


def headers(message: Message) -> list[str]:
    """The SPF headers, in their order."""
    return [f"{name}: {value}" for name, value in message.items() if name in SPF_HEADERS]


def test_a_forger_is_refused_with_the_owners_words(mail: Mail) -> None:
    reply = rcpt(mail.port, FORGER, "user@good.example", "bob@box.test")
    assert reply.code == 550
    assert re.fullmatch(
        r"5\.7\.23 <bob@box\.test>: Recipient address rejected: SPF fail, 203\.0\.113\.66 is not allowed to send mail "
        r"from good\.example; good\.example explains: 203\.0\.113\.66 is none of our servers \(id [0-9A-F]{8}\)",
        reply.text,
    )


@pytest.mark.parametrize("sender", ["user%good.example", "good.example!user", "x%b%good.example", "user@good.example."])
def test_a_forger_may_write_the_sender_as_he_likes(mail: Mail, sender: str) -> None:
    assert rcpt(mail.port, FORGER, sender, "bob@box.test").code == 550
    assert attempt(mail.port, SENDER, sender, ["bob@box.test"], sender).accepted
    (message,) = mail.postfix.wait_for_mail(sender)
    (header,) = [header for header in headers(message) if header.startswith("Received-SPF")]
    assert header.startswith("Received-SPF: pass ")
    assert f'envelope-from="{message["Return-Path"].strip("<>")}' in header


def test_three_recipients_have_one_header_of_each_kind(mail: Mail) -> None:
    assert attempt(mail.port, SENDER, "user@good.example", THREE, "three").accepted
    for message in mail.postfix.wait_for_mail("three", 3):
        received = [header for header in headers(message) if header.startswith("Received-SPF")]
        results = [header for header in headers(message) if header.startswith("Authentication-Results")]
        (header,) = received
        assert header == (
            "Received-SPF: pass (mx.example.test: domain of good.example designates 192.0.2.1 as permitted sender) "
            'client-ip=192.0.2.1; envelope-from="user@good.example"; receiver=mx.example.test; identity=mailfrom; '
            'helo=mail.good.example; mechanism="ip4:192.0.2.0/24"'
        )
        assert results == ["Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=good.example"]
        assert not any("box.test" in header for header in headers(message))


def test_headers_stand_above_postfixs_own(mail: Mail) -> None:
    assert attempt(mail.port, SENDER, "user@soft.example", ["bob@box.test"], "above").accepted
    (message,) = mail.postfix.wait_for_mail("above")
    names = message.keys()
    assert names.index("Received-SPF") < names.index("Received")


@pytest.mark.parametrize(
    "sender", ["SRS0=HHH=TT=orig.example=user@good.example", "bounce+user=b.example-x.y@good.example"]
)
def test_senders_of_forwarders_are_quoted(mail: Mail, sender: str) -> None:
    assert attempt(mail.port, SENDER, sender, ["bob@box.test"], sender).accepted
    (message,) = mail.postfix.wait_for_mail(sender)
    assert f'envelope-from="{sender}"' in headers(message)[-1] + headers(message)[0]


def test_a_trusted_forwarder_passes_and_is_told(mail: Mail) -> None:
    assert attempt(mail.port, FORWARDER, "user@good.example", ["bob@box.test"], "forwarded").accepted
    (message,) = mail.postfix.wait_for_mail("forwarded")
    assert any(header.startswith("Received-SPF: fail ") for header in headers(message))


def test_a_domain_with_dmarc_is_left_to_dmarc(mail: Mail) -> None:
    assert attempt(mail.port, FORGER, "user@dmarc.example", ["bob@box.test"], "dmarc").accepted
    (message,) = mail.postfix.wait_for_mail("dmarc")
    assert any(header.startswith("Received-SPF: fail ") for header in headers(message))


def test_a_domain_that_never_sends_is_refused(mail: Mail) -> None:
    assert rcpt(mail.port, FORGER, "user@never.example", "bob@box.test").code == 550


def test_the_null_sender_is_judged_by_its_helo(mail: Mail) -> None:
    assert attempt(mail.port, Client("192.0.2.1", helo="good.example"), "", ["bob@box.test"], "null").accepted
    (message,) = mail.postfix.wait_for_mail("null")
    assert any("identity=helo" in header for header in headers(message))
    assert rcpt(mail.port, Client("203.0.113.66", helo="good.example"), "", "bob@box.test").code == 550


@pytest.mark.parametrize(
    "client",
    [
        Client("[UNAVAILABLE]"), Client("203.0.113.66", helo="[203.0.113.66]"),
        Client("203.0.113.66", helo="localhost"), Client("203.0.113.66", helo="x" * 300),
        Client("203.0.113.66", helo="a..b"), Client("IPV6:2001:db8::66"),
    ],
    ids=["unknown", "literal", "localhost", "long", "empty label", "IPv6"],
)  # fmt: skip
@pytest.mark.parametrize(
    "sender", ["user@soft.example", "", "u@" + "x" * 63 + ".example", '"a@b"@soft.example', "user@single", "local"]
)
def test_odd_names_break_nothing(mail: Mail, client: Client, sender: str) -> None:
    assert rcpt(mail.port, client, sender, "bob@box.test").code == 250


def test_a_domain_whose_dns_is_broken_gets_through_as_a_temperror(mail: Mail) -> None:
    assert attempt(mail.port, SENDER, "user@broken.example", ["bob@box.test"], "broken").accepted
    (message,) = mail.postfix.wait_for_mail("broken")
    (header,) = [header for header in headers(message) if header.startswith("Received-SPF")]
    assert header.startswith("Received-SPF: temperror ")
    assert 'problem="DNS: servfail for TXT of broken.example"' in header


def test_dns_that_is_down_stops_no_mail(mail: Mail) -> None:
    mail.daemon.configure({"dns": {"nameservers": [f"127.0.0.1:{free_port()}"]}})
    mail.daemon.hup()
    try:
        assert attempt(mail.port, FORGER, "user@good.example", ["bob@box.test"], "down").accepted
        (message,) = mail.postfix.wait_for_mail("down")
        assert any(header.startswith("Received-SPF: temperror ") for header in headers(message))
    finally:
        mail.daemon.configure({"dns": {"nameservers": [mail.dns.address]}})
        mail.daemon.hup()


def test_what_the_log_says(mail: Mail) -> None:
    rcpt(mail.port, FORGER, "logged@good.example", "bob@box.test")
    words = ("action=reject", "reason=spf fail", "sender=logged@good.example")
    wait_until(lambda: mail.daemon.lines(*words), 10, mail.daemon.log)
