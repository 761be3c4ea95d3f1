"""The nameserver of the benchmark says what a list says, and its mail is what Postfix sends."""

import asyncio

from bench import rbl
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.settings import DnsSettings
from policyd.wire.request import parse_request


def test_the_nameserver_lists_the_test_point_and_nobody_else() -> None:
    async def ask(port: int) -> list[tuple[object, ...]]:
        resolver = open_resolver(DnsSettings(nameservers=(f"127.0.0.1:{port}",)))
        try:
            names = ("2.0.0.127", "1.0.0.127", "9.2.0.192")
            return [(await resolver.resolve(f"{name}.{rbl.zones()[0]}", "A"))[:3] for name in names]
        finally:
            resolver.close()

    with rbl.nameserver(0.02) as port:
        assert asyncio.run(ask(port)) == [
            (("127.0.0.2",), 3600, "found"),
            ((), 3600, "no name"),
            ((), 3600, "no name"),
        ]


def test_every_mail_comes_from_another_address_and_no_private_one() -> None:
    requests = [parse_request(rbl.mail(number)[:-2]) for number in (0, 1, 255, 256, 1 << 24, (1 << 30) + 7)]
    addresses = [request.client_address for request in requests]
    assert len(set(addresses)) == len(addresses)
    assert all(address is not None and 11 <= address.number >> 24 < 100 for address in addresses)
    assert {request.protocol_state for request in requests} == {"RCPT"}
