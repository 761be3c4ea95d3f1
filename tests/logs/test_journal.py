"""Lines in the journal's own protocol: it reads what was said, whatever a client sent; nothing waits."""

import logging
import os
import re
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.logs.journal import RETRY, JournalWriter, datagram, fields_of, is_journal
from policyd.logs.lines import MAX_VALUE, postgrey_line, private
from policyd.logs.writers import FACILITIES, MAX_BUFFERED
from policyd.model.action import DUNNO, Action
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision, Would
from policyd.wire.request import parse_request
from tests.examples import thorough
from tests.loop import HandLoop

ATTRIBUTES = {
    "client_address": "192.0.2.1", "client_name": "mx.example", "sender": "a@example", "recipient": "b@example",
    "queue_id": "4XyZ", "instance": "1a.2b.0",
}  # fmt: skip
FACILITY: Final = FACILITIES["mail"]
DEFER = Decision(Action("DEFER_IF_PERMIT", "4.2.0 Greylisted"), "greylist", "early-retry", 200, "0000ABCD")


def request_of(**attributes: str) -> PolicyRequest:
    raw = "\n".join(f"{name}={value}" for name, value in (ATTRIBUTES | attributes).items())
    return parse_request(raw.encode("utf-8", "surrogateescape"))


class Lines:
    """Where lines go that the journal cannot be sent."""

    def __init__(self) -> None:
        self.dropped = 0
        self.lines: list[tuple[str, int]] = []

    def write(self, line: str, level: int = logging.INFO) -> None:
        self.lines.append((line, level))

    def write_all(self, lines: Sequence[str], fields: Sequence[str] = ()) -> None:
        self.lines += [(line, logging.INFO) for line in lines]

    def flush(self) -> None:
        """Nothing is held back."""


