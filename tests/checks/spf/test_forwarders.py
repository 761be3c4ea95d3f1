import asyncio

import pytest

from policyd.checks.spf.forwarders import Forwarders
from policyd.checks.spf.settings import Settings
from policyd.lookups.spf import open_evaluator
from policyd.model.request import PolicyRequest
from tests.checks.spf.house import HOST, WORLD, request
from tests.lookups.doubles import DictResolver

HELO = Settings(forwarder_helo=("mx.fwd.example",))


def is_forwarder(settings: Settings, asked: PolicyRequest) -> bool:
    resolver = DictResolver(WORLD)
    forwarders = Forwarders(settings, resolver, open_evaluator(resolver, settings.limits(), HOST))
    assert asked.client_address
    return forwarders.know(asked, asked.client_address) or asyncio.run(forwarders.ask(asked, asked.client_address, 5))


@pytest.mark.parametrize(
    ("settings", "asked", "expected"),
    [
        (Settings(), request(), False),
        (Settings(forwarder_networks=("192.0.2.0/24",)), request(), True),
        (Settings(forwarder_networks=("198.51.100.0/24", "2001:db8::/32")), request(), False),
        (Settings(forwarder_names=("mx.fwd.example",)), request(client_name="MX.fwd.example"), True),
        (Settings(forwarder_names=(".fwd.example",)), request(client_name="mx.fwd.example"), True),
        (Settings(forwarder_names=(".fwd.example",)), request(client_name="evilfwd.example"), False),
        (Settings(forwarder_names=("mx.fwd.example",)), request(client_name="evil-mx.fwd.example"), False),
        (Settings(forwarder_names=("mx.fwd.example",)), request(reverse_client_name="mx.fwd.example"), False),
        (HELO, request(helo="MX.fwd.example."), True),
        (HELO, request(helo="mx.fwd.example", client_address="192.0.2.9"), False),
        (HELO, request(helo="mx.fwd.example", client_address="2001:db8::1"), False),
        (Settings(forwarder_helo=("mx.other.example",)), request(helo="mx.fwd.example"), False),
        (Settings(forwarder_helo=("mx.murky.example",)), request(helo="mx.murky.example"), True),
        (Settings(forwarder_domains=("fwd.example",)), request(), True),
        (Settings(forwarder_domains=("fwd.example",)), request(client_address="192.0.2.9"), False),
        (Settings(forwarder_domains=("wide.example",)), request(), False),
        (Settings(forwarder_domains=("temp.example",)), request(), True),
    ],
)  # fmt: skip
def test_a_forwarder_is_who_is_proved_to_be_one(settings: Settings, asked: PolicyRequest, *, expected: bool) -> None:
    assert is_forwarder(settings, asked) is expected


@pytest.mark.parametrize(
    ("option", "asks"),
    [
        ("forwarder_networks", False),
        ("forwarder_names", False),
        ("forwarder_helo", True),
        ("forwarder_domains", True),
    ],
)
def test_each_option_makes_forwarders_and_some_ask_the_dns(option: str, *, asks: bool) -> None:
    value = "192.0.2.1" if option == "forwarder_networks" else "fwd.example"
    forwarders = Forwarders(Settings(**{option: (value,)}), DictResolver({}), None)  # type: ignore[arg-type]
    assert (forwarders.exist, forwarders.must_ask) == (True, asks)


def test_nobody_is_asked_where_there_are_none() -> None:
    forwarders = Forwarders(Settings(), DictResolver({}), None)  # type: ignore[arg-type]
    assert not forwarders.must_ask
    assert not forwarders.exist
