"""Law tested: clients match as in postgrey 1.37, but for what is deliberately different; slow and fast agree."""

import ipaddress
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.clients import ClientList
from policyd.tables.table import Match, Source


def _matches(entry: str, address: str = "198.51.100.1", name: str = "unknown") -> bool:
    clients = ClientList([Source("list", entry)])
    assert clients.mistakes == ()
    return clients.match(parse_address(address), name) is not None


@pytest.mark.parametrize(
    ("entry", "name", "expected"),
    [
        # postgrey 1.37, measured (greylisting 2.2 and 3)
        ("example.com", "example.com", True),
        ("example.com", "A.B.EXAMPLE.com", True),
        ("example.com", "notexample.com", False),
        ("example.com", "example.com.org", False),
        ("EXAMPLE.com", "mx.example.com", True),
        ("/^mail[0-9]/", "MAIL7.example.com", True),
        ("/ample/", "mx.example.com", True),
        ("/^ample/", "mx.example.com", False),
        # deliberately different: postgrey can never match these
        (".example.com", "mx.example.com", True),
        (".example.com", "example.com", False),
        (".example.com", "notexample.com", False),
        ("*.example.com", "a.mx.example.com", True),
        ("*.example.com", "example.com", False),
        ("/mx#1/", "mx#1", True),
        # only a verified name is a name
        ("/.*/", "unknown", False),
        ("/^$/", "", False),
        ("/^unknown/", "unknown", False),
        ("/^unknown/", "unknown.example.com", True),
    ],
)
def test_names(entry: str, name: str, expected: bool) -> None:
    assert _matches(entry, name=name) is expected


@pytest.mark.parametrize(
    ("entry", "address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("12.5.136", "12.5.136.255", True),
        ("12.5.136", "12.5.137.0", False),
        ("10.1", "10.1.255.255", True),  # postgrey: only 10.1.0.0/24
        ("10.1", "10.2.0.0", False),
        ("10", "10.255.0.1", True),
        ("192.0.2.128/25", "192.0.2.127", False),
        ("192.0.2.128/25", "192.0.2.128", True),
        ("2001:db8::/32", "2001:db8:ffff::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("2001:db8::1", "2001:DB8::1", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::/0", "192.0.2.1", False),
        ("0.0.0.0/0", "2001:db8::1", False),
        ("/192/", "192.0.2.1", False),  # patterns are for names
    ],
)
def test_addresses(entry: str, address: str, expected: bool) -> None:
    assert _matches(entry, address=address) is expected


def test_names_answer_before_addresses_before_patterns() -> None:
    clients = ClientList([Source("list", "/mx/\n192.0.2.0/24\nexample.com")])
    address = parse_address("192.0.2.1")
    assert clients.match(address, "mx.example.com") == Match("list", 3, "example.com")
    assert clients.match(address, "mx.example.org") == Match("list", 2, "192.0.2.0/24")
    assert clients.match(None, "mx.example.org") == Match("list", 1, "/mx/")


def test_a_client_without_address_and_name_is_nobody() -> None:
    assert ClientList([Source("list", "0.0.0.0/0\n::/0\n/./\n")]).match(None, "unknown") is None


_LABELS = st.sampled_from(["a", "b", "mx", "example", "com"])
_NAMES = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)
_ADDRESSES = (
    st.integers(0, 15).map(lambda low: ipaddress.IPv4Address(0x0A000000 + low * 0x10101))
    | st.integers(0, 15).map(lambda low: ipaddress.IPv6Address((0x20010DB8 << 96) + low * 0x100010001))
    | st.ip_addresses()
)
_PATTERNS = st.sampled_from(["^mx", "ample", "a$", "^(a|b)\\.", "m.*x", "c{1,2}om"])


@st.composite
def _networks(draw: st.DrawFn) -> str:
    address = draw(_ADDRESSES)
    return str(ipaddress.ip_network(f"{address}/{draw(st.integers(0, address.max_prefixlen))}", strict=False))


_ENTRIES = st.one_of(
    _NAMES,
    _NAMES.map(str.upper),
    _NAMES.map(".{}".format),
    _NAMES.map("*.{}".format),
    _networks(),
    _PATTERNS.map("/{}/".format),
    st.just("# nothing"),
)


def _slow(entries: list[str], address: str, name: str) -> int | None:
    """The line that answers: every entry is tried; names before networks before patterns, longest first, then first."""
    found = []
    named = name not in ("", "unknown")
    for line, entry in enumerate(entries, 1):
        if entry.startswith("/"):
            if named and re.search(entry[1:-1], name, re.IGNORECASE):
                found.append((2, 0, line))
        elif "/" in entry:
            network = ipaddress.ip_network(entry)
            if network.version == ipaddress.ip_address(address).version and ipaddress.ip_address(address) in network:
                found.append((1, -network.prefixlen, line))
        elif named and not entry.startswith("#"):
            domain = entry.lower().lstrip("*")
            dotted = domain if domain.startswith(".") else f".{domain}"
            if name.lower().endswith(dotted) or name.lower() == domain:
                found.append((0, -len(domain), line))
    return min(found)[2] if found else None


@given(st.lists(_ENTRIES, max_size=12), _ADDRESSES.map(str), _NAMES | _NAMES.map(str.upper) | st.just("unknown"))
@example(["com", ".com"], "192.0.2.1", "a.com")
def test_never_disagrees_with_the_slow_one(entries: list[str], address: str, name: str) -> None:
    mapped = ipaddress.ip_address(address)
    if mapped.version == 6 and mapped.ipv4_mapped is not None:
        return
    clients = ClientList([Source("list", "\n".join(entries))])
    match = clients.match(parse_address(address), name)
    assert (match and match.line) == _slow(entries, address, name)


@given(st.text(), st.text())
def test_arbitrary_names_never_raise(text: str, name: str) -> None:
    ClientList([Source("list", f"{text}\nexample.com\n/a/\n")]).match(None, name)