class Journal:
    """The journal's end of the socket, and its way of reading (systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()
        Path(self.path).unlink()

    def read(self) -> list[list[tuple[str, bytes]]]:
        """All entries that were sent since the last call."""
        entries = []
        while True:
            try:
                entries.append(entry_of(self._socket.recv(1 << 20)))
            except BlockingIOError:
                return entries


def entry_of(datagram: bytes) -> list[tuple[str, bytes]]:
    """The fields of an entry, in their order, doubles too."""
    found = []
    while datagram:
        line, end, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(datagram[:8], "little")
            value, end, datagram = datagram[8 : 8 + length], datagram[8 + length : 9 + length], datagram[9 + length :]
        assert (end, re.fullmatch(rb"[A-Z][A-Z0-9_]{0,63}", name) is not None) == (b"\n", True), line
        found.append((name.decode(), value))
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    yield journal
    journal.close()


class Open(Protocol):
    def __call__(self, path: str, other: Lines | None = None, loop: HandLoop | None = None) -> JournalWriter: ...


@pytest.fixture
def open_writer() -> Iterator[Open]:
    writers: list[JournalWriter] = []

    def opened(path: str, other: Lines | None = None, loop: HandLoop | None = None) -> JournalWriter:
        writers.append(JournalWriter(FACILITY, loop or HandLoop(), other or Lines(), path))
        return writers[-1]

    yield opened
    for writer in writers:
        writer.close()


def test_a_decision_is_an_entry_with_fields(journal: Journal, open_writer: Open) -> None:
    loop = HandLoop()
    writer = open_writer(journal.path, loop=loop)
    request = request_of()
    writer.write_all([postgrey_line(request, DEFER)], [fields_of(request, DEFER)])
    writer.write("trouble", logging.WARNING)
    assert (len(loop.soon), journal.read()) == (1, [])
    loop.soon.pop()()
    decision, trouble = journal.read()
    assert (loop.soon, loop.later) == ([], [])
    assert decision == [
        ("MESSAGE", postgrey_line(request, DEFER).encode()),
        ("PRIORITY", b"6"),
        ("SYSLOG_IDENTIFIER", b"policyd"),
        ("SYSLOG_FACILITY", b"2"),
        ("POLICYD_ACTION", b"greylist"),
        ("POLICYD_REASON", b"early-retry"),
        ("POLICYD_DELAY", b"200"),
        ("POLICYD_CHECK", b"greylist"),
        ("POLICYD_VERB", b"DEFER_IF_PERMIT"),
        ("POLICYD_CLIENT_NAME", b"mx.example"),
        ("POLICYD_CLIENT_ADDRESS", b"192.0.2.1"),
        ("POLICYD_SENDER", b"a@example"),
        ("POLICYD_RECIPIENT", b"b@example"),
        ("POLICYD_QUEUE_ID", b"4XyZ"),
        ("POLICYD_INSTANCE", b"1a.2b.0"),
        ("POLICYD_ID", b"0000ABCD"),
    ]
    assert dict(trouble) == {
        "MESSAGE": b"trouble", "SYSLOG_IDENTIFIER": b"policyd", "SYSLOG_FACILITY": b"2", "PRIORITY": b"4",
    }  # fmt: skip


def test_lines_that_belong_together_are_one_entry(journal: Journal, open_writer: Open) -> None:
    writer = open_writer(journal.path)
    writer.write("a bug\nTraceback\nPRIORITY=7", logging.ERROR)
    writer.flush()
    (entry,) = journal.read()
    assert entry[:2] == [("MESSAGE", b"a bug\nTraceback\nPRIORITY=7"), ("PRIORITY", b"3")]


def test_levels_are_syslog_s() -> None:
    levels = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
    found = [dict(entry_of(datagram("x", level, FACILITY, "")))["PRIORITY"] for level in levels]
    assert found == [b"7", b"6", b"4", b"3", b"3"]


def test_empty_fields_are_left_out_and_what_shadow_would_have_done_is_there() -> None:
    would = Would(Action("REJECT", 'no "thanks"'), "blacklist", "blacklist")
    text = fields_of(
        request_of(sender="", queue_id=""),
        Decision(DUNNO, "blacklist", "blacklist", 0, "1", match="/l:3: a@x", would=would, policy="p at f:1", why="w"),
    )
    found = dict(entry_of(text.encode()))
    assert not {"POLICYD_SENDER", "POLICYD_QUEUE_ID", "POLICYD_DELAY"} & set(found)
    assert found["POLICYD_MATCH"] == b"/l:3: a@x"
    assert found["POLICYD_POLICY"] == b"p at f:1"
    assert found["POLICYD_WHY"] == b"w"
    assert (found["POLICYD_WOULD"], found["POLICYD_WOULD_BY"]) == (b"REJECT no \\x22thanks\\x22", b"blacklist")


# Without the bytes that end an attribute on the wire, but with every other end of a line that Python knows.
hostile = st.text(st.one_of(st.characters(), st.sampled_from('\n\r\x00=\x85\u2028\udcff"\\')), max_size=600)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(ATTRIBUTES, hostile)), st.text(), st.text())
@thorough
def test_no_value_makes_a_field_or_leaves_its_own(attributes: dict[str, str], match: str, why: str) -> None:
    request = request_of()._replace(**{k: v for k, v in attributes.items() if k != "client_address"})
    decision = DEFER._replace(match=match, why=why)
    line = postgrey_line(request, decision)
    entry = entry_of(datagram(line, logging.INFO, FACILITY, fields_of(request, decision)))
    names = [name for name, _ in entry]
    assert len(names) == len(set(names))
    assert set(names) <= {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "SYSLOG_FACILITY"} | {
        f"POLICYD_{name}"
        for name in (
            "ACTION", "REASON", "DELAY", "CHECK", "VERB", "CLIENT_NAME", "CLIENT_ADDRESS", "SENDER", "RECIPIENT",
            "QUEUE_ID", "INSTANCE", "MATCH", "POLICY", "WHY", "ID",
        )
    }  # fmt: skip
    assert (entry[0], dict(entry)["POLICYD_ID"]) == (("MESSAGE", line.encode()), b"0000ABCD")
    for _, value in entry[1:]:
        assert value.decode("ascii").isprintable()
        assert len(value) <= len("\\U0001f4e7") * MAX_VALUE + len("...")


@given(st.text(), st.sampled_from([logging.INFO, logging.ERROR]))
@thorough
def test_a_message_of_any_text_is_one_message(line: str, level: int) -> None:
    entry = entry_of(datagram(line, level, FACILITY, "POLICYD_ID=1\n"))
    assert entry[0] == ("MESSAGE", line.encode("utf-8", "backslashreplace"))
    assert entry[-1] == ("POLICYD_ID", b"1")


def test_an_entry_by_text_alone_would_be_forged() -> None:
    forged = entry_of(b"MESSAGE=x\nPOLICYD_ACTION=pass\nPOLICYD_ACTION=reject\n")
    assert [name for name, _ in forged].count("POLICYD_ACTION") == 2


def test_privacy_hashes_fields_as_it_hashes_the_line() -> None:
    request = request_of()
    found = dict(entry_of(private(fields_of, b"key")(request, DEFER).encode()))
    line = private(postgrey_line, b"key")(request, DEFER)
    for name in ("client_name", "client_address", "sender", "recipient"):
        word = found[f"POLICYD_{name.upper()}"].decode()
        assert re.fullmatch("[0-9a-f]{16}", word)
        assert f", {name}={word}" in line


def test_a_journal_that_stands_still_costs_lines_not_time(journal: Journal, open_writer: Open) -> None:
    other = Lines()
    writer = open_writer(journal.path, other)
    written = MAX_BUFFERED * 3
    for number in range(written):
        writer.write(f"{number:0100d}")
    assert writer.dropped > 0
    read: list[int] = []
    while found := (writer.flush(), journal.read())[1]:
        read += [int(dict(entry)["MESSAGE"]) for entry in found]
    assert len(read) + writer.dropped == written
    assert read == sorted(read)
    writer.write_all([str(number) for number in range(3 * MAX_BUFFERED)])
    assert writer.dropped > written - len(read)
    assert other.lines == []


def test_what_a_journal_did_not_take_is_tried_again_soon(journal: Journal, open_writer: Open) -> None:
    loop = HandLoop()
    writer = open_writer(journal.path, loop=loop)
    writer.write_all([str(number) for number in range(2000)])
    loop.soon.pop()()
    read, rounds = journal.read(), 0
    while loop.later:
        writer.write("one more")
        ((delay, tick),) = loop.later
        assert (loop.soon, delay) == ([], RETRY)  # no second clock beside the one that runs
        loop.later.clear()
        tick()
        read += journal.read()
        rounds += 1
    assert len(read) == 2000 + rounds > 2000
    assert [dict(entry)["MESSAGE"] for entry in read][:2000] == [str(number).encode() for number in range(2000)]


def test_without_a_journal_lines_go_the_other_way(tmp_path: Path, open_writer: Open) -> None:
    other = Lines()
    writer = open_writer(str(tmp_path / "none"), other)
    writer.write_all(["one"], ["POLICYD_ID=1\n"])
    writer.write("two", logging.ERROR)
    writer.flush()
    assert (other.lines, writer.dropped) == ([("one", logging.INFO), ("two", logging.ERROR)], 0)
    other.dropped = 3
    assert writer.dropped == 3


def test_a_line_too_long_for_a_datagram_goes_the_other_way(journal: Journal, open_writer: Open) -> None:
    other = Lines()
    writer = open_writer(journal.path, other)
    writer.write("x" * (16 << 20))
    writer.write("short")
    writer.flush()
    assert [len(line) for line, _ in other.lines] == [16 << 20]
    assert [dict(entry)["MESSAGE"] for entry in journal.read()] == [b"short"]


def test_a_journal_that_was_started_anew_is_found_again(tmp_path: Path, open_writer: Open) -> None:
    other, first = Lines(), Journal(tmp_path / "socket")
    writer = open_writer(first.path, other)
    first.close()
    writer.write("in between")
    writer.flush()
    second = Journal(tmp_path / "socket")
    writer.write("after")
    writer.flush()
    assert [line for line, _ in other.lines] == ["in between"]
    assert [dict(entry)["MESSAGE"] for entry in second.read()] == [b"after"]
    second.close()


def test_stderr_is_the_journal_only_if_it_is_the_stream_that_is_named(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, (tmp_path / "another").open("wb") as another:
        at = os.fstat(log.fileno())
        named = {"JOURNAL_STREAM": f"{at.st_dev}:{at.st_ino}"}
        assert is_journal(named, log.fileno())
        assert not is_journal(named, another.fileno())
        assert not is_journal({}, log.fileno())
        assert not is_journal({"JOURNAL_STREAM": "x"}, log.fileno())
    assert not is_journal(named, 1 << 20)
