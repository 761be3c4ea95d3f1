"""What is counted, in plain integers; and its picture for Prometheus.

Law: the request path only adds to integers (under 1 us); prometheus_client is called when somebody scrapes.
Labels are words of ours, never anything from a request: at most a few dozen series whatever is sent.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from platform import python_version
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

LATENCY_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100)
"""Seconds; the last is Postfix's own timeout."""
CHECK_BUCKETS: Final = (0.00001, 0.0001, 0.001, 0.01, 0.05, 0.1, 0.5, 1, 5)
"""Seconds: of a check that knows the answer, a few microseconds; of one that asks the network, up to its deadline."""
DELAY_BUCKETS: Final = (60, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 172800)
"""Seconds from the first try to the one that passed."""

_GREYLIST_RESULTS: Final = {
    "new": "new",
    "early-retry": "early",
    "client AWL": "awl",
    "domain AWL": "awl",
    "reply": "reply",
    "not suspicious": "not suspicious",
    "same message": "same message",
    "network limit": "limit",
    "spam trap": "trap",
    "client whitelist": "whitelist",
    "helo whitelist": "whitelist",
    "sender whitelist": "whitelist",
    "recipient whitelist": "whitelist",
}


class Histogram:
    """Samples counted per bucket: `observe` costs a bisection and two additions, for however many."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float], counts: Sequence[int] = (), total: float = 0.0) -> None:
        self.bounds = tuple(bounds)
        self.counts = list(counts) or [0] * (len(bounds) + 1)
        self.total = total

    def observe(self, value: float, times: int = 1) -> None:
        """Count samples of this value."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def cumulative(self) -> list[tuple[str, float]]:
        """(upper bound, samples up to it), as Prometheus wants it."""
        seen, buckets = 0, []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            seen += count
            buckets.append((bound, float(seen)))
        return buckets


