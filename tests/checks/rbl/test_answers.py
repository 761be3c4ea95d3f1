"""Law tested: an answer counts inside 127.0.0.0/8 and its filter, as a whole, and never when it is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.answers import MAX_CODES, Heard, Reading, listings, read
from policyd.checks.rbl.zones import Zone, ZoneSettings, compile_zones
from policyd.model.dns import Mx, Record
from tests.examples import thorough

records = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.tuples(st.integers(0, 255), st.integers(0, 255)).map(lambda last: f"127.0.{last[0]}.{last[1]}"),
    st.text(max_size=20),
    st.binary(max_size=20),
    st.just(Mx(10, "mail.example")),
)


def zone(text: str) -> Zone:
    return compile_zones([text], [])[0]


ANYTHING = zone("bl.example=[0..255].[0..255].[0..255].[0..255]")


@given(st.lists(records, max_size=MAX_CODES + 3).map(tuple))
@thorough
def test_whatever_is_answered_counts_only_where_lists_may_answer(answer: tuple[Record, ...]) -> None:
    reading = read(ANYTHING, "9.2.0.192", answer)
    if reading.rules:
        assert not reading.fault
        for record in answer:
            assert isinstance(record, str)
            assert record.startswith("127.")
            assert record != "127.0.0.1"
            assert not record.startswith("127.255.255.")


@pytest.mark.parametrize(
    ("site", "answer", "counts", "fault"),
    [
        ("bl.example", ("127.0.0.2",), True, ""),
        ("bl.example", ("127.0.0.2", "127.0.0.3"), True, ""),
        ("bl.example=127.0.0.3", ("127.0.0.2",), False, ""),
        ("bl.example=127.0.0.3", ("127.0.0.2", "127.0.0.3"), True, ""),
        ("bl.example", (), False, ""),
        ("bl.example", ("127.0.0.1",), False, "127.0.0.1"),
        ("bl.example=127.0.0.1", ("127.0.0.1",), False, "127.0.0.1"),
        ("bl.example", ("192.0.2.1",), False, "192.0.2.1"),
        ("bl.example=[127;192].0.2.1", ("192.0.2.1",), False, "192.0.2.1"),
        ("zen.spamhaus.org", ("127.255.255.254",), False, "127.255.255.254"),
        ("zen.spamhaus.org=127.255.255.254", ("127.255.255.254",), False, "127.255.255.254"),
        ("bl.example", ("127.0.0.2", "127.255.255.254"), False, "127.255.255.254"),
        ("list.dnswl.org=127.0.[0..255].[1..3]*-2", ("127.0.5.3",), True, ""),
        ("list.dnswl.org=127.0.[0..255].[1..3]*-2", ("127.0.10.3",), False, "127.0.10.3"),
        ("list.dnswl.org=127.0.0.[0..255]*-2", ("127.0.0.255",), False, "127.0.0.255"),
        ("bl.example", (b"127.0.0.2",), False, "no address"),
        ("bl.example", ("127.0.0.2",) * MAX_CODES, True, ""),
        ("bl.example", ("127.0.0.2",) * (MAX_CODES + 1), False, "too many records"),
    ],
)
def test_what_answers_mean(site: str, answer: tuple[Record, ...], counts: bool, fault: str) -> None:
    reading = read(zone(site), "9.2.0.192", answer)
    assert bool(reading.rules) == counts
    assert reading.fault == fault


def test_a_rule_counts_once_and_only_for_what_it_looks_up() -> None:
    (dbl,) = compile_zones(
        [],
        [
            ZoneSettings("dbl.spamhaus.org", look_up=("helo", "sender domain"), weight=2),
            ZoneSettings("dbl.spamhaus.org", look_up=("sender domain",), weight=1),
        ],
    )
    answer = ("127.0.1.2", "127.0.1.4")
    reading = read(dbl, "9.2.0.192", answer)
    both = [Heard(dbl, "helo", "a.example.dbl.spamhaus.org", reading), Heard(dbl, "sender domain", "b", reading)]
    assert [listing.rule.weight for listing in listings(both)] == [2, 1]
    assert [listing.rule.weight for listing in listings(both[:1])] == [2]
    assert listings(both)[0].question == "a.example.dbl.spamhaus.org"


def test_what_dnswl_answers_for_its_test_point_is_an_error_of_any_other_address() -> None:
    dnswl = zone("list.dnswl.org=127.0.[0..255].[1..3]*-2")
    assert read(dnswl, "2.0.0.127", ("127.0.10.0",)) == Reading()
    assert read(dnswl, "9.2.0.192", ("127.0.10.0",)).fault == "127.0.10.0"
    assert read(dnswl, "2.0.0.127", ("127.0.10.3",)) == Reading()
    assert read(dnswl, "9.2.0.192", ("127.0.10.3",)).fault == "127.0.10.3"
    assert read(dnswl, "2.0.0.127", ("127.0.10.0", "127.0.0.255")).fault
    assert read(dnswl, "2.0.0.127", ("127.0.10.0", "::1")).fault
