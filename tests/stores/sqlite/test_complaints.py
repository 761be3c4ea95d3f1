import pytest

from policyd.stores.sqlite.complaints import Complaints


def test_the_same_line_is_written_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    complaints = Complaints()
    for line in ("disk full", "disk full", "file gone 100%", "disk full"):
        complaints.error(line)
    complaints.good("works again")
    assert [record.message for record in caplog.records] == ["disk full", "file gone 100%", "works again"]


def test_after_a_minute_it_is_written_again(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    complaints = Complaints()
    for now in (0.0, 59.0, 60.0):
        monkeypatch.setattr("time.monotonic", lambda now=now: now)
        complaints.error("disk full")
    assert len(caplog.records) == 2
