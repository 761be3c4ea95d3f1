"""Whom a key names: somebody in each place, and nobody by a slip of the pen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.lists import Client, Form, ListKind, Match, Source, compile_table
from policyd.tables.probes import answering, blame, probes, too_much
from policyd.tables.sheets import read_sheet

NOW = 1_790_000_000


@pytest.mark.parametrize(
    ("kind", "key", "complaint"),
    [
        ("client", "0.0.0.0/0", "0.0.0.0/0 names all IPv4 addresses"),
        ("client", "::/0", "::/0 names all IPv6 addresses"),
        ("client", "0.0.0.0/7", "0.0.0.0/7 names 1/128 of all IPv4 addresses"),
        ("client", "10.0.0.0/8", ""),
        ("client", "2001::/16", ""),
        ("client", "com", "com names the whole top-level domain com"),
        ("sender", ".com", ".com names the whole top-level domain com"),
        ("sender", "@com", "@com names the whole top-level domain com"),
        ("sender", "abuse@", ""),
        ("sender", "<>", ""),
        ("helo", "localhost", ""),
        ("helo", "0.0.0.0/0", ""),
        ("client", "10", ""),
        ("client", "/./", "/./ names everybody, or nearly so"),
        ("sender", "/@/", "/@/ names everybody, or nearly so"),
        ("client", "/^mx/", ""),
        ("recipient", "/example/", ""),
    ],
)
def test_too_much(kind: ListKind, key: str, complaint: str) -> None:
    table = compile_table(kind, Source("policyd", "a"), key)
    assert not table.mistakes
    assert too_much(kind, key, table) == complaint


keys = st.sampled_from(
    [
        "example.org",
        ".example.org",
        "192.0.2.1",
        "192.0.2",
        "10",
        "198.51.100.0/25",
        "2001:db8::/32",
        "2001:db8::1",
        "a.b.c.example",
    ]
)


@given(keys)
def test_who_is_asked_about_is_named_by_the_key(key: str) -> None:
    sheet = read_sheet("client", Source("policyd", "a"), key)
    subjects = probes("client", sheet.lines[0].key)
    assert 1 <= len(subjects) == len(set(subjects))
    answers = [sheet.always.find(subject, NOW) for subject in subjects]
    assert [answer and answer.entry for answer in answers] == [sheet.lines[0].key] * len(subjects)


def test_addresses_are_asked_about_all_over_a_network() -> None:
    numbers = [subject.address.number for subject in probes("client", "10.0.0.0/8")
               if isinstance(subject, Client) and subject.address]  # fmt: skip
    assert len({number >> 21 for number in numbers}) == 8
    assert probes("client", "192.0.2.1/32") == [Client(parse_address("192.0.2.1"), "unknown")]


@pytest.mark.parametrize(
    ("form", "kind", "line", "key"),
    [
        ("cidr", "client", "!192.0.2.0/24 REJECT", "!192.0.2.0/24"),
        ("regexp", "sender", "!/example.com$/ REJECT", "!/example.com$/"),
        ("pcre", "client", "/^/ REJECT", "/^/"),
    ],
)
def test_too_much_of_postfix_forms(form: Form, kind: ListKind, line: str, key: str) -> None:
    table = compile_table(kind, Source(form, "a"), line)
    assert not table.mistakes
    assert too_much(kind, key, table) == f"{key} names everybody, or nearly so"


def test_a_helo_name_may_be_an_address() -> None:
    assert set(probes("helo", "192.0.2.1")) == {"192.0.2.1"}
    assert all(str(text).startswith("192.0.2.") for text in probes("helo", "192.0.2.0/24"))
    assert probes("helo", "mx.example")[0] == "mx.example"
    assert all(str(text).endswith(".mx.example") for text in probes("helo", ".mx.example"))


def test_a_user_is_probed_at_a_domain_of_nobody() -> None:
    (probe,) = probes("sender", "abuse@")
    assert str(probe).startswith("abuse@")
    assert str(probe).endswith(".invalid")


def test_the_null_sender_is_a_sender_of_its_own() -> None:
    assert probes("sender", "<>") == [""]


def test_nobody_can_tell_whom_a_pattern_names() -> None:
    assert probes("sender", "/x/") == probes("client", "!192.0.2.0/24") == []
    assert answering("sender", "/x/", lambda subject: None) == []
    assert blame("sender", "/x/", [], "a:1: ") == ""


def test_one_who_is_answered_is_enough() -> None:
    mine, other = (Match("a", number, "x", None, None) for number in (1, 2))
    assert blame("client", "x", [other, mine], "a:1: ") == ""
    assert blame("client", "x", [other, None], "a:1: ") == ""
    assert blame("client", "y", [other], "a:1: ") == "y never answers: a:2: x is asked first; remove one of them"
    assert blame("client", "x", [other], "a:12: ") == "x stands there already: a:2 is asked first; remove one of them"
