"""Law tested: what is asked is the right name, and nothing that is no public name is ever asked."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.names import askable, backwards, domain_of, shortened
from policyd.model.address import parse_address


@given(st.ip_addresses())
def test_addresses_are_asked_as_reverse_dns_asks_them(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    address = parse_address(str(ip))
    assert address
    real = ipaddress.ip_address(address.text)
    assert backwards(address) == real.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def test_32_nibbles() -> None:
    address = parse_address("2001:db8::1")
    assert address
    assert backwards(address) == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Mail.Example.ORG.", "mail.example.org"),
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("fa\u00df.example", "xn--fa-hia.example"),
        ("_spf.example.org", "_spf.example.org"),
        ("", None),
        (".", None),
        ("unknown", None),
        ("localhost", None),
        ("[192.0.2.1]", None),
        ("192.0.2.1", None),
        ("host.123", None),
        ("2001:db8::1", None),
        ("a..example", None),
        ("-a.example", None),
        ("a b.example", None),
        ("a.example\n", None),
        ("a.example..", None),
        ("x" * 64 + ".example", None),
        ("a." * 123 + "example", "a." * 123 + "example"),
        ("a." * 123 + "example.", "a." * 123 + "example"),
        ("a." * 126 + "example", None),
        ("\udce4.example", None),
        ("\u00e4" * 200 + ".example", None),
    ],
)
def test_which_names_can_be_asked(text: str, name: str | None) -> None:
    assert askable(text) == name


@given(st.text(max_size=300))
def test_whatever_a_client_says_is_a_short_host_name_or_nothing(text: str) -> None:
    name = askable(text)
    if name is not None:
        assert len(name) <= 253
        assert all(label and len(label) <= 63 for label in name.split("."))
        assert name.isascii()
        assert not any(character.isupper() or character.isspace() for character in name)
        assert not name.rpartition(".")[2].isdecimal()


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("joe@example.org", "example.org"),
        ('"joe@a.example"@b.example', "b.example"),
        ("joe@[192.0.2.1]", None),
        ("joe", None),
        ("mail.example.org", None),
        ("", None),
        ("joe@", None),
        ("j" * 9000 + "@example.org", "example.org"),
        ("joe@" + "x." * 9000 + "org", None),
    ],
)
def test_the_domain_of_an_address(address: str, domain: str | None) -> None:
    assert domain_of(address) == domain


def test_lists_of_registered_domains_are_asked_twice() -> None:
    assert shortened("a.b.example.co.uk") == ("co.uk", "example.co.uk")
    assert shortened("mail.example.org") == ("example.org", "mail.example.org")
    assert shortened("example.org") == ("example.org",)
