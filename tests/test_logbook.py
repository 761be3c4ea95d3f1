"""Law tested: a reload changes how the log speaks, and nothing of who counts."""

import os
import re
import socket
from functools import partial
from pathlib import Path

import pytest

from policyd import logbook
from policyd.config import parse
from policyd.logbook import Logbook
from policyd.logs.destination import open_writer
from policyd.logs.journal import JournalWriter
from policyd.metrics import Metrics
from policyd.model.action import DUNNO
from policyd.model.verdict import Decision
from policyd.wire.request import parse_request
from tests.loop import HandLoop

REQUEST = parse_request(b"protocol_state=RCPT\nclient_address=192.0.2.1\nsender=a@x\nrecipient=b@y")
DECISION = Decision(DUNNO, "greylist", "triplet found", 0, "0000ABCD", match="f:1: x")


def test_a_reload_changes_format_privacy_and_level(capfd: pytest.CaptureFixture[str]) -> None:
    metrics, matches = Metrics("1", lambda: 0.0), list[str]()
    book = Logbook(parse("", "f"), metrics, HandLoop(), matches.append)
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


def test_the_journal_is_told_fields_of_every_form_hashed_like_the_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    is_at = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{is_at.st_dev}:{is_at.st_ino}")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        monkeypatch.setattr(logbook, "open_writer", partial(open_writer, journal=str(tmp_path / "socket")))
        book = Logbook(parse("", "f"), Metrics("1", lambda: 0.0), HandLoop(), id)
        told = []
        for log in ("", 'format = "json"', "privacy = true"):
            book.take(parse(f"[log]\n{log}\n", "f"))
            book.recorder([(REQUEST, DECISION)], 0.001)
            book.flush()
            told.append(journal.recv(4096).decode())
        assert isinstance(book._writer, JournalWriter)
        book._writer.close()
    plain, json, private = told
    assert plain.startswith("MESSAGE=action=pass, ")
    assert json.startswith('MESSAGE={"action": "pass", ')
    for entry in (plain, json):
        assert "\nPOLICYD_SENDER=a@x\n" in entry
    assert "@" not in private
    assert "192.0.2.1" not in private
    assert "\nPOLICYD_ACTION=pass\n" in private
    (sender,) = re.findall("\nPOLICYD_SENDER=([0-9a-f]{16})\n", private)
    assert f"sender={sender}, " in private
    assert capfd.readouterr().err == ""
