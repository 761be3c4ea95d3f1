"""Law tested: a gate is open for everybody whom an entry names, and closed for nearly all others."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import BITS, Address, network_text, parse_address
from policyd.tables.builder import Builder
from policyd.tables.entries import Entries
from policyd.tables.gates import HEAD, NameGate, gated, heads
from policyd.tables.lists import Client, ListKind, Subject
from policyd.tables.mistakes import Mistakes
from policyd.tables.orders import ORDERS
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


def both(kind: ListKind, lines: list[str], subject: Subject) -> None:
    held, order = entries(kind, lines), ORDERS["policyd"][kind]
    assert gated(kind, held, order)(subject, 0) == order(held, subject, 0)


@given(st.lists(LABELS | NETWORKS | PATTERNS, max_size=5), st.none() | ADDRESSES, LABELS | st.just("unknown"))
def test_a_client_behind_a_gate_gets_the_answer_of_the_order(
    lines: list[str], address: Address | None, name: str
) -> None:
    both("client", lines, Client(address, name))


@given(st.sampled_from(["sender", "recipient"]), st.lists(KEYS | PATTERNS, max_size=5), MAILS)
def test_a_mail_address_behind_a_gate_gets_the_answer_of_the_order(kind: ListKind, lines: list[str], mail: str) -> None:
    both(kind, lines, mail)
    both(kind, lines, mail.upper())


def test_a_helo_name_has_no_gate() -> None:
    both("helo", ["example.com"], "mx.example.com")
    assert isinstance(gated("helo", entries("helo", ["a.b"]), ORDERS["policyd"]["helo"]), partial)


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
    assert heads([]) == b""
