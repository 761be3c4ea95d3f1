import pytest
import spf

from policyd.lookups.spf.query import Query
from policyd.lookups.spf.subject import MAX_LOCAL, Subject
from tests.lookups.spf.world import address

LETTERS = "slodivhcrt"


@pytest.mark.parametrize("client", ["192.0.2.1", "2001:db8::cb01"])
def test_it_begins_as_pyspf_would(client: str) -> None:
    ours = Query(Subject(address(client), "mail.b.example", "user", "a.example"), "mx.example", 1_700_000_000)
    theirs = spf.query(client, "user@a.example", "mail.b.example", receiver="mx.example")
    theirs.t = "1700000000"
    for name in ("A", "cidrmax", "strict", "lookups", "void_lookups", "p", "iplist", "exps", *LETTERS):
        assert getattr(ours, name) == getattr(theirs, name), name


def test_it_is_about_the_domain_behind_the_last_at_sign() -> None:
    subject = Subject(address("192.0.2.1"), "h" * 2000, "u@evil.example" + "x" * 2000, "a.example")
    query = Query(subject, "mx.example", 0)
    assert (query.o, query.d) == ("a.example", "a.example")
    assert len(query.l) == len(query.h) == MAX_LOCAL


@pytest.mark.parametrize(
    ("addresses", "prefix", "matches"),
    [
        (["198.51.100.1", "192.0.2.99"], 24, True),
        (["192.0.2.2"], 32, False),
        (["2001:db8::1", "nonsense", ""], 0, False),
        (["203.0.113.1"], 0, True),
        ([], 0, False),
    ],
)
def test_addresses_are_numbers(addresses: list[str], prefix: int, *, matches: bool) -> None:
    query = Query(Subject(address("192.0.2.1"), "h.example", "u", "a.example"), "mx.example", 0)
    assert query.cidrmatch(addresses, prefix) is matches


def test_who_asks_for_the_sender_is_noted() -> None:
    query = Query(Subject(address("192.0.2.1"), "h.example", "u", "a.example"), "mx.example", 0)
    assert query.expand_domain("%{d}.%{i}.b.example") == "a.example.192.0.2.1.b.example"
    assert not query.uses_sender
    assert query.expand_domain("%{l}.b.example") == "u.b.example"
    assert query.uses_sender
    with pytest.raises(spf.PermError):
        query.expand_domain("%{x}.b.example")
