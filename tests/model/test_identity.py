import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import Address, parse_address
from policyd.model.identity import LONGEST_NAME, cautious_registered_domain, identity_of_name


def at(text: str) -> Address:
    address = parse_address(text)
    assert address is not None
    return address


def last_two_labels(name: str) -> str:
    return ".".join(name.split(".")[-2:]) if "." in name else ""


# Names that big and small senders give their outgoing servers, and a client address of each.
MAIL_SERVERS = {
    "mail-ot1-f41.google.com": "209.85.210.41",
    "mail-wm1-x336.google.com": "2a00:1450:4864:20::336",
    "mail-dm6nam12on2041.outbound.protection.outlook.com": "40.107.243.41",
    "sonic301-22.consmr.mail.ne1.yahoo.com": "66.163.190.148",
    "forward500a.mail.yandex.net": "178.154.239.80",
    "smtp60.i.mail.ru": "217.69.128.40",
    "mout.gmx.net": "212.227.15.18",
    "mout-u-107.mailbox.org": "80.241.59.207",
    "out-186.mta0.migadu.com": "95.215.58.186",
    "mail.example.org": "192.0.2.1",
    "MX1.Example.ORG.": "2001:db8::25",
    "lists.debian.org": "82.195.75.100",
}
# Names that providers make for whoever has the address.
ACCESS_LINES = {
    "p5b3c1d2e.dip0.t-ipconnect.de": "91.60.29.46",
    "dynamic-adsl-84-220-1-2.clienti.tiscali.it": "84.220.1.2",
    "host86-134-1-2.range86-134.btcentralplus.com": "86.134.1.2",
    "cpe-76-1-2-3.socal.res.rr.com": "76.1.2.3",
    "static.88-198-1-2.clients.your-server.de": "88.198.1.2",
    "ec2-54-1-2-3.compute-1.amazonaws.com": "54.1.2.3",
    "vmi1234567.contaboserver.net": "192.0.2.1",
    "vps-1a2b3c4d.hosting.example.net": "192.0.2.1",
    "ns3012345.hosting.example.net": "192.0.2.1",
    "7.100.51.198.in-addr.example.net": "198.51.100.7",
    "c6336407.example.net": "198.51.100.7",
    "198051100007.example.net": "198.51.100.7",
    "2001-db8-1234-5678-9abc-def0-1234-5678.example.net": "2001:db8:1234:5678:9abc:def0:1234:5678",
    "m-9abc-def0.example.net": "2001:db8:1234:5678:9abc:def0:1234:5678",
    "200104db8123456789abcdef012345678.example.net": "2001:db8:1234:5678:9abc:def0:1234:5678",
}


@pytest.mark.parametrize("name", MAIL_SERVERS)
def test_a_mail_servers_name_gives_its_domain(name: str) -> None:
    wanted = last_two_labels(name.lower().rstrip("."))
    assert identity_of_name(name, at(MAIL_SERVERS[name]), last_two_labels) == wanted


@pytest.mark.parametrize("name", ACCESS_LINES)
def test_a_generated_name_gives_nothing(name: str) -> None:
    assert identity_of_name(name, at(ACCESS_LINES[name]), last_two_labels) == ""


@pytest.mark.parametrize(
    "name", ["unknown", "", "localhost", "a..b", "192.0.2.1", "x" * 64 + ".a.example", "é.example"]
)
def test_what_is_no_host_name_gives_nothing(name: str) -> None:
    assert identity_of_name(name, at("192.0.2.1"), last_two_labels) == ""


def test_a_public_suffix_gives_nothing() -> None:
    assert identity_of_name("gov.uk", at("192.0.2.1"), lambda name: "") == ""


def is_generated(host: str, address: Address) -> bool:
    return identity_of_name(f"{host}provider.example", address, last_two_labels) == ""


def test_one_octet_proves_nothing_and_two_do() -> None:
    assert not is_generated("mta7.", at("198.51.100.7"))
    assert is_generated("mta100-7.", at("198.51.100.7"))
    assert not is_generated("mta100-1.", at("198.51.100.7"))
    assert not is_generated("mta7-1.", at("198.51.7.7"))
    assert is_generated("mta7-7.", at("198.51.7.7"))


