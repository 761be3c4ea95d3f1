"""A store's figures become the metrics of their names."""

from prometheus_client.core import Metric

from policyd.store_metrics import store_metrics
from policyd.stores.store import BATCH_ROWS, COMMIT_SECONDS, CommitFigures, StoreStats


def values(stats: StoreStats) -> dict[str, float]:
    metrics: list[Metric] = list(store_metrics(stats))
    return {
        sample.name + "".join(sample.labels.values()): sample.value for metric in metrics for sample in metric.samples
    }


def test_the_figures_of_a_store() -> None:
    figures = CommitFigures()
    figures.count(rows=3, seconds=0.0002)
    figures.count(rows=10, seconds=2.0)
    seen = values(
        StoreStats(
            state="ok", entries=7, pending=2, commit_seconds=figures.seconds, committed_rows=figures.rows,
            commit_seconds_counts=tuple(figures.seconds_counts), batch_rows_counts=tuple(figures.rows_counts),
            failures=1, evicted=4, purged=5, never_returned=3, returned_late=2, last_purge=1000, bytes_on_disk=4096,
        )
    )  # fmt: skip
    assert seen["policyd_store_up"] == 1
    assert seen["policyd_greylist_never_returned_total"] == 3
    assert seen["policyd_greylist_returned_late_total"] == 2
    assert seen["policyd_store_entries"] == 7
    assert seen["policyd_store_pending_rows"] == 2
    assert seen["policyd_store_size_bytes"] == 4096
    assert seen["policyd_store_commit_duration_seconds_bucket0.0003"] == 1
    assert seen["policyd_store_commit_duration_seconds_bucket+Inf"] == 2
    assert seen["policyd_store_commit_duration_seconds_sum"] == 2.0002
    assert seen["policyd_store_batch_rows_bucket5"] == 1
    assert seen["policyd_store_batch_rows_sum"] == 13
    assert seen["policyd_store_errors_total"] == 1
    assert seen["policyd_store_evictions_total"] == 4
    assert seen["policyd_store_purged_total"] == 5
    assert seen["policyd_purge_last_success_timestamp_seconds"] == 1000


def test_a_store_that_cannot_write_is_down_and_one_without_commits_has_empty_histograms() -> None:
    seen = values(StoreStats(state="degraded", entries=0))
    assert seen["policyd_store_up"] == 0
    assert seen["policyd_store_commit_duration_seconds_count"] == 0
    assert len(COMMIT_SECONDS) + len(BATCH_ROWS) + 2 == sum("_bucket" in name for name in seen)
