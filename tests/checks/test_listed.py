"""What lists are asked about: only what a request says, and only lists that have entries."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.listed import Questions, files
from policyd.config.convert import convert
from policyd.model.action import DUNNO
from policyd.model.address import Address
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Verdict
from policyd.tables.lists import Client, Form, ListKind, Match, Source, Subject, TableList, compile_table
from policyd.wire.request import parse_request

NOW = 1_700_000_000


class Listener(TableList):
    """A list that writes down what it was asked; without its gate, it is asked about everybody."""

    def __init__(self, kind: ListKind, *, is_gated: bool = False) -> None:
        table = compile_table(kind, Source("policyd", "list"), "example.com\n")
        self.find, table.find = table.find, self.listen
        table.gate = table.gate if is_gated else None
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


def ask(lists: Sequence[TableList], mail: PolicyRequest) -> Verdict:
    return Questions(lists, welcome).evaluate(mail, NO_EVIDENCE, NOW)


def heard(kind: ListKind, **attributes: str) -> list[Subject]:
    listener = Listener(kind)
    assert ask([listener], request(**attributes)) is NO_OPINION
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
    assert ask([listener], request(sender="a@example.com")) is NO_OPINION
    assert listener.heard == []


@pytest.mark.parametrize("kind", ["client", "sender", "recipient"])
def test_a_list_is_not_asked_about_whom_it_cannot_name(kind: ListKind) -> None:
    listener, others = Listener(kind, is_gated=True), Listener(kind, is_gated=True)
    others.tables = (*others.tables, compile_table(kind, Source("access", "other"), "example.org REJECT\n"))
    mail = request(client_address="192.0.2.1", client_name="example.net", sender="a@b.c", recipient="a@example.net")
    assert ask([listener, others], mail) is NO_OPINION
    assert (len(listener.heard), len(others.heard)) == (0, 1)  # of the form access nobody can tell
    named = request(client_name="mx.example.com", sender="a@example.com", recipient="A@EXAMPLE.COM")
    assert ask([listener], named) is not NO_OPINION
    assert len(listener.heard) == 1


LINES = [
    "example.com",
    ".b.com",
    "a@b.com",
    "@c.com",
    "a@",
    "<>",
    "/^x/",
    "10.1",
    "2001:db8::/32",
    "[until=2020-01-01] c.com",
]
KINDS: Sequence[ListKind] = ("client", "helo", "sender", "recipient")
FILE = st.tuples(
    st.sampled_from(KINDS), st.sampled_from(["policyd", "access"]), st.lists(st.sampled_from(LINES), max_size=3)
)
NAMES = st.sampled_from(
    ["unknown", "", "example.com", "MX.Example.COM", "b.com", "x.b.com", "xa.net", "c.com", "d.net"]
)
MAILS = st.just("") | st.builds("{}@{}".format, st.sampled_from(["a", "A", "a+b", "x", ""]), NAMES) | NAMES
REQUESTS = st.builds(
    lambda address, name, helo, sender, recipient: request(
        client_address=address, client_name=name, helo_name=helo, sender=sender, recipient=recipient
    ),
    st.sampled_from(["unknown", "10.1.2.3", "10.2.2.3", "2001:db8::1", "2a00::1"]), NAMES, NAMES, MAILS, MAILS,
)  # fmt: skip


@given(st.lists(FILE, min_size=1, max_size=5), st.lists(REQUESTS, min_size=1, max_size=8))
def test_doors_change_no_answer(files: list[tuple[ListKind, Form, list[str]]], mails: list[PolicyRequest]) -> None:
    lists = [
        TableList(
            kind,
            [compile_table(kind, Source(form, form), "\n".join(lines)) for of, form, lines in files if of == kind],
        )
        for kind in KINDS
    ]
    questions = Questions(lists, welcome)
    for mail in mails:
        client = Client(mail.client_address, mail.client_name)
        subjects = (client, mail.helo_name or None, mail.sender, mail.recipient or None)
        matches = [
            f"{each.kind} {match}"
            for each, subject in zip(lists, subjects, strict=True)
            if subject is not None and (match := each.match(subject, NOW))
        ]
        assert questions.evaluate(mail, NO_EVIDENCE, NOW).match == "".join(matches[:1])


def test_the_first_list_with_a_verdict_has_the_last_word() -> None:
    sender, recipient = Listener("sender"), Listener("recipient")
    mail = request(sender="a@example.com", recipient="b@example.com")
    assert ask([sender, recipient], mail).match == "sender list:1: example.com"
    assert recipient.heard == []
    only_recipients = Questions([sender, recipient], lambda kind, m: welcome(kind, m) if kind == "recipient" else None)
    assert only_recipients.evaluate(mail, NO_EVIDENCE, NOW).match == "recipient list:1: example.com"


def test_lists_are_asked_as_they_are_now() -> None:
    listener = Listener("sender", is_gated=True)
    mail, questions = request(sender="a@example.net"), Questions([listener], welcome)
    assert questions.evaluate(mail, NO_EVIDENCE, NOW) is NO_OPINION
    listener.tables = (compile_table("sender", Source("policyd", "list"), "example.net\n"),)
    assert questions.evaluate(mail, NO_EVIDENCE, NOW) is not NO_OPINION
    listener.tables = ()
    assert questions.evaluate(mail, NO_EVIDENCE, NOW) is NO_OPINION


def test_an_option_of_files_takes_each_list_once_and_nothing_else() -> None:
    @dataclass
    class Settings:
        senders: tuple[str, ...] = files("/etc/policyd/senders")

    assert Settings().senders == ("/etc/policyd/senders",)
    (option,) = fields(Settings)
    for wrong in (["mysql:/etc/postfix/access.cf"], ["/etc/a", "/etc/a"]):
        with pytest.raises(ValueError, match=r"mysql|twice"):
            convert(wrong, tuple[str, ...], option.metadata)
    assert convert(["/etc/a", "hash:/etc/b"], tuple[str, ...], option.metadata) == ("/etc/a", "hash:/etc/b")
