"""The figures of the resolver and of the DNS lists become the metrics of their names."""

from dataclasses import replace

from prometheus_client.core import Metric

from policyd.checks.rbl import ZoneStatus
from policyd.dns_metrics import list_metrics, resolver_metrics
from policyd.lookups.dns.door import open_resolver
from policyd.lookups.dns.figures import QUESTION_SECONDS
from policyd.lookups.dns.settings import DnsSettings

STATS = open_resolver(DnsSettings()).stats()


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
    good = ZoneStatus("bl.example", False, "good", 0, 1000, answered=10, listed=3, unknown=2, asked=4, seconds=0.5)
    parked = ZoneStatus("dead.example", True, "silent", 1000, None, 0, 0, 7, 0, 0.0)
    seen = values(list(list_metrics([good, parked])))
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
