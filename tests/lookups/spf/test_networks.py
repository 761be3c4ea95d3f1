import pytest

from policyd.lookups.spf.networks import Network, read_network
from policyd.lookups.spf.terms import read_record
from policyd.model.address import parse_address


@pytest.mark.parametrize(
    ("term", "network"),
    [
        ("ip4:192.0.2.0/24", Network("ip4:192.0.2.0/24", 4, 8, 0xC00002)),
        ("-IP4:192.0.2.1", Network("-IP4:192.0.2.1", 4, 0, 0xC0000201)),
        ("ip4:192.0.2.77/24", Network("ip4:192.0.2.77/24", 4, 8, 0xC00002)),
        ("ip4:0.0.0.0/0", Network("ip4:0.0.0.0/0", 4, 32, 0)),
        ("ip6:2001:DB8::/32", Network("ip6:2001:DB8::/32", 6, 96, 0x20010DB8)),
        ("ip6:::ffff:192.0.2.1", Network("ip6:::ffff:192.0.2.1", 6, 0, 0xFFFFC0000201)),
    ],
)
def test_networks_are_numbers(term: str, network: Network) -> None:
    assert read_record(f"v=spf1 {term} -all").terms == (network, "-all")


@pytest.mark.parametrize(
    "term",
    [
        "ip4:", "ip4:192.0.2.0/33", "ip4:192.0.2.0//3", "ip4:1.2.3", "ip4:1.2.03.4", "ip6:2001:db8::/129", "ip6:::1::",
        "ip4:192.0.2.0/024", "ip4:%{i}", "a:ip4.example", "ip6:192.0.2.1", "ip6:192.0.2.0/24",
    ],
)  # fmt: skip
def test_networks_that_are_none_are_left_for_pyspf_to_refuse(term: str) -> None:
    assert read_record(f"v=spf1 {term} -all").terms == (term, "-all")


@pytest.mark.parametrize(
    ("term", "client", "holds"),
    [
        ("ip4:192.0.2.0/24", "192.0.2.255", True),
        ("ip4:192.0.2.0/24", "192.0.3.0", False),
        ("ip4:0.0.0.0/0", "2001:db8::1", False),
        ("ip6:2001:db8::/32", "2001:db8::1", True),
        ("ip6:::ffff:192.0.2.1", "192.0.2.1", False),
    ],
)
def test_a_network_holds_clients_of_its_kind(term: str, client: str, *, holds: bool) -> None:
    network, address = read_network(term), parse_address(client)
    assert network
    assert address
    assert network.holds(address) is holds
