from ipaddress import IPv4Address, IPv4Network

import pytest
import spf
from hypothesis import given
from hypothesis import strategies as st

from policyd.lookups.spf.terms import (
    MAX_RECORD,
    MAX_REMEMBERED,
    MAX_TERM,
    check_record,
    leaf_of,
    lets_all_pass,
    read_record,
    record_of,
    split_terms,
)
from policyd.model.address import parse_address


def test_modifiers_are_read_in_any_case_and_unknown_ones_dropped() -> None:
    assert split_terms("v=spf1 A  REDIRECT=b.example x=%{d} x=y Exp=e.example default=- -all") == [
        "v=spf1", "A", "redirect=b.example", "exp=e.example", "-all",
    ]  # fmt: skip


@pytest.mark.parametrize("record", ["v=spf1 x=%{", "v=spf1 x=100%", "v=spf1 a:" + "a" * MAX_TERM])
def test_terms_that_cannot_be_are_refused(record: str) -> None:
    with pytest.raises(spf.PermError):
        split_terms(record)


@pytest.mark.parametrize(
    "record", ["v=spf1 a\n-all", "v=spf1 a:\0.example", "v=spf1 a\t-all", "v=spf1 " + "a " * MAX_RECORD]
)
def test_records_that_cannot_be_are_refused(record: str) -> None:
    with pytest.raises(spf.PermError):
        check_record(record, "a.example")


def test_pyspf_sees_the_networks_that_hold_the_client_and_all_else() -> None:
    record = read_record("v=spf1 ip4:192.0.2.0/24 a -ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all")
    client = parse_address("192.0.2.1")
    assert client
    assert record.seen_by(client) == "v=spf1 ip4:192.0.2.0/24 a ~all"
    assert record.authorised == {4: 256, 6: 1 << 96}


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_a_network_holds_what_it_holds(number: int, prefix: int, other: int) -> None:
    network, client = (
        IPv4Network((number >> 32 - prefix << 32 - prefix, prefix)),
        parse_address(str(IPv4Address(other))),
    )
    assert client
    seen = read_record(f"v=spf1 ip4:{network}").seen_by(client)
    assert (seen == f"v=spf1 ip4:{network}") is (IPv4Address(other) in network)


def test_long_records_are_not_kept() -> None:
    short, long = "v=spf1 ip4:192.0.2.1", "v=spf1 " + "ip4:192.0.2.1 " * (MAX_REMEMBERED // 10)
    assert read_record(short) is read_record(short)
    assert read_record(long) is not read_record(long)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("all", True),
        ("+All", True),
        ("-all", False),
        ("exists:a.example", True),
        ("exists:%{ir}.a.example", False),
        ("a", False),
    ],
)
def test_who_lets_everybody_pass(term: str, expected: bool) -> None:
    assert lets_all_pass(term) is expected


@pytest.mark.parametrize(
    ("record", "is_leaf"),
    [
        ("v=spf1", True),
        ("v=spf1 ip4:192.0.2.0/24 ~all", True),
        ("v=spf1 a", False),
        ("v=spf1 redirect=b.example", False),
        ("v=spf1 exists:b.example", False),
        ("v=spf1 x=%{", False),
    ],
)
def test_a_leaf_asks_for_nothing(record: str, *, is_leaf: bool) -> None:
    leaf = leaf_of([record.encode()])
    assert leaf == ((record, read_record(record)) if is_leaf else None)


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [b"v=spf10"],
        [b"v=spf1 -all", b"other"],
        [b"v=spf1 caf\xe9"],
        [b"v=spf1 " + b"ip4:192.0.2.1 " * (MAX_REMEMBERED // 14)],
    ],
)
def test_what_is_no_record_or_not_alone_or_long_is_no_leaf(texts: list[bytes]) -> None:
    assert leaf_of(texts) is None


def test_of_the_texts_of_a_domain_one_may_be_a_record() -> None:
    assert record_of([b"other", b"v=spf1 -all"], "a.example") == "v=spf1 -all"
    assert record_of([b"v=spf10"], "a.example") is None
    long = b"v=spf1 " + b"a " * MAX_REMEMBERED
    assert record_of([long], "a.example") == long.decode()


@pytest.mark.parametrize("texts", [[b"v=spf1 -all", b"v=spf1 -all"], [b"v=spf1 caf\xe9"], [b"v=spf1 a\tb"]])
def test_of_two_or_of_strange_ones_none_may(texts: list[bytes]) -> None:
    with pytest.raises(spf.PermError):
        record_of(texts, "a.example")
