"""Counters in plain integers, and their picture."""

from prometheus_client import CollectorRegistry, generate_latest

from policyd.metrics import Histogram, Metrics


def page(metrics: Metrics) -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    return generate_latest(registry).decode()


def test_a_request_is_counted_once_with_its_latency() -> None:
    metrics = Metrics("1.2.3", lambda: 1000.0)
    metrics.answered([("DUNNO", "greylist", "client AWL")], 0.003)
    text = page(metrics)
    assert 'policyd_requests_total{action="DUNNO",check="greylist",reason="client AWL"} 1.0' in text
    assert 'policyd_request_duration_seconds_bucket{le="0.005"} 1.0' in text
    assert 'policyd_request_duration_seconds_bucket{le="0.0025"} 0.0' in text
    assert "policyd_request_duration_seconds_count 1.0" in text
    assert 'version="1.2.3"} 1.0' in text


def test_greylist_results_are_told_from_the_reasons() -> None:
    metrics = Metrics("1", lambda: 0.0)
    for check, reason in [
        ("greylist", "new"), ("greylist", "early-retry"), ("greylist", "triplet found"), ("greylist", "client AWL"),
        ("whitelist", "client whitelist"), ("whitelist", "recipient whitelist"), ("chain", "authenticated"),
        ("whitelist", "sender whitelist"), ("whitelist", "helo whitelist"), ("blacklist", "blacklist"),
    ]:  # fmt: skip
        metrics.answered([("DUNNO", check, reason)], 0.0)
    text = page(metrics)
    for result, count in {"new": 1, "early": 1, "passed": 1, "awl": 1, "whitelist": 4}.items():
        assert f'policyd_greylist_decisions_total{{result="{result}"}} {count}.0' in text


def test_samples_fall_under_the_first_bound_not_below_them() -> None:
    histogram = Histogram((1, 10))
    for value in (0.5, 1, 2, 11):
        histogram.observe(value)
    assert histogram.cumulative() == [("1", 2.0), ("10", 3.0), ("+Inf", 4.0)]
    assert histogram.total == 14.5


def test_an_unused_daemon_shows_its_gauges() -> None:
    metrics = Metrics("1", lambda: 5.0)
    metrics.fail_open["greylist", "unavailable"] += 2
    metrics.protocol_errors["too long"] += 1
    text = page(metrics)
    assert 'policyd_fail_open_total{cause="unavailable",check="greylist"} 2.0' in text
    assert 'policyd_protocol_errors_total{kind="too long"} 1.0' in text
    assert "policyd_config_last_reload_successful 1.0" in text
    assert "policyd_start_time_seconds 5.0" in text


def test_lists_are_shown_by_the_option_that_names_them() -> None:
    metrics = Metrics("1", lambda: 0.0)
    metrics.lists = lambda: [("blacklist.senders", 12, 1, 1000.5), ("whitelist.clients", 3, 0, 0.0)]
    text = page(metrics)
    assert 'policyd_list_entries{list="blacklist.senders"} 12.0' in text
    assert 'policyd_list_bad_lines{list="blacklist.senders"} 1.0' in text
    assert 'policyd_list_last_change_timestamp_seconds{list="blacklist.senders"} 1000.5' in text
    assert 'policyd_list_entries{list="whitelist.clients"} 3.0' in text


def test_a_check_is_timed() -> None:
    metrics = Metrics("1", lambda: 0.0)
    assert not [sample for family in metrics.collect() for sample in family.samples if "check_duration" in sample.name]
    for seconds in (0.002, 0.3):
        metrics.asked("rbl", seconds, 1)
    metrics.asked("rbl", 0.000_002, 3)
    values = {
        (sample.name, sample.labels.get("le")): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.labels.get("check") == "rbl"
    }
    assert values["policyd_check_duration_seconds_count", None] == 5
    assert values["policyd_check_duration_seconds_bucket", "1e-05"] == 3
    assert values["policyd_check_duration_seconds_bucket", "0.01"] == 4
