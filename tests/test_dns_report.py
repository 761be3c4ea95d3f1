"""Law tested: the figures become the metrics of their names, and what is wrong is said."""

import json
from dataclasses import replace

import pytest
from prometheus_client.core import Metric

from policyd.checks.rbl import ZoneStatus
from policyd.checks.spf import SpfCounts
from policyd.checks.wiring import REQUESTS
from policyd.dns_report import (
    list_metrics,
    resolver_condition,
    resolver_metrics,
    spf_condition,
    spf_metrics,
    zone_figures,
    zones_condition,
)
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.figures import QUESTION_SECONDS
from policyd.lookups.dns.settings import DnsSettings
from tests.checks.spf.house import ask, check, request

STATS = open_resolver(DnsSettings()).stats()
GOOD = ZoneStatus("bl.example", False, "good", 0, 1000, answered=10, listed=3, unknown=2, asked=4, seconds=0.5)
PARKED = ZoneStatus("dead.example", True, "silent", 1000, None, 0, 0, 7, 0, 0.0)
NEW = ZoneStatus("new.example", False, None, 0, None, 0, 0, 0, 0, 0.0)


def values(metrics: list[Metric]) -> dict[str, float]:
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_the_figures_of_the_resolver() -> None:
    counts = (1,) * (len(QUESTION_SECONDS) + 1)
    seen = values(
        list(
            resolver_metrics(
                replace(
                    STATS, outcomes={"found": 2, "no name": 3}, unavailable={"timeout": 4}, cache_hits=5, merged=6,
                    question_seconds=2.5, question_seconds_counts=counts, in_flight=7, waiting=8, cache_entries=9,
                    cache_bytes=10, cache_evicted=11, strays=12, servers={"127.0.0.1:53": True, "[::1]:53": False},
                )
            )
        )
    )  # fmt: skip
    assert seen["policyd_dns_queries_total found"] == 2
    assert seen["policyd_dns_queries_total no name"] == 3
    assert seen["policyd_dns_queries_total timeout"] == 4
    assert seen["policyd_dns_cache_hits_total"] == 5
    assert seen["policyd_dns_merged_total"] == 6
    assert seen["policyd_dns_duration_seconds_sum"] == 2.5
    assert seen["policyd_dns_duration_seconds_count"] == len(counts)
    assert seen["policyd_dns_in_flight"] == 7
    assert seen["policyd_dns_waiting"] == 8
    assert seen["policyd_dns_cache_entries"] == 9
    assert seen["policyd_dns_cache_size_bytes"] == 10
    assert seen["policyd_dns_cache_evictions_total"] == 11
    assert seen["policyd_dns_strays_total"] == 12
    assert seen["policyd_dns_server_up 127.0.0.1:53"] == 1
    assert seen["policyd_dns_server_up [::1]:53"] == 0


def test_the_figures_of_lists() -> None:
    seen = values(list(list_metrics([GOOD, PARKED])))
    assert seen["policyd_dnsbl_zone_up bl.example"] == 1
    assert seen["policyd_dnsbl_zone_up dead.example"] == 0
    assert seen["policyd_dnsbl_results_total bl.example listed"] == 3
    assert seen["policyd_dnsbl_results_total bl.example clean"] == 7
    assert seen["policyd_dnsbl_results_total bl.example unknown"] == 2
    assert seen["policyd_dnsbl_results_total dead.example unknown"] == 7
    assert seen["policyd_dnsbl_duration_seconds_count bl.example"] == 4
    assert seen["policyd_dnsbl_duration_seconds_sum bl.example"] == 0.5
    assert seen["policyd_dnsbl_last_good_probe_timestamp_seconds bl.example"] == 1000
    assert seen["policyd_dnsbl_last_good_probe_timestamp_seconds dead.example"] == 0


@pytest.mark.parametrize(
    ("servers", "troubles"),
    [
        ({}, ()),
        ({"127.0.0.1:53": True, "[::1]:53": True}, ()),
        ({"127.0.0.1:53": True, "[::1]:53": False}, ("the nameserver [::1]:53 does not answer",)),
        (
            {"127.0.0.1:53": False, "[::1]:53": False},
            ("no nameserver answers (127.0.0.1:53, [::1]:53): mail goes on without what only DNS knows",),
        ),
    ],
)
def test_nameservers_that_are_silent_are_trouble(servers: dict[str, bool], troubles: tuple[str, ...]) -> None:
    assert resolver_condition(replace(STATS, servers=servers)).troubles == troubles


def test_parked_lists_and_a_gateway_are_trouble() -> None:
    assert zones_condition([GOOD, NEW], "") == ("rbl", (), "2 lists, 2 of them asked")
    _, troubles, detail = zones_condition([GOOD, PARKED], "every client comes from 10.0.0.1")
    assert troubles == ("every client comes from 10.0.0.1", "dead.example is parked: it does not answer")
    assert detail == "2 lists, 1 of them asked"


@pytest.mark.parametrize(("status", "state"), [(GOOD, "asked"), (PARKED, "parked"), (NEW, "new")])
def test_the_figures_of_a_list_are_plain(status: ZoneStatus, state: str) -> None:
    figures = zone_figures(status)
    assert figures["state"] == state
    assert json.loads(json.dumps(figures)) == figures


def test_the_figures_of_spf() -> None:
    counts = SpfCounts()
    counts.results["mailfrom", "fail"] = 3
    counts.known = 2
    assert values(list(spf_metrics(counts))) == {
        "policyd_spf_results_total mailfrom fail": 3,
        "policyd_spf_known_total": 2,
    }


def test_a_gateway_is_trouble_for_spf() -> None:
    spf = check()
    assert spf_condition(None).troubles == ()
    assert spf_condition(spf).troubles == ()
    for number in range(REQUESTS):
        ask(spf, request("user@lax.example", f"mx{number}.example", client_address="172.17.0.1"))
    (trouble,) = spf_condition(spf).troubles
    assert "so nobody can be judged" in trouble
