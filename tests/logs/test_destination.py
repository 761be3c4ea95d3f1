"""Where the log goes: the journal only where stderr is the journal's, and out in any case."""

import os
import re
import socket
from pathlib import Path

import pytest

from policyd.logs.destination import STDERR, open_writer
from policyd.logs.journal import JournalWriter
from policyd.logs.writers import LineWriter, SyslogWriter
from tests.loop import HandLoop


def stream() -> dict[str, str]:
    """The environment of a service whose journal stream is our standard error."""
    is_at = os.fstat(STDERR)
    return {"JOURNAL_STREAM": f"{is_at.st_dev}:{is_at.st_ino}"}


def test_syslog_is_syslog_whatever_stderr_is() -> None:
    assert isinstance(open_writer("syslog", "mail", HandLoop(), stream()), SyslogWriter)


@pytest.mark.parametrize("environment", [{}, {"JOURNAL_STREAM": "1:1"}])
def test_a_terminal_or_a_file_is_written_with_the_time(
    environment: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    writer = open_writer("stderr", "mail", HandLoop(), environment)
    assert isinstance(writer, LineWriter)
    writer.write("line")
    writer.flush()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} line\n", capfd.readouterr().err)


def test_where_stderr_is_the_journal_s_the_journal_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(str(tmp_path / "socket"))
        writer = open_writer("stderr", "local3", HandLoop(), stream(), str(tmp_path / "socket"))
        assert isinstance(writer, JournalWriter)
        writer.write("line")
        writer.flush()
        assert journal.recv(4096) == b"MESSAGE=line\nPRIORITY=6\nSYSLOG_IDENTIFIER=policyd\nSYSLOG_FACILITY=19\n"
        writer.close()
    assert capfd.readouterr().err == ""


def test_without_the_socket_the_stream_is_written_as_ever(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    writer = open_writer("stderr", "mail", HandLoop(), stream(), str(tmp_path / "none"))
    assert isinstance(writer, JournalWriter)
    writer.write_all(["line"], ["POLICYD_ID=1\n"])
    writer.flush()
    writer.close()
    assert capfd.readouterr().err == "<6>line\n"