@pytest.mark.parametrize("host", ["pool.", "dyn-a.", "customer.a.", "fedcba98."])
def test_some_words_are_never_those_of_a_mail_server(host: str) -> None:
    assert is_generated(host, at("192.0.2.1"))


def test_half_an_ipv4_address_in_hexadecimal_digits_is_one() -> None:
    assert is_generated("m-6407.", at("198.51.100.7"))
    assert not is_generated("m-6408.", at("198.51.100.7"))


@pytest.mark.parametrize(
    ("host", "generated"),
    [
        ("xc7d8e9fab1c2d3e4.", True),  # the interface
        (".".join(reversed("c7d8e9fab1c2d3e4")) + ".", True),
        ("x2a0bc1d2e3f4a5b6.", True),  # the network
        ("m-c7d8-d3e4.", True),
        ("m-e9fa-b1c2.", True),
        ("m-c7d8.", False),
        ("mx.", False),
    ],
)
def test_half_an_ipv6_address_is_one(host: str, *, generated: bool) -> None:
    assert is_generated(host, at("2a0b:c1d2:e3f4:a5b6:c7d8:e9fa:b1c2:d3e4")) is generated


def test_a_name_is_read_up_to_its_greatest_length() -> None:
    longest = "a." * 120 + "a" * (LONGEST_NAME - 240 - len(".example")) + ".example"
    assert identity_of_name(f"{longest}.", at("192.0.2.1"), last_two_labels) == last_two_labels(longest)
    assert identity_of_name(f"a{longest}.", at("192.0.2.1"), last_two_labels) == ""


SPELLINGS: list[Callable[[ipaddress.IPv4Address], str]] = [
    lambda address: str(address),
    lambda address: str(address).replace(".", "-"),
    lambda address: ".".join(reversed(str(address).split("."))),
    lambda address: "-".join(f"{octet:03}" for octet in address.packed),
    lambda address: address.packed.hex(),
    lambda address: "x" + "-".join(str(address).split(".")[2:]),
]


@given(st.ip_addresses(v=4), st.sampled_from(SPELLINGS), st.sampled_from(["", "mail-", "h"]))
def test_every_spelling_of_an_ipv4_address_is_seen(
    number: ipaddress.IPv4Address, spell: Callable[[ipaddress.IPv4Address], str], before: str
) -> None:
    assert is_generated(f"{before}{spell(number)}.", at(str(number)))


@given(st.integers(1 << 112, (1 << 128) - 1).map(ipaddress.IPv6Address))
def test_every_spelling_of_an_ipv6_address_is_seen(number: ipaddress.IPv6Address) -> None:
    address = at(str(number))
    if address.version == 6:
        nibbles = number.exploded.replace(":", "")
        assert is_generated(f"ip-{nibbles}.", address)
        assert is_generated(".".join(reversed(nibbles)) + ".", address)
        assert is_generated(number.exploded.replace(":", "-") + ".", address)


@given(st.text(max_size=300), st.ip_addresses())
def test_any_name_gives_a_domain_that_holds_it_or_nothing(name: str, number: ipaddress.IPv4Address) -> None:
    found = identity_of_name(name, at(str(number)), last_two_labels)
    assert found == "" or name.lower().rstrip(".").endswith(found)


@given(st.from_regex(r"\A[-a-z0-9.]{0,300}\Z"), st.ip_addresses())
def test_names_of_strange_digits_are_judged_the_same_twice(name: str, number: ipaddress.IPv4Address) -> None:
    assert is_generated(name, at(str(number))) is is_generated(name, at(str(number)))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("mta1.mail.example.com", "mail.example.com"),
        ("mx.example.co.uk", "example.co.uk"),
        ("mx.example.com", ""),
        ("example.com", ""),
        ("com", ""),
    ],
)
def test_without_a_list_only_deep_names_have_a_domain(name: str, wanted: str) -> None:
    assert cautious_registered_domain(name) == wanted