class Metrics:
    """All counters of one daemon."""

    def __init__(self, version: str, now: Callable[[], float]) -> None:
        self._version = version
        self.started = now()
        self.requests: Counter[tuple[str, str, str]] = Counter()
        """By action, check and reason."""
        self.latency = Histogram(LATENCY_BUCKETS)
        self.check_latency: dict[str, Histogram] = {}
        """By check, its waiting included."""
        self.greylist_delay = Histogram(DELAY_BUCKETS)
        self.fail_open: Counter[tuple[str, str]] = Counter()
        """Requests that were let through because something failed, by check and cause."""
        self.shadow: Counter[tuple[str, str, str]] = Counter()
        """What shadow mode did not do, by action, check and reason."""
        self.check_errors: Counter[str] = Counter()
        """How often a check could not answer, whatever became of the mail then."""
        self.protocol_errors: Counter[str] = Counter()
        self.connections = 0
        self.connections_rejected = 0
        self.log_lines_dropped: Callable[[], int] = int
        self.clock_steps = 0
        """How often the system's clock was seen to jump."""
        self.reload_ok = True
        self.generation = 1
        """How many configurations were in force since the start, this one included."""
        self.reloaded_at = now()
        self.lists: Callable[[], Iterable[tuple[str, int, int, float]]] = tuple
        """Of each list: its option, entries, mistakes, and when a file of it was last read (since the epoch)."""
        self.rooms: list[Callable[[], Iterable[Metric]]] = []
        """What others count and show themselves."""

    def answered(self, requests: Sequence[tuple[str, str, str]], seconds: float) -> None:
        """Count requests, by action, check and reason, each of which was answered within `seconds`."""
        self.requests.update(requests)
        self.latency.observe(seconds, len(requests))

    def asked(self, check: str, seconds: float, requests: int) -> None:
        """Count requests about which a check was asked, and for each of which it took so long."""
        if check not in self.check_latency:
            self.check_latency[check] = Histogram(CHECK_BUCKETS)
        self.check_latency[check].observe(seconds, requests)

    def collect(self) -> Iterator[Metric]:
        """The picture for Prometheus (prometheus_client's Collector)."""
        build = {"version": self._version, "python": python_version()}
        yield InfoMetricFamily("policyd_build", "Versions of the running daemon and of its Python.", build)
        yield gauge("policyd_start_time_seconds", "When the daemon started, seconds since the epoch.", self.started)
        yield from self._request_metrics()
        yield from self._connection_metrics()
        yield from self._configuration_metrics()
        for room in self.rooms:
            yield from room()

    def _request_metrics(self) -> Iterator[Metric]:
        yield counters("policyd_requests", "Answered requests.", ("action", "check", "reason"), self.requests)
        yield histogram("policyd_request_duration_seconds", "From the whole request to its reply.", self.latency)
        checks = HistogramMetricFamily(
            "policyd_check_duration_seconds",
            "Time of a check for one request, its waiting for the network included.",
            labels=("check",),
        )
        for check, waited in self.check_latency.items():
            checks.add_metric((check,), waited.cumulative(), waited.total)
        yield checks
        yield counters("policyd_greylist_decisions", "What greylisting found.", ("result",), self.greylist_results())
        yield histogram(
            "policyd_greylist_delay_seconds",
            "From the first try of a mail to the one that passed.",
            self.greylist_delay,
        )
        yield counters(
            "policyd_fail_open", "Requests let through because something failed.", ("check", "cause"), self.fail_open
        )
        yield counters("policyd_check_errors", "Times that a check could not answer.", ("check",), self.check_errors)
        yield counters(
            "policyd_shadow_decisions",
            "What would have been done without shadow mode.",
            ("action", "check", "reason"),
            self.shadow,
        )

    def _connection_metrics(self) -> Iterator[Metric]:
        yield gauge("policyd_connections", "Open policy connections.", self.connections)
        yield counter("policyd_connections_rejected", "Connections over the limit.", self.connections_rejected)
        yield counters(
            "policyd_protocol_errors", "Connections closed for what they sent.", ("kind",), self.protocol_errors
        )
        yield counter(
            "policyd_log_lines_dropped",
            "Lines not written because the log stood still.",
            self.log_lines_dropped(),
        )

    def _configuration_metrics(self) -> Iterator[Metric]:
        yield gauge("policyd_config_last_reload_successful", "1 if the last reload was taken.", int(self.reload_ok))
        yield gauge("policyd_config_last_reload_timestamp_seconds", "When settings were last taken.", self.reloaded_at)
        yield counter("policyd_clock_steps", "Jumps of the system's clock.", self.clock_steps)
        yield gauge("policyd_config_generation", "Configurations that were in force since the start.", self.generation)
        yield from self._list_metrics()

    def _list_metrics(self) -> Iterator[Metric]:
        entries = GaugeMetricFamily("policyd_list_entries", "Entries in force.", labels=("list",))
        bad = GaugeMetricFamily("policyd_list_bad_lines", "Mistakes in the files of a list.", labels=("list",))
        changed = GaugeMetricFamily(
            "policyd_list_last_change_timestamp_seconds", "When a file of the list was last read.", labels=("list",)
        )
        for option, *values in self.lists():
            for family, value in zip((entries, bad, changed), values, strict=True):
                family.add_metric((option,), value)
        yield from (entries, bad, changed)

    def greylist_results(self) -> Mapping[str, int]:
        """What greylisting found since the start, by its words."""
        results: Counter[str] = Counter()
        for (_, check, reason), count in self.requests.items():
            if reason == "triplet found" and check == "greylist":
                results["passed"] += count
            elif reason in _GREYLIST_RESULTS:
                results[_GREYLIST_RESULTS[reason]] += count
        return results


def gauge(name: str, text: str, value: float) -> Metric:
    """A gauge of one value."""
    return GaugeMetricFamily(name, text, value=value)


def counter(name: str, text: str, value: float) -> Metric:
    """A counter without labels (prometheus_client adds the ``_total``)."""
    return CounterMetricFamily(name, text, value=value)


def counters(name: str, text: str, labels: Sequence[str], values: Mapping[Any, int]) -> Metric:
    """A counter by labels: the keys of `values` are tuples of their values (a plain string for one label)."""
    family = CounterMetricFamily(name, text, labels=labels)
    for key, count in values.items():
        family.add_metric([key] if isinstance(key, str) else key, count)
    return family


def histogram(name: str, text: str, values: Histogram) -> Metric:
    """A histogram."""
    return HistogramMetricFamily(name, text, buckets=values.cumulative(), sum_value=values.total)
