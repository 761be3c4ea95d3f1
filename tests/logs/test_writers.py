"""Writers: nothing waits, nothing is lost without being counted."""

import logging
import os
import re
import select
import syslog
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policyd.logs import writers
from policyd.logs.writers import (
    MAX_BUFFERED,
    ClockPrefix,
    JournalPrefix,
    LineHandler,
    LineWriter,
    SyslogWriter,
    route_logging,
)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


class Marks:
    def stamp(self) -> str:
        return "at 1: "

    def mark(self, level: int) -> str:
        return f"<{level}>"


class Nothing:
    def stamp(self) -> str:
        return ""

    def mark(self, level: int) -> str:
        return ""


NOTHING = Nothing()


def read_all(descriptor: int) -> bytes:
    data = b""
    while select.select([descriptor], [], [], 0)[0]:
        data += os.read(descriptor, 1 << 16)
    return data


def test_lines_of_one_tick_are_written_at_its_end(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    ticks: list[Callable[[], None]] = []
    writer = LineWriter(descriptor, Marks(), ticks.append)
    writer.write("one")
    writer.write("two\nlines", logging.WARNING)
    assert (len(ticks), read_all(reader)) == (1, b"")
    ticks.pop()()
    assert read_all(reader) == b"at 1: <20>one\nat 1: <30>two\nat 1: <30>lines\n"
    writer.write("three")
    assert len(ticks) == 1


def test_a_reader_that_stands_still_costs_lines_not_time(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    writer = LineWriter(descriptor, NOTHING, lambda _: None)
    written = MAX_BUFFERED * 4
    for number in range(written):
        writer.write(f"{number:0100d}")
    assert writer.dropped > 0
    lines = 0
    for _ in range(200):
        writer.flush()
        lines += read_all(reader).count(b"\n")
    assert lines + writer.dropped == written


def test_lines_that_come_together_are_written_and_dropped_like_single_ones(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    ticks: list[Callable[[], None]] = []
    writer = LineWriter(descriptor, Marks(), ticks.append)
    writer.write_all(["one", "two"])
    writer.write("three", logging.WARNING)
    writer.write_all([])
    assert len(ticks) == 1
    writer.flush()
    assert read_all(reader) == b"at 1: <20>one\nat 1: <20>two\nat 1: <30>three\n"
    written = [f"{number:0100d}" for number in range(100)]
    for _ in range(3 * MAX_BUFFERED // len(written)):
        writer.write_all(written)
    assert writer.dropped > 0
    lines = 0
    for _ in range(400):
        writer.flush()
        lines += read_all(reader).count(b"\n")
    assert lines + writer.dropped == 3 * MAX_BUFFERED // len(written) * len(written)


def test_a_reader_that_went_away_is_no_error(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    os.close(reader)
    writer = LineWriter(descriptor, NOTHING, lambda _: None)
    writer.write("nobody reads this")
    writer.flush()
    writer.write("nor this\nnor that")
    writer.flush()
    assert writer.dropped == 3


def test_lines_for_which_the_disk_has_no_room_are_counted() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        writer = LineWriter(full.fileno(), NOTHING, lambda _: None)
        for _ in range(2):
            writer.write_all(["one", "two"])
            writer.flush()
    assert writer.dropped == 4


def test_lines_go_to_a_file_whole(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        writer = LineWriter(log.fileno(), NOTHING, lambda _: None)
        for number in range(10_000):
            writer.write(str(number))
        writer.flush()
    assert (tmp_path / "log").read_text().split() == [str(number) for number in range(10_000)]


def test_logging_goes_the_same_way_with_a_traceback_in_lines_of_its_own() -> None:
    texts: list[tuple[str, int]] = []
    handler = LineHandler(lambda text, level: texts.append((text, level)))
    logger = logging.getLogger("test of writers")
    logger.addHandler(handler)
    try:
        raise ValueError("x\x1b[31m")
    except ValueError:
        logger.exception("a \x1b bug")
    ((text, level),) = texts
    lines = text.split("\n")
    assert (lines[0], level) == ("a \\x1b bug", logging.ERROR)
    assert lines[1].startswith("Traceback")
    assert lines[-1] == "ValueError: x\\x1b[31m"


def test_the_journal_reads_priorities_and_knows_the_time() -> None:
    prefix = JournalPrefix()
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
    assert [prefix.mark(level) for level in levels] == ["<6>", "<6>", "<4>", "<3>"]
    assert prefix.stamp() == ""


def test_a_terminal_shows_time_and_level() -> None:
    prefix = ClockPrefix(lambda: 1795370400.9)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} ", prefix.stamp())
    assert (prefix.mark(logging.INFO), prefix.mark(logging.ERROR)) == ("", "error: ")


def test_syslog_gets_lines_with_their_level(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[int, str]] = []
    monkeypatch.setattr(writers.syslog, "syslog", lambda level, line: said.append((level, line)))
    writer = SyslogWriter("mail")
    writer.write_all(["100 %n"])
    writer.write("bad\nworse", logging.WARNING)
    writer.flush()
    assert said == [(syslog.LOG_INFO, "100 %n"), (syslog.LOG_WARNING, "bad"), (syslog.LOG_WARNING, "worse")]


def test_only_what_the_level_asks_for_is_routed(pipe: tuple[int, int]) -> None:
    reader, descriptor = pipe
    root = logging.getLogger()
    before = root.handlers[:], root.level
    writer = LineWriter(descriptor, NOTHING, lambda _: None)
    try:
        route_logging(writer, "warning")
        logging.getLogger("policyd.test").info("quiet")
        logging.getLogger("policyd.test").warning("loud")
    finally:
        root.handlers[:], root.level = before
    writer.flush()
    assert read_all(reader) == b"loud\n"
