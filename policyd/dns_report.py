"""What is shown of the resolver, of the DNS lists and of SPF: their metrics, and whether they are well.

Law: the resolver and the checks count in plain numbers and know no metric. Labels are names of the configuration, 64
lists at most, and never a key.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

from policyd.checks.rbl import MEANINGS, ZoneStatus
from policyd.checks.spf import Spf, SpfCounts
from policyd.lookups.dns.figures import QUESTION_SECONDS, DnsStats
from policyd.metrics import Histogram, counter, counters, gauge, histogram
from policyd.model.health import Condition
from policyd.model.units import number_of


def resolver_metrics(figures: DnsStats) -> Iterator[Metric]:
    """The metrics of the resolver at one moment."""
    seconds = Histogram(QUESTION_SECONDS, figures.question_seconds_counts, figures.question_seconds)
    results: dict[str, int] = dict(figures.outcomes.items()) | dict(figures.unavailable.items())
    yield counters("policyd_dns_queries", "Questions by what became of them.", ("result",), results)
    yield histogram("policyd_dns_duration_seconds", "Time of questions that a server was asked.", seconds)
    yield counter("policyd_dns_cache_hits", "Questions whose answer was known.", figures.cache_hits)
    yield counter("policyd_dns_merged", "Questions that were on their way already.", figures.merged)
    yield gauge("policyd_dns_cache_entries", "Answers that are remembered.", figures.cache_entries)
    yield gauge("policyd_dns_cache_size_bytes", "Bytes they take, counted generously.", figures.cache_bytes)
    yield counter("policyd_dns_cache_evictions", "Answers forgotten for others.", figures.cache_evicted)
    yield gauge("policyd_dns_in_flight", "Questions sent and not yet answered.", figures.in_flight)
    yield gauge("policyd_dns_waiting", "Questions that wait to be sent.", figures.waiting)
    yield counter("policyd_dns_strays", "Datagrams that answered nothing that was asked.", figures.strays)
    up = GaugeMetricFamily("policyd_dns_server_up", "1 if a nameserver answers.", labels=("server",))
    for server, is_up in figures.servers.items():
        up.add_metric((server,), int(is_up))
    yield up


def list_metrics(lists: Iterable[ZoneStatus]) -> Iterator[Metric]:
    """The metrics of the DNS lists at one moment."""
    up = GaugeMetricFamily("policyd_dnsbl_zone_up", "1 if a DNS list is asked, 0 if it is parked.", labels=("zone",))
    results = CounterMetricFamily("policyd_dnsbl_results", "Questions to a DNS list.", labels=("zone", "result"))
    seconds = SummaryMetricFamily("policyd_dnsbl_duration_seconds", "Time of its answers.", labels=("zone",))
    good = GaugeMetricFamily(
        "policyd_dnsbl_last_good_probe_timestamp_seconds", "When it last passed a probe.", labels=("zone",)
    )
    for status in lists:
        label = (status.zone,)
        up.add_metric(label, int(not status.is_parked))
        good.add_metric(label, status.good_at or 0)
        seconds.add_metric(label, status.asked, status.seconds)
        results.add_metric((status.zone, "listed"), status.listed)
        results.add_metric((status.zone, "clean"), status.answered - status.listed)
        results.add_metric((status.zone, "unknown"), status.unknown)
    yield from (up, results, seconds, good)


def resolver_condition(figures: DnsStats) -> Condition:
    """The part ``dns``."""
    silent = [server for server, is_up in figures.servers.items() if not is_up]
    if silent and len(silent) == len(figures.servers):
        troubles = [f"no nameserver answers ({', '.join(silent)}): mail goes on without what only DNS knows"]
    else:
        troubles = [f"the nameserver {server} does not answer" for server in silent]
    servers = ", ".join(figures.servers) or "nobody was asked yet"
    remembered = number_of(figures.cache_entries, "answer", "answers")
    return Condition("dns", tuple(troubles), f"{servers}, {remembered} remembered")


def zones_condition(lists: Sequence[ZoneStatus], wiring_mistake: str) -> Condition:
    """The part ``rbl``."""
    parked = [
        f"{status.zone} is parked: {MEANINGS[status.finding or 'silent']}" for status in lists if status.is_parked
    ]
    troubles = [wiring_mistake, *parked] if wiring_mistake else parked
    asked = len(lists) - len(parked)
    return Condition("rbl", tuple(troubles), f"{number_of(len(lists), 'list', 'lists')}, {asked} of them asked")


def spf_metrics(counts: SpfCounts) -> Iterator[Metric]:
    """The metrics of SPF at one moment."""
    yield counters("policyd_spf_results", "SPF results by identity.", ("identity", "result"), counts.results)
    yield counter("policyd_spf_known", "SPF results that nothing had to be asked for.", counts.known)


def spf_condition(check: Spf | None) -> Condition:
    """The part ``spf``."""
    if check is None:
        return Condition("spf", (), "not asked")
    mistake = check.wiring_mistake
    return Condition("spf", (mistake,) if mistake else (), f"{sum(check.counts.results.values())} results")


def zone_figures(status: ZoneStatus) -> dict[str, Any]:
    """What `policyd rbl status` is told of one list, in plain values."""
    return {
        "zone": status.zone,
        "state": "parked" if status.is_parked else "new" if status.finding is None else "asked",
        "finding": MEANINGS[status.finding] if status.finding else "it was not probed yet",
        "since": status.since,
        "good_at": status.good_at,
        "answered": status.answered,
        "listed": status.listed,
        "unknown": status.unknown,
        "latency": round(status.latency, 6),
    }
