import pytest
import spf

from policyd.lookups.spf.terms import MAX_RECORD, MAX_TERM, check_record, lets_all_pass, network_term, split_terms


def test_modifiers_are_read_in_any_case_and_unknown_ones_dropped() -> None:
    assert split_terms("v=spf1 A  REDIRECT=b.example x=%{d} x=y Exp=e.example default=- -all") == [
        "v=spf1", "A", "", "redirect=b.example", "exp=e.example", "-all",
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


@pytest.mark.parametrize(
    ("term", "parts"),
    [
        ("ip4:192.0.2.0/24", ("ip4:192.0.2.0/24", "ip4", "192.0.2.0", 24, "pass")),
        ("-IP4:192.0.2.1", ("-IP4:192.0.2.1", "ip4", "192.0.2.1", 32, "fail")),
        ("ip6:2001:db8::/32", ("ip6:2001:db8::/32", "ip6", "2001:db8::", 32, "pass")),
    ],
)
def test_networks_are_read_as_pyspf_reads_them(term: str, parts: tuple[object, ...]) -> None:
    assert network_term(term, 4) == parts
    assert network_term(term, 4) is network_term(term, 4)


@pytest.mark.parametrize(
    "term", ["ip4:", "ip4:192.0.2.0/33", "ip4:192.0.2.0//3", "ip4:1.2.3", "ip6:2001:db8::/129", "ip6:::1::"]
)
def test_networks_that_are_none_are_refused_each_time(term: str) -> None:
    for _ in range(2):
        with pytest.raises(spf.PermError):
            network_term(term, 6)


def test_other_terms_are_not_networks() -> None:
    assert network_term("a:ip4.example", 4) is None


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
