"""What is kept of a decision, and how often trouble is told."""

import logging
from collections.abc import Sequence

import pytest

from policyd.logs.lines import one_by_one, postgrey_lines
from policyd.metrics import Metrics
from policyd.model.action import DUNNO, Action
from policyd.model.errors import Unavailable
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision, Would
from policyd.record import COMPLAINT_INTERVAL, Complaints, Recorder
from policyd.wire.request import parse_request

REQUEST = parse_request(b"protocol_state=RCPT\nclient_address=192.0.2.1\nsender=a@x\nrecipient=b@y")


class Lines:
    dropped = 0

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.fields: Sequence[str] = ()

    def write(self, line: str, level: int = logging.INFO) -> None:
        self.lines.append(line)

    def write_all(self, lines: Sequence[str], fields: Sequence[str] = ()) -> None:
        self.lines += lines
        self.fields = fields

    def flush(self) -> None:
        """Nothing is held back."""


def record(*decisions: Decision, quiet: bool = False) -> tuple[Metrics, list[str]]:
    metrics, writer = Metrics("1", lambda: 0.0), Lines()
    recorder = Recorder(metrics, writer, postgrey_lines)
    recorder.is_quiet = quiet
    recorder([(REQUEST, decision) for decision in decisions], 0.001)
    return metrics, writer.lines


def test_one_line_and_one_count_per_decision() -> None:
    decision = Decision(Action("DEFER_IF_PERMIT", "4.2.0 x"), "greylist", "new", 240, "0000ABCD")
    metrics, lines = record(decision)
    assert lines == [
        "action=greylist, reason=new, client_address=192.0.2.1, sender=a@x, recipient=b@y, id=0000ABCD",
    ]
    assert metrics.requests == {("DEFER_IF_PERMIT", "greylist", "new"): 1}
    assert sum(metrics.latency.counts) == 1


def test_the_delay_of_mail_that_came_back_is_a_sample() -> None:
    passed = Decision(Action("PREPEND", "X-Greylist: x"), "greylist", "triplet found", 300, "1")
    known = Decision(DUNNO, "greylist", "triplet found", 0, "2")
    metrics, _ = record(passed, known)
    assert metrics.greylist_delay.total == 300
    assert sum(metrics.greylist_delay.counts) == 1


def test_failures_that_let_mail_through_are_counted() -> None:
    metrics, _ = record(Decision(DUNNO, "greylist", "unavailable", 0, "1"))
    assert metrics.fail_open == {("greylist", "unavailable"): 1}


def test_what_is_no_recipient_is_counted_not_logged() -> None:
    metrics, lines = record(Decision(DUNNO, "chain", "not a recipient", 0, "1"))
    assert lines == []
    assert sum(metrics.requests.values()) == 1


def test_the_journal_is_told_fields_of_every_line_and_nobody_else() -> None:
    writer = Lines()
    recorder = Recorder(Metrics("1", lambda: 0.0), writer, postgrey_lines)
    answered = [
        (REQUEST, Decision(DUNNO, "chain", reason, 0, number))
        for number, reason in (("1", "authenticated"), ("2", "not a recipient"), ("3", "trusted network"))
    ]  # type: list[tuple[PolicyRequest, Decision]]
    recorder(answered, 0.001)
    assert writer.fields == ()
    recorder.fields_formatter = one_by_one(lambda _, decision: f"POLICYD_ID={decision.id}\n")
    recorder(answered, 0.001)
    assert writer.fields == ["POLICYD_ID=1\n", "POLICYD_ID=3\n"]
    assert len(writer.lines) == 4
    recorder.is_quiet = True
    recorder(answered, 0.001)
    assert (writer.fields, len(writer.lines)) == ([], 4)


def test_quiet_writes_no_decisions() -> None:
    assert record(Decision(DUNNO, "chain", "authenticated", 0, "1"), quiet=True)[1] == []


def test_the_line_of_a_list_that_decided_is_told() -> None:
    told: list[str] = []
    recorder = Recorder(Metrics("1", lambda: 0.0), Lines(), postgrey_lines, told.append)
    refused = Decision(Action("REJECT", "no"), "blacklist", "blacklist", 0, "1", match="/l:3: a@x")
    recorder([(REQUEST, refused), (REQUEST, Decision(DUNNO, "chain", "no check objected", 0, "2"))], 0.001)
    assert told == ["/l:3: a@x"]


def test_what_cannot_be_recorded_whole_is_not_recorded_in_part() -> None:
    def line_format(request: PolicyRequest, decision: Decision) -> str:
        if decision.id == "2":
            raise ZeroDivisionError
        return decision.id

    metrics, writer, kept = Metrics("1", lambda: 0.0), Lines(), list[str]()
    recorder = Recorder(metrics, writer, one_by_one(line_format), str, kept.extend)
    first, second, third = (Decision(DUNNO, "chain", "unavailable", 0, number) for number in "123")
    with pytest.raises(ZeroDivisionError):
        recorder([(REQUEST, first), (REQUEST, second)], 0.001)
    assert (writer.lines, kept, metrics.requests, metrics.fail_open) == ([], [], {}, {})
    recorder([(REQUEST, first), (REQUEST, third)], 0.001)
    assert (writer.lines, kept) == (["1", "3"], ["1", "3"])
    assert metrics.requests == {("DUNNO", "chain", "unavailable"): 2}
    assert (sum(metrics.latency.counts), metrics.latency.total) == (2, 0.002)


def test_repeated_trouble_is_told_once_a_minute_with_its_count(caplog: pytest.LogCaptureFixture) -> None:
    now, metrics = [1000.0], Metrics("1", lambda: 0.0)
    complaints = Complaints(metrics, lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            complaints.unavailable("greylist", Unavailable("disk full"))
        now[0] += COMPLAINT_INTERVAL
        complaints.unavailable("greylist", Unavailable("disk full"))
    assert [record.getMessage() for record in caplog.records] == [
        "greylist: disk full; mail goes on without this check (1 time since the last such line)",
        "greylist: disk full; mail goes on without this check (5 times since the last such line)",
    ]
    assert metrics.check_errors == {"greylist": 6}


def test_rejected_connections_and_protocol_errors_are_counted() -> None:
    metrics = Metrics("1", lambda: 0.0)
    complaints = Complaints(metrics, lambda: 0.0)
    complaints.rejected()
    complaints.protocol_error("too long")
    assert (metrics.connections_rejected, metrics.protocol_errors) == (1, {"too long": 1})


def test_what_shadow_mode_did_not_do_is_counted_and_told() -> None:
    would = Would(Action("REJECT", 'no "thanks"'), "blacklist", "blacklist")
    metrics, lines = record(Decision(DUNNO, "blacklist", "blacklist", 0, "0000ABCD", would=would))
    assert metrics.shadow == {("REJECT", "blacklist", "blacklist"): 1}
    (line,) = lines
    assert line.startswith("action=pass, reason=blacklist, client_address=192.0.2.1, ")
    assert line.endswith(', would="REJECT no \\x22thanks\\x22", would_by=blacklist, id=0000ABCD')
