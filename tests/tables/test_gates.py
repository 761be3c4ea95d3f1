"""Law tested: a gate is open for everybody whom an entry names, and closed for nearly all others."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.model.address import BITS, Address, network_text, parse_address
from policyd.tables.builder import Builder
from policyd.tables.entries import Entries
from policyd.tables.gates import (
    HEAD,
    NOWHERE,
    REMEMBERED,
    Gate,
    Memory,
    NameGate,
    gated,
    heads,
    joined,
    make_gate,
    near,
)
from policyd.tables.lists import Client, ListKind, Subject
from policyd.tables.mistakes import Mistakes
from policyd.tables.orders import ORDERS
from policyd.tables.patterns import MAX_TEXT
from policyd.tables.plain import compile_plain

LABELS = st.text("ab.", max_size=8)
NETWORKS = st.sampled_from(
    ["10", "10.1", "10.1.2.3", "10.1.2.0/23", "0.0.0.0/0", "128.0.0.0/1", "2001:db8::/48", "::/3"]
)
MAILS = st.builds("{}@{}".format, st.text("ab+.", max_size=4), LABELS) | LABELS
KEYS = LABELS | st.builds("@{}".format, LABELS) | st.builds("{}@".format, st.text("ab+", max_size=3)) | MAILS
PATTERNS = st.sampled_from(["/^a.*b$/", "/b\\.a$/", "/a|b/", "/ab$/", "/^b/", "<>"])
ADDRESSES = st.sampled_from(["10.1.2.3", "10.9.9.9", "192.0.2.1", "2001:db8::1", "2a00::1"]).map(parse_address)


def entries(kind: ListKind, lines: list[str]) -> Entries:
    builder = Builder("list")
    compile_plain(kind, builder, "\n".join(lines), Mistakes("list"), lambda: None)
    return builder.built()


def gate_of(kind: ListKind, held: Entries) -> Gate:
    gate = make_gate(kind, held)
    assert gate is not None
    return gate


def both(kind: ListKind, lines: list[str], subject: Subject) -> None:
    held, order = entries(kind, lines), ORDERS["policyd"][kind]
    assert gated(kind, gate_of(kind, held), held, order)(subject, 0) == order(held, subject, 0)


@given(st.lists(LABELS | NETWORKS | PATTERNS, max_size=5), st.none() | ADDRESSES, LABELS | st.just("unknown"))
def test_a_client_behind_a_gate_gets_the_answer_of_the_order(
    lines: list[str], address: Address | None, name: str
) -> None:
    both("client", lines, Client(address, name))


@example("sender", ["a@"], "a+b@b")
@example("sender", ["+a@"], "+a@b")
@given(st.sampled_from(["sender", "recipient"]), st.lists(KEYS | PATTERNS, max_size=5), MAILS)
def test_a_mail_address_behind_a_gate_gets_the_answer_of_the_order(kind: ListKind, lines: list[str], mail: str) -> None:
    both(kind, lines, mail)
    both(kind, lines, mail.upper())


def test_a_helo_name_has_no_gate() -> None:
    assert make_gate("helo", entries("helo", ["a.b"])) is None


def lets_in(gate: Gate, subject: Subject) -> bool:
    """What the gate says, of the first look and of those that follow."""
    if isinstance(subject, Client):
        said = [near(gate.heads)(subject.address) or gate.is_open(subject.name) for _ in range(2)]
    else:
        said = [gate.is_open(subject) for _ in range(2)]
    assert said[0] == said[1]
    return said[0]


FILES = st.lists(st.lists(KEYS | PATTERNS | st.just("<>"), max_size=3), min_size=1, max_size=4)


@given(st.sampled_from(["sender", "recipient"]), FILES, st.lists(MAILS | st.just(""), min_size=1, max_size=6))
def test_one_gate_for_many_files_is_open_for_whom_one_of_them_names(
    kind: ListKind, files: list[list[str]], mails: list[str]
) -> None:
    held = [entries(kind, lines) for lines in files]
    gate = joined([gate_of(kind, some) for some in held])
    for mail in [*mails, *map(str.upper, mails)]:  # what is remembered of one must not hide the next one
        if any(ORDERS["policyd"][kind](some, mail, 0) for some in held):
            assert lets_in(gate, mail), mail


@given(
    st.lists(st.lists(LABELS | NETWORKS | PATTERNS, max_size=3), min_size=1, max_size=4),
    st.lists(st.builds(Client, st.none() | ADDRESSES, LABELS | st.just("unknown")), min_size=1, max_size=6),
)
def test_one_gate_for_many_files_of_clients(files: list[list[str]], clients: list[Client]) -> None:
    held = [entries("client", lines) for lines in files]
    gate = joined([gate_of("client", some) for some in held])
    for client in clients:
        if any(ORDERS["policyd"]["client"](some, client, 0) for some in held):
            assert lets_in(gate, client), client


@pytest.mark.parametrize(
    ("kind", "lines", "inside", "outside"),
    [
        (
            "client",
            ["mail.one.co.uk", ".two.co.uk"],
            ["mail.one.co.uk", "MX.Mail.one.co.uk", "mx.two.co.uk"],
            "three.co.uk",
        ),
        ("sender", ["one.co.uk", "@two.co.uk"], ["a@One.co.uk", "a@mx.one.co.uk", "a@two.co.uk."], "a@three.co.uk"),
        ("client", ["[until=2020-01-01] one.co.uk"], ["one.co.uk"], "two.co.uk"),
    ],
)
def test_neighbours_of_whom_is_listed_stay_outside(
    kind: ListKind, lines: list[str], inside: list[str], outside: str
) -> None:
    gate = joined([gate_of(kind, entries(kind, lines))])
    assert [gate.is_open(text) for text in (*inside, outside)] == [*[True] * len(inside), False]


def test_the_null_sender_is_no_mail_from_an_empty_domain() -> None:
    gate = joined([gate_of("sender", entries("sender", ["<>", "example.com"]))])
    assert not lets_in(gate, "a@example.net")
    assert lets_in(gate, "x@")
    assert lets_in(gate, "")


def test_networks_of_all_files_are_in_one_gate() -> None:
    gate = joined(
        [gate_of("client", entries("client", lines)) for lines in (["10.1"], ["a.b"], ["10.9", "2001:db8::/32"])]
    )
    inside = ["10.1.2.3", "10.9.0.1", "2001:db8::1"]
    assert [near(gate.heads)(parse_address(text)) for text in inside] == [True] * 3
    assert [near(gate.heads)(parse_address(text)) for text in ("10.2.0.1", "2a00::1", "unknown")] == [False] * 3
    assert joined([gate_of("client", entries("client", ["a.b"]))] * 2).heads[4] is NOWHERE


def test_a_gate_is_asked_once_about_a_text() -> None:
    asked: list[str] = []
    memory = Memory([lambda text: asked.append(text) is not None, lambda text: text == "b"])
    assert [memory[text] for text in "abab"] == [False, True, False, True]
    assert asked == ["a", "b"]


def test_what_is_remembered_is_bounded() -> None:
    memory = Memory([lambda text: text.startswith("1")])
    for number in range(REMEMBERED + 10):
        assert memory[str(number)] == str(number).startswith("1")
    assert len(memory) == 10
    assert memory["1" * (MAX_TEXT + 1)]
    assert len(memory) == 10


def test_nearly_everybody_else_stays_outside() -> None:
    keys = dict.fromkeys([f"host{number}.example" for number in range(2000)] + ["user@"])
    gate = NameGate(keys)
    assert all(gate.is_open(f"mx.{key}") for key in keys if "." in key)
    assert gate.is_open_for_user("user")
    strangers = [f"mx.stranger{number}.example" for number in range(2000)]
    assert sum(map(gate.is_open, strangers)) < 150
    assert sum(map(gate.is_open_for_user, strangers)) < 150


@pytest.mark.parametrize(
    "text", ["10.0.0.0/8", "192.0.2.1/32", "10.1.0.0/16", "10.2.0.0/15", "0.0.0.0/0", "::/0", "2001:db8::/32"]
)
def test_a_network_opens_for_its_own_leading_bits_only(text: str) -> None:
    address, _, prefix = text.partition("/")
    parsed, length = parse_address(address), int(prefix)
    assert parsed is not None
    bits = parsed.number >> (BITS[parsed.version] - length)
    flags = heads([1 << length | bits])
    assert len(flags) == 1 << HEAD
    inside = [head for head, flag in enumerate(flags) if flag]
    assert len(inside) == 1 << max(0, HEAD - length)
    assert inside[0] == parsed.number >> (BITS[parsed.version] - HEAD)
    assert network_text(parsed.version, bits, length) == text


def test_without_networks_there_is_nothing_to_look_at() -> None:
    assert heads([]) is NOWHERE
