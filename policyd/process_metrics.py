"""The figures of the process itself, under the names that every Prometheus client gives them.

Law: read when somebody asks. The library's own collector needs /proc/stat, which a hardened unit hides (ProcSubset=).
"""

import resource
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric

from policyd.metrics import counter, gauge


def process_metrics() -> Iterator[Metric]:
    """The metrics of one moment; without /proc only what the kernel tells otherwise."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield counter("process_cpu_seconds", "CPU time of the process.", usage.ru_utime + usage.ru_stime)
    yield gauge("process_max_fds", "Descriptors it may have.", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        size, resident = Path("/proc/self/statm").read_text().split()[:2]
        descriptors = sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return
    page = resource.getpagesize()
    yield gauge("process_virtual_memory_bytes", "Address space of the process.", int(size) * page)
    yield gauge("process_resident_memory_bytes", "Memory of the process.", int(resident) * page)
    yield gauge("process_open_fds", "Open descriptors.", descriptors)
