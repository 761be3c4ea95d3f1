"""Law tested: a sender that retries from another network each time is delivered at its first try after the delay.

Real Postfix, real unbound with the sender's SPF record, real seconds.
"""

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.system.daemon import Policyd
from tests.system.nameservers import Unbound
from tests.system.parts import laboratory
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, attempt

DELAY: Final = 3
# Documentation and benchmarking networks (RFC 5737, RFC 2544), none a neighbour of another.
POOL: Final = [f"198.18.{10 * number}" for number in range(8)]
DATA: Final = [
    f'{domain}.local.example. 1 IN TXT "v=spf1 include:_nets.local.example -all"'
    for domain in ("pool", "late", "never")
] + [
    f'_nets.local.example. 1 IN TXT "v=spf1 {" ".join(f"ip4:{net}.0/24" for net in POOL)} ~all"',
    'open.local.example. 1 IN TXT "v=spf1 +all"',
    'named.local.example. 1 IN TXT "v=spf1 ?all"',
]


class Lab(NamedTuple):
    unbound: Unbound
    postfix: Postfix


@pytest.fixture(scope="module")
def lab_with_dns() -> Iterator[Lab]:
    with laboratory() as home, Unbound(home, data=DATA) as unbound:
        settings: dict[str, dict[str, Any]] = {
            "chain": {"checks": ["spf", "greylist"]},
            "dns": {"nameservers": [unbound.address], "timeout": "1s"},
            "spf": {"deadline": "1s", "header": "none"},
            "greylist": {"delay": f"{DELAY}s"},
        }
        with Policyd(home, settings) as daemon, Postfix(home, daemon.inet) as postfix:
            yield Lab(unbound, postfix)
            assert CONFIGURATION_PROBLEM not in postfix.maillog()


def tried(lab: Lab, net: str, sender: str, name: str = "[UNAVAILABLE]", recipient: str = "bob@box.test") -> bool:
    """Whether Postfix took the message; if not, it was greylisted."""
    done = attempt(lab.postfix.port, Client(f"{net}.25", name, helo="mx.local.example"), sender, [recipient])
    if not done.accepted:
        assert "Greylisted" in done.recipients[recipient].text, done
    return done.accepted


def test_a_pool_of_eight_networks_is_delivered_at_its_first_try_after_the_delay(lab_with_dns: Lab) -> None:
    began = time.time()
    early = [tried(lab_with_dns, net, "a@pool.local.example") for net in POOL[:7]]
    assert time.time() - began < DELAY
    assert early == [False] * 7
    time.sleep(DELAY + 1)
    assert tried(lab_with_dns, POOL[7], "a@pool.local.example")
    # Negative control: the network of nobody's record starts its own clock.
    assert not tried(lab_with_dns, "198.19.99", "a@named.local.example")


def test_a_record_that_lets_the_world_pass_is_nobodys(lab_with_dns: Lab) -> None:
    assert not tried(lab_with_dns, POOL[0], "a@open.local.example")
    time.sleep(DELAY + 1)
    assert not tried(lab_with_dns, POOL[1], "a@open.local.example")
    assert tried(lab_with_dns, POOL[0], "a@open.local.example")


def test_the_hosts_of_a_domain_are_one_sender_without_spf(lab_with_dns: Lab) -> None:
    assert not tried(lab_with_dns, "198.19.1", "a@named.local.example", "mxa.big-sender.example")
    assert not tried(lab_with_dns, "198.19.3", "a@named.local.example", "host-198-19-3-25.big-sender.example")
    time.sleep(DELAY + 1)
    assert tried(lab_with_dns, "198.19.2", "a@named.local.example", "mxb.big-sender.example")


def test_with_dns_stopped_it_falls_back_to_the_network_and_no_mail_is_lost(lab_with_dns: Lab) -> None:
    assert not tried(lab_with_dns, POOL[0], "a@late.local.example")
    assert not tried(lab_with_dns, POOL[1], "a@late.local.example")  # this network has learned it from the domain
    lab_with_dns.unbound.stop()
    try:
        time.sleep(2)  # what the resolver knew is forgotten
        assert not tried(lab_with_dns, POOL[2], "a@never.local.example")
        time.sleep(DELAY + 1)
        assert tried(lab_with_dns, POOL[1], "a@late.local.example")
        assert tried(lab_with_dns, POOL[2], "a@never.local.example")
    finally:
        lab_with_dns.unbound.start()


def test_where_only_the_suspicious_wait_a_provider_does_not(lab_with_dns: Lab) -> None:
    with laboratory() as home:
        settings: dict[str, dict[str, Any]] = {
            "chain": {"checks": ["spf", "greylist"]},
            "dns": {"nameservers": [lab_with_dns.unbound.address]},
            "spf": {"header": "none"},
            "greylist": {"when": "suspicious", "providers": ["pool.local.example"]},
        }
        with Policyd(home, settings) as daemon, Postfix(home, daemon.inet) as postfix:
            lab = Lab(lab_with_dns.unbound, postfix)
            # Without a host name, from whatever network its own record names at this moment.
            assert all(tried(lab, net, "a@pool.local.example") for net in POOL)
            # A pass of anybody else's is no trust, without a name.
            assert not tried(lab, POOL[0], "a@late.local.example")
            assert not tried(lab, "198.19.5", "a@open.local.example", "mx.big-sender.example")
