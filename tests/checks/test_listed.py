"""What lists are asked about: only what a request says, and only lists that have entries."""

import pytest

from policyd.checks.listed import Questions, check_source
from policyd.model.action import DUNNO
from policyd.model.address import Address
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Verdict
from policyd.tables.lists import ListKind, Match, Source, Subject, TableList, compile_table
from policyd.wire.request import parse_request

NOW = 1_700_000_000


class Listener(TableList):
    """A list that writes down what it was asked."""

    def __init__(self, kind: ListKind) -> None:
        table = compile_table(kind, Source("policyd", "list"), "example.com\n")
        self.find, table.find = table.find, self.listen
        super().__init__(kind, [table])
        self.heard: list[Subject] = []

    def listen(self, subject: Subject, now: int) -> Match | None:
        self.heard.append(subject)
        return self.find(subject, now)


def welcome(kind: ListKind, match: Match) -> Verdict | None:
    return Verdict(DUNNO, "client whitelist", match=f"{kind} {match}")


def request(**attributes: str) -> PolicyRequest:
    lines = {"protocol_state": "RCPT", "client_name": "unknown"} | attributes
    return parse_request("\n".join(f"{name}={value}" for name, value in lines.items()).encode())


def heard(kind: ListKind, **attributes: str) -> list[Subject]:
    listener = Listener(kind)
    assert Questions([listener], welcome)(request(**attributes), NOW) is NO_OPINION
    return listener.heard


def test_a_client_is_its_address_and_its_verified_name() -> None:
    (client,) = heard("client", client_address="192.0.2.1", client_name="mx.example.net", reverse_client_name="no")
    address, name = client
    assert name == "mx.example.net"
    assert isinstance(address, Address)
    assert address.text == "192.0.2.1"


@pytest.mark.parametrize(
    ("kind", "attributes", "subjects"),
    [
        ("helo", {"helo_name": "mx.example.net"}, ["mx.example.net"]),
        ("helo", {}, []),
        ("sender", {"sender": "a@example.net"}, ["a@example.net"]),
        ("sender", {"sender": ""}, [""]),
        ("sender", {}, []),
        ("recipient", {"recipient": "b@example.net"}, ["b@example.net"]),
        ("recipient", {"recipient": ""}, []),
    ],
)
def test_only_what_a_request_says_is_looked_up(kind: ListKind, attributes: dict[str, str], subjects: list[str]) -> None:
    assert heard(kind, **attributes) == subjects


def test_a_list_without_entries_is_not_asked() -> None:
    listener = Listener("sender")
    listener.tables = ()
    assert Questions([listener], welcome)(request(sender="a@example.com"), NOW) is NO_OPINION
    assert listener.heard == []


def test_the_first_list_with_a_verdict_has_the_last_word() -> None:
    sender, recipient = Listener("sender"), Listener("recipient")
    mail = request(sender="a@example.com", recipient="b@example.com")
    assert Questions([sender, recipient], welcome)(mail, NOW).match == "sender list:1: example.com"
    assert recipient.heard == []
    only_recipients = Questions([sender, recipient], lambda kind, m: welcome(kind, m) if kind == "recipient" else None)
    assert only_recipients(mail, NOW).match == "recipient list:1: example.com"


def test_lists_are_asked_as_they_are_now() -> None:
    listener = Listener("sender")
    ask = Questions([listener], welcome)
    assert ask(request(sender="a@example.net"), NOW) is NO_OPINION
    listener.tables = (compile_table("sender", Source("policyd", "list"), "example.net\n"),)
    assert ask(request(sender="a@example.net"), NOW) is not NO_OPINION


def test_what_names_no_list_is_refused() -> None:
    check_source("/etc/policyd/senders")
    with pytest.raises(ValueError, match="mysql"):
        check_source("mysql:/etc/postfix/access.cf")
