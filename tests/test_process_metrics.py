"""The process's own figures are its own."""

import os

from policyd.process_metrics import process_metrics


def test_they_are_of_this_process() -> None:
    values = {sample.name: sample.value for family in process_metrics() for sample in family.samples}
    assert values["process_cpu_seconds_total"] > 0
    assert 1 << 20 < values["process_resident_memory_bytes"] < values["process_virtual_memory_bytes"]
    before = values["process_open_fds"]
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        after = {sample.name: sample.value for family in process_metrics() for sample in family.samples}
    finally:
        os.close(descriptor)
    assert after["process_open_fds"] == before + 1
