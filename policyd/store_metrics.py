"""The picture of a store's figures for Prometheus.

Law: stores count in plain numbers and know no metric; metrics.py knows no store. This file knows both.
"""

from collections.abc import Iterator

from prometheus_client.core import Metric

from policyd.metrics import Histogram, counter, gauge, histogram
from policyd.stores.store import BATCH_ROWS, COMMIT_SECONDS, StoreStats


def store_metrics(figures: StoreStats) -> Iterator[Metric]:
    """The metrics of one moment."""
    commits = Histogram(COMMIT_SECONDS, figures.commit_seconds_counts, figures.commit_seconds)
    batches = Histogram(BATCH_ROWS, figures.batch_rows_counts, figures.committed_rows)
    yield gauge("policyd_store_up", "1 if the store can write.", int(figures.state == "ok"))
    yield gauge("policyd_store_entries", "Triplets and clients in the store.", figures.entries)
    yield gauge("policyd_store_pending_rows", "Rows committed and not yet merged.", figures.pending)
    yield gauge("policyd_store_size_bytes", "Bytes of the store's files.", figures.bytes_on_disk)
    yield histogram("policyd_store_commit_duration_seconds", "Time of one commit, which many requests share.", commits)
    yield histogram("policyd_store_batch_rows", "Rows of one commit.", batches)
    yield counter("policyd_store_errors", "Commits and look-ups that failed.", figures.failures)
    yield counter("policyd_store_evictions", "Entries forgotten because the store was full.", figures.evicted)
    yield counter("policyd_store_purged", "Entries forgotten because they were too old.", figures.purged)
    yield counter(
        "policyd_greylist_never_returned", "Deferred mail whose sender did not come back.", figures.never_returned
    )
    yield counter(
        "policyd_greylist_returned_late",
        "Mail that came back after its window, and was new again.",
        figures.returned_late,
    )
    yield gauge(
        "policyd_purge_last_success_timestamp_seconds", "When the last purge that ended began.", figures.last_purge
    )
