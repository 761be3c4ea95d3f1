"""Law tested: a reload changes how the log speaks, and nothing of who counts."""

import pytest

from policyd.config import parse
from policyd.logbook import Logbook
from policyd.metrics import Metrics
from policyd.model.action import DUNNO
from policyd.model.verdict import Decision
from policyd.wire.request import parse_request

REQUEST = parse_request(b"protocol_state=RCPT\nclient_address=192.0.2.1\nsender=a@x\nrecipient=b@y")
DECISION = Decision(DUNNO, "greylist", "triplet found", 0, "0000ABCD", match="f:1: x")


def test_a_reload_changes_format_privacy_and_level(capfd: pytest.CaptureFixture[str]) -> None:
    metrics, matches = Metrics("1", lambda: 0.0), list[str]()
    book = Logbook(parse("", "f"), metrics, lambda function: function(), matches.append)
    recorder = book.recorder
    for log in ("", 'format = "json"', "privacy = true", 'level = "warning"'):
        book.take(parse(f"[log]\n{log}\n", "f"))
        recorder([(REQUEST, DECISION)], 0.001)
    book.flush()
    plain, json, private = capfd.readouterr().err.splitlines()
    assert "sender=a@x, recipient=b@y" in plain
    assert '"sender": "a@x"' in json
    assert "a@x" not in private
    assert "recipient=" in private
    assert book.recorder is recorder
    assert matches == ["f:1: x"] * 4
    assert metrics.log_lines_dropped() == 0
