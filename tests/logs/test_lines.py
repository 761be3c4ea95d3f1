"""Log lines: postgrey's form, and nothing that an attacker wrote can pass for something else."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.logs.lines import (
    MAX_VALUE,
    action_word,
    escape,
    escape_controls,
    json_line,
    postgrey_line,
    postgrey_lines,
    private,
)
from policyd.model.action import DUNNO, Action
from policyd.model.request import PolicyRequest
from policyd.model.verdict import Decision, Reason, Would
from policyd.wire.request import parse_request
from tests.examples import thorough

DEFER = Action("DEFER_IF_PERMIT", "4.2.0 Greylisted")


def line(
    action: Action = DEFER, reason: Reason = "new", delay: int = 240, **attributes: str
) -> tuple[PolicyRequest, Decision]:
    everything = {
        "client_address": "192.0.2.1", "client_name": "mx.example", "sender": "a@example", "recipient": "b@example",
    } | attributes  # fmt: skip
    raw = "\n".join(f"{name}={value}" for name, value in everything.items()).encode("utf-8", "surrogateescape")
    return parse_request(raw), Decision(action, "greylist", reason, delay, "0000ABCD")


def test_a_first_try_as_postgrey_logs_it() -> None:
    assert postgrey_line(*line()) == (
        "action=greylist, reason=new, client_name=mx.example, client_address=192.0.2.1, "
        "sender=a@example, recipient=b@example, id=0000ABCD"
    )


def test_an_early_retry_says_what_is_missing() -> None:
    assert "action=greylist, reason=early-retry (200s missing), client" in postgrey_line(
        *line(reason="early-retry", delay=200)
    )


def test_a_pass_says_its_delay_and_starts_with_the_queue_id() -> None:
    assert postgrey_line(*line(DUNNO, "triplet found", 312, queue_id="4XyZ")).startswith(
        "4XyZ: action=pass, reason=triplet found, delay=312, client_name="
    )


def test_empty_fields_are_left_out() -> None:
    text = postgrey_line(*line(DUNNO, "client AWL", 0, sender="", client_name=""))
    assert text == "action=pass, reason=client AWL, client_address=192.0.2.1, recipient=b@example, id=0000ABCD"


def test_an_unknown_address_is_logged_as_postfix_named_it() -> None:
    assert "client_address=unknown" in postgrey_line(*line(client_address="unknown"))


def test_a_sender_cannot_forge_fields_as_with_postgrey() -> None:
    text = postgrey_line(*line(sender="x, action=pass, reason=client AWL@evil"))
    assert 'sender="x, action=pass, reason=client AWL@evil", recipient=' in text


@pytest.mark.parametrize(
    ("value", "escaped"),
    [
        ("plain+tag=1@x.example", "plain+tag=1@x.example"),
        ("with space@x", '"with space@x"'),
        ('quo"te\\@x', '"quo\\x22te\\x5c@x"'),
        ("\x1b[31m", '"\\x1b[31m"'),
        ("\x9b", '"\\x9b"'),
        ("\udcff@x", '"\\xff@x"'),
        ("caf\xe9", '"caf\\xe9"'),
        ("\u2028", '"\\u2028"'),
        ("\u202e", '"\\u202e"'),
        ("\U0001f4e7", '"\\U0001f4e7"'),
        ("", ""),
    ],
)
def test_odd_characters_are_named(value: str, escaped: str) -> None:
    assert escape(value) == escaped


def test_long_values_are_cut() -> None:
    assert escape("x" * 5000) == "x" * MAX_VALUE + "..."


@given(st.text(), st.text(), st.text())
@thorough
def test_whatever_is_sent_a_line_is_one_printable_line_with_our_fields(sender: str, name: str, queue: str) -> None:
    values = {
        key: re.sub("[\r\n]", "", text)
        for key, text in [("sender", sender), ("client_name", name), ("queue_id", queue)]
    }
    text = postgrey_line(*line(**values))
    assert text.isascii()
    assert text.isprintable()
    unquoted = re.sub(r'"[^"]*"', "", text)
    assert unquoted.count("action=") <= 1 + sum(value.count("action=") for value in values.values() if " " not in value)
    assert unquoted.count(", id=") == 1


_VALUES = st.text("ab@.-+=", max_size=100) | st.text('ab@. ,"\\\u00e9\x1b', max_size=20)


@given(_VALUES, _VALUES, _VALUES, _VALUES)
def test_a_line_is_that_of_its_values_one_by_one(name: str, sender: str, recipient: str, queue: str) -> None:
    who = {"client_name": name, "client_address": "192.0.2.1", "sender": sender, "recipient": recipient}
    fields = "".join(f", {field}={escape(value)}" for field, value in who.items() if value)
    head = f"{escape(queue)}: " if queue else ""
    text = postgrey_line(*line(client_name=name, sender=sender, recipient=recipient, queue_id=queue))
    assert text == f"{head}action=greylist, reason=new{fields}, id=0000ABCD"


_ROW = st.fixed_dictionaries(
    {"client_name": _VALUES, "sender": _VALUES, "recipient": _VALUES, "queue_id": _VALUES,
     "client_address": st.sampled_from(["192.0.2.1", "2001:db8::1", "unknown"])}
)  # fmt: skip
_DECIDED = st.builds(
    Decision,
    st.sampled_from([DUNNO, DEFER, Action("PREPEND", "X-Greylist: x")]),
    st.just("greylist"),
    st.sampled_from(["new", "early-retry", "triplet found", "client AWL"]),
    st.sampled_from([0, 0, 7]),
    st.just("0000ABCD"),
    st.none(),
    st.sampled_from(["", "", "", "/etc/list:3: b@example"]),
    st.sampled_from([None, None, Would(DEFER, "greylist", "new")]),
    st.sampled_from(["", "", "night"]),
    st.sampled_from(["", "", "no name"]),
)


@given(st.lists(st.tuples(_ROW, _DECIDED), max_size=8))
@thorough
def test_lines_looked_at_together_are_those_of_each_decision(rows: list[tuple[dict[str, str], Decision]]) -> None:
    answered = [(line(**values)[0], decision) for values, decision in rows]
    assert postgrey_lines(answered) == [postgrey_line(*each) for each in answered]


@pytest.mark.parametrize("odd", [{"sender": "o'brien@example"}, {"sender": "x" * 300}, {"client_name": ""}], ids=str)
def test_an_odd_one_changes_no_line_of_the_others(odd: dict[str, str]) -> None:
    answered = [line(), line(**odd), line(DUNNO, "triplet found", 0)]
    lines = postgrey_lines(answered)
    assert [lines[0], lines[2]] == postgrey_lines([answered[0], answered[2]])
    assert lines[1] == postgrey_line(*answered[1])


@given(st.text())
@thorough
def test_json_is_json_and_ascii(sender: str) -> None:
    text = json_line(*line(sender=re.sub("[\r\n]", "", sender)))
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["reason"] == "new"


def test_privacy_hides_every_address_the_same_way_each_time() -> None:
    hidden, other = private(postgrey_line, b"key"), private(postgrey_line, b"other key")
    text = hidden(*line())
    for word in ("192.0.2.1", "mx.example", "a@example", "b@example"):
        assert word not in text
    assert text == hidden(*line())
    assert text != other(*line())
    assert re.fullmatch(
        r"action=greylist, reason=new, client_name=[0-9a-f]{16}, client_address=[0-9a-f]{16}, "
        r"sender=[0-9a-f]{16}, recipient=[0-9a-f]{16}, id=0000ABCD",
        text,
    )
    assert "@" not in private(json_line, b"key")(*line())


@pytest.mark.parametrize(
    ("action", "check", "word"),
    [
        (DUNNO, "chain", "pass"),
        (Action("PREPEND", "X-A: b"), "greylist", "pass"),
        (DEFER, "greylist", "greylist"),
        (Action("451", "4.7.1 later"), "rbl", "defer"),
        (Action("550", "5.7.1 no"), "blacklist", "reject"),
        (Action("HOLD", "why"), "blacklist", "hold"),
    ],
)
def test_the_word_for_what_was_done(action: Action, check: str, word: str) -> None:
    assert action_word(action, check) == word


def test_messages_of_ours_keep_their_language_and_lose_their_controls() -> None:
    assert escape_controls("Größe\x1b[2J\u202e\tx") == "Größe\\x1b[2J\\u202e\tx"


LISTED = Decision(Action("REJECT", "no"), "blacklist", "blacklist", 0, "0000ABCD", match="/etc/list:3: spam@example")


def test_the_line_of_a_list_stands_before_the_id() -> None:
    request, _ = line()
    assert postgrey_line(request, LISTED).endswith(
        ', recipient=b@example, match="/etc/list:3: spam@example", id=0000ABCD'
    )
    assert json.loads(json_line(request, LISTED))["match"] == "/etc/list:3: spam@example"
    assert json.loads(json_line(*line()))["match"] == ""


def test_the_entry_of_a_list_names_somebody_and_is_hidden_with_the_rest() -> None:
    request, _ = line()
    text = private(postgrey_line, b"key")(request, LISTED._replace(match="/etc/list:3: /a:4: b@example/"))
    assert ", match=/etc/list:3, id=" in text


def test_json_tells_what_shadow_mode_did_not_do() -> None:
    request, decision = line(DUNNO)
    assert json.loads(json_line(request, decision))["would"] == ""
    told = json.loads(json_line(request, decision._replace(would=Would(DEFER, "greylist", "new"))))
    assert (told["would"], told["would_by"]) == ("DEFER_IF_PERMIT 4.2.0 Greylisted", "greylist")


def test_the_policy_stands_before_the_id() -> None:
    request, decision = line()
    named = decision._replace(policy='no "wait" (policyd.toml:3)')
    assert postgrey_line(request, named).endswith(', policy="no \\x22wait\\x22 (policyd.toml:3)", id=0000ABCD')
    assert json.loads(json_line(request, named))["policy"] == named.policy
