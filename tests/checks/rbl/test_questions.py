"""Law tested: a list is asked about what it wants, and never about what is no name or too long to be one."""

import pytest

from policyd.checks.rbl.names import MAX_NAME
from policyd.checks.rbl.questions import Questions, network
from policyd.checks.rbl.watch import Watched
from policyd.checks.rbl.zones import ZoneSettings, compile_zones
from policyd.model.request import PolicyRequest
from tests.checks.rbl.world import request


def asked(about: PolicyRequest, *zones: ZoneSettings) -> list[str]:
    lists = [Watched(zone) for zone in compile_zones([], zones)]
    return [name for *_, name in Questions(lists)(about)]


def test_one_list_may_be_asked_about_several_things() -> None:
    zone = ZoneSettings("dbl.example", look_up=("sender domain", "helo"))
    about = request(helo="mx.spam.example", sender="joe@spam.example")
    assert asked(about, zone) == ["mx.spam.example.dbl.example", "spam.example.dbl.example"]


def test_lists_of_registered_domains_are_asked_about_the_last_labels() -> None:
    zone = ZoneSettings("multi.surbl.org", look_up=("helo",))
    assert asked(request(helo="a.b.spam.co.example"), zone) == [
        "co.example.multi.surbl.org",
        "spam.co.example.multi.surbl.org",
    ]


def test_a_key_is_asked_in_front_of_the_zone() -> None:
    assert asked(request("192.0.2.1"), ZoneSettings("bl.example", "secret")) == ["1.2.0.192.secret.bl.example"]


def test_a_name_that_would_be_too_long_is_not_asked() -> None:
    helo = ".".join(["a" * 60] * 4)
    zone = ZoneSettings("bl.example.org", look_up=("helo",))
    longest = helo[: MAX_NAME - len(".bl.example.org")]
    assert asked(request(helo=helo), zone) == []
    assert asked(request(helo=longest), zone) == [f"{longest}.bl.example.org"]
    assert asked(request(helo=f"a{longest}"), zone) == []


@pytest.mark.parametrize(
    ("address", "subject"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2::1", "2001:db8:1::/48")],
)
def test_addresses_of_one_network_are_one_subject_of_a_surge(address: str, subject: str) -> None:
    about = request(address)
    (question,) = Questions([Watched(zone) for zone in compile_zones(["bl.example"], [])])(about)
    assert network(question, about) == subject


def test_a_name_is_a_subject_by_itself() -> None:
    about = request(helo="mx.example.org")
    lists = [Watched(zone) for zone in compile_zones([], [ZoneSettings("dbl.example", look_up=("helo",))])]
    (question,) = Questions(lists)(about)
    assert network(question, about) == "mx.example.org"
