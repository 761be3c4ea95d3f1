"""What lines.py writes is read again, in both forms; what others write is nothing to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.logs.lines import MAX_VALUE, json_line, postgrey_line
from policyd.logs.reading import read_line
from policyd.model.action import DUNNO, Action
from policyd.model.mailbox import as_delivered
from policyd.model.verdict import Decision, Would
from policyd.wire.request import parse_request

DEFER = Action("DEFER_IF_PERMIT", "4.2.0 Greylisted, later")
TEXT = st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",)), min_size=1, max_size=MAX_VALUE)


def decide(sender: str = "a@x", recipient: str = "b@y", **changes: object) -> tuple[object, Decision]:
    raw = f"client_address=192.0.2.1\nclient_name=mx.example\nsender={sender}\nrecipient={recipient}\nqueue_id=4XyZabc"
    decision = Decision(DEFER, "greylist", "early-retry", 200, "0000ABCD", match="f:1: x, y=z")
    return parse_request(raw.encode()), decision._replace(**changes)  # type: ignore[arg-type]


@given(TEXT, TEXT)
def test_whatever_a_client_sends_comes_back_as_it_was(sender: str, recipient: str) -> None:
    for written in (postgrey_line, json_line):
        fields = read_line(written(*decide(sender, recipient)))  # type: ignore[arg-type]
        assert fields is not None
        assert (fields["sender"], fields["recipient"]) == (as_delivered(sender), as_delivered(recipient))
        assert fields["id"] == "0000ABCD"
        assert fields["client_address"] == "192.0.2.1"


@pytest.mark.parametrize("prefix", ["", "2026-11-26T13:00:00+0000 ", "Nov 26 13:00:00 mx policyd[12]: ", "<6>"])
def test_what_stands_in_front_is_somebody_elses(prefix: str) -> None:
    fields = read_line(prefix + postgrey_line(*decide()) + "\n")  # type: ignore[arg-type]
    assert fields == {
        "action": "greylist", "reason": "early-retry", "delay": "200", "client_name": "mx.example",
        "client_address": "192.0.2.1", "sender": "a@x", "recipient": "b@y", "match": "f:1: x, y=z", "id": "0000ABCD",
        "queue_id": "4XyZabc",
    }  # fmt: skip


def test_what_shadow_mode_did_not_do() -> None:
    line = postgrey_line(*decide(action=DUNNO, would=Would(DEFER, "greylist", "new")))  # type: ignore[arg-type]
    fields = read_line(line) or {}
    assert (fields["would"], fields["would_by"]) == ("DEFER_IF_PERMIT 4.2.0 Greylisted, later", "greylist")


def test_a_line_of_postgrey_is_read_too() -> None:
    line = "postgrey[1]: action=pass, reason=client AWL, client_name=mx, client_address=192.0.2.1, recipient=b@y"
    assert read_line(line) == {
        "action": "pass", "reason": "client AWL", "client_name": "mx", "client_address": "192.0.2.1",
        "recipient": "b@y",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line", ["", "policyd ended", '{"action": ', '{"action": 1}', "[]", '{"action": "x"' + "[" * 9999, "action=", "\0"]
)
def test_what_is_no_decision(line: str) -> None:
    assert read_line(line) is None


@given(st.text())
def test_no_line_is_an_error(line: str) -> None:
    read_line(line)
    read_line("action=pass, reason=" + line)
    read_line('{"action": ' + line)
