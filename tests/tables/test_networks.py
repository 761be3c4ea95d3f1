"""Law tested: what is written means exactly one network; everything else is a mistake that says what to write."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.networks import Network, NetworkSet, parse_network


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("12.5.136", "12.5.136.0/24"),
        ("10.1", "10.1.0.0/16"),  # unlike postgrey: 10.1.0.0/24 (greylisting 2.2)
        ("10", "10.0.0.0/8"),  # unlike postgrey
        ("10.1/24", "10.1.0.0/24"),
        ("10/8", "10.0.0.0/8"),
        ("192.0.2.128/25", "192.0.2.128/25"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("0", "0.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("2001:DB8:0:0::/32", "2001:db8::/32"),
        ("::/0", "::/0"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),  # clients come as IPv4 too
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
    ],
)
def test_networks(text: str, network: str) -> None:
    assert parse_network(text).text == network


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("192.0.2.256", "from 0 to 255"),
        ("192.0.2.1.5", "from 0 to 255"),
        ("192.0..1", "from 0 to 255"),
        ("10.", "from 0 to 255"),
        (".10", "from 0 to 255"),
        ("192.0.02.1", "from 0 to 255"),
        ("٣.0.2.1", "from 0 to 255"),
        ("", "from 0 to 255"),
        ("192.0.2.1/24", "write 192.0.2.0/24"),
        ("10.1/8", "write 10.0.0.0/8"),
        ("2001:db8::1/32", "write 2001:db8::/32"),
        ("::ffff:192.0.2.1/120", "write 192.0.2.0/24"),
        ("192.0.2.0/33", "from 0 to 32"),
        ("192.0.2.0/", "from 0 to 32"),
        ("192.0.2.0/-1", "from 0 to 32"),
        ("192.0.2.0/٣", "from 0 to 32"),
        ("192.0.2.0/255.255.255.0", "from 0 to 32"),
        ("2001:db8::/129", "from 0 to 128"),
        ("2001:db8", "such as 2001:db8::1 or 2001:db8::/32"),
        ("fe80::1%eth0", "without '%'"),
        ("::ffff:192.0.2.0/24", "::/24"),
    ],
)
def test_what_is_no_network(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match="write") as mistake:
        parse_network(text)
    assert advice in str(mistake.value)


@given(st.ip_addresses(), st.data())
def test_agrees_with_ipaddress(address: ipaddress.IPv4Address | ipaddress.IPv6Address, data: st.DataObject) -> None:
    prefix = data.draw(st.integers(0, address.max_prefixlen))
    meant = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return  # may become IPv4; has its own examples
    first = int(meant.network_address) >> (address.max_prefixlen - prefix)
    assert parse_network(str(meant)) == Network(address.version, prefix, first)
    assert parse_network(str(meant)).text == str(meant)
    assert parse_network(str(address)).prefix == address.max_prefixlen


@given(st.text("0123456789abcdef.:/%", max_size=30) | st.text())
def test_raises_nothing_but_advice(text: str) -> None:
    try:
        parse_network(text)
    except ValueError as mistake:
        assert "write" in str(mistake)  # noqa: PT017


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.1.2.3", True), ("192.0.2.1", True), ("192.0.2.2", False), ("2001:db8:1::1", True), ("::1", False)],
)
def test_a_set_holds_the_addresses_of_its_networks(address: str, *, expected: bool) -> None:
    networks = NetworkSet(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])
    parsed = parse_address(address)
    assert parsed is not None
    assert (parsed in networks) is expected
    assert parsed not in NetworkSet([])
