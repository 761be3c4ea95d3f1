"""Law tested: parsing never raises, and equal clients have equal networks however they are written."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import BITS, parse_address


@pytest.mark.parametrize(
    "text",
    [
        "unknown",
        "",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.+1",
        "192.0.2.1\n",
        "192.0.2.٣",
        "fe80::1%eth0",
        "2001:db8::g",
        "\udcff",
        " ",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("text", "canonical", "version"),
    [
        ("192.0.2.1", "192.0.2.1", 4),
        ("::ffff:192.0.2.1", "192.0.2.1", 4),
        ("2001:DB8:0:0::1", "2001:db8::1", 6),
        ("::1", "::1", 6),
    ],
)
def test_an_address_has_one_form(text: str, canonical: str, version: int) -> None:
    address = parse_address(text)
    assert address is not None
    assert (address.text, address.version) == (canonical, version)


@pytest.mark.parametrize(
    ("text", "prefix", "network"),
    [
        ("192.0.2.77", 24, "192.0.2.0/24"),
        ("192.0.2.77", 32, "192.0.2.77/32"),
        ("192.0.2.77", 0, "0.0.0.0/0"),
        ("2001:db8:1:2:3::4", 64, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::4", 24, "2001:d00::/24"),
    ],
)
def test_the_network_of_an_address(text: str, prefix: int, network: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert address.network(prefix) == network


@given(st.lists(st.text("0123456789+-_ ٣", max_size=4), min_size=3, max_size=5).map(".".join))
def test_numbers_with_dots_are_addresses_only_where_the_standard_library_says_so(text: str) -> None:
    try:
        wanted = str(ipaddress.IPv4Address(text))
    except ValueError:
        assert parse_address(text) is None
    else:
        address = parse_address(text)
        assert address is not None
        assert (address.text, address.number) == (wanted, int(ipaddress.IPv4Address(text)))


@given(st.ip_addresses(v=4))
def test_every_ipv4_address_is_found(ip: ipaddress.IPv4Address) -> None:
    assert parse_address(str(ip)) == (str(ip), 4, int(ip))


@given(st.text(max_size=60))
def test_any_text_is_parsed_without_an_error(text: str) -> None:
    parse_address(text)


@given(st.ip_addresses(), st.data())
def test_networks_are_those_of_the_standard_library(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject
) -> None:
    address = parse_address(str(ip))
    assert address is not None
    prefix = data.draw(st.integers(0, BITS[address.version]))
    assert address.network(prefix) == str(ipaddress.ip_network(f"{address.text}/{prefix}", strict=False))
