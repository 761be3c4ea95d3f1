"""Law tested: only actions that are safe to send come out of a list; what cannot be is refused with what to write."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.model.action import DUNNO, Action
from policyd.tables.rights import DEFAULT_TEXT, Right, check_right, make_action, parse_action, parse_right
from policyd.tables.windows import parse_window
from tests.examples import thorough


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("REJECT no thanks", Action("REJECT", "no thanks")),
        ("reject  no  thanks ", Action("REJECT", "no  thanks")),
        ("REJECT\tno\tthanks\r", Action("REJECT", "no thanks")),
        ("REJECT", Action("REJECT", f"5.7.1 {DEFAULT_TEXT}")),
        ("REJECT 5.7.25", Action("REJECT", f"5.7.25 {DEFAULT_TEXT}")),  # alone it crashes old Postfix
        ("DEFER", Action("DEFER", f"4.7.1 {DEFAULT_TEXT}")),
        ("DEFER_IF_PERMIT", Action("DEFER_IF_PERMIT", f"4.7.1 {DEFAULT_TEXT}")),
        ("DEFER_IF_REJECT later", Action("DEFER_IF_REJECT", "later")),
        ("550 5.7.1 go away", Action("550", "5.7.1 go away")),
        ("550 5.7.1", Action("550", f"5.7.1 {DEFAULT_TEXT}")),
        ("451 4.7.1", Action("451", f"4.7.1 {DEFAULT_TEXT}")),
        ("HOLD", Action("HOLD", "local policy")),
        ("DISCARD spam trap", Action("DISCARD", "spam trap")),
        ("WARN look at this", Action("WARN", "look at this")),
        ("INFO", Action("INFO", "local policy")),
        ("PREPEND X-Listed: yes", Action("PREPEND", "X-Listed: yes")),
        ("REDIRECT abuse@example.com", Action("REDIRECT", "abuse@example.com")),
        ("BCC abuse@example.com", Action("BCC", "abuse@example.com")),
        ("FILTER smtp:[127.0.0.1]:10025", Action("FILTER", "smtp:[127.0.0.1]:10025")),
        # no opinion: what Postfix would take for an OK, too (access-tables 1)
        ("DUNNO", DUNNO),
        ("dunno because", DUNNO),
        ("OK", DUNNO),
        ("RELAY", DUNNO),
        ("ok welcome", DUNNO),
        ("550", DUNNO),
        ("1234567890", DUNNO),
    ],
)
def test_actions(text: str, action: Action) -> None:
    assert parse_action(text) == action


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("permit_mynetworks", "restriction, which only Postfix itself can evaluate: put it into main.cf"),
        ("reject_unverified_sender", "restriction"),
        ("check_sender_access hash:/etc/x", "restriction"),
        ("permit", "restriction"),
        ("warn_if_reject reject_rbl_client x", "restriction"),
        ("HANGUP", "no action: write DUNNO, REJECT TEXT"),
        ("250 ok", "no action"),
        ("\u0665\u0665\u0660", "no action"),  # digits of another script
        ("REJCT spam", "no action"),
        ("X-Header: yes", "no action"),
        ("[until=2026-12-31] REJECT", "write the window in front of it"),
        ("PREPEND nothing", "write one header"),
        ("REDIRECT nobody", "write an address"),
        ("BCC", "write an address"),
        ("FILTER x", "write TRANSPORT:DESTINATION"),
        ("REJECT schön", "cannot be sent: text must be 1 to 450 printable ASCII"),
        ("REJECT " + "x" * 451, "cannot be sent"),
        ("REJECT a\x00b", "cannot be sent"),
        ("PREPEND X-K\u00e4se: yes", "write one header"),
        ("PREPEND X_Y: yes", "cannot be sent: not one printable header"),
    ],
)
def test_what_is_no_action(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        parse_action(text)
    assert advice in str(mistake.value)
    assert str(mistake.value).isprintable()
    assert len(str(mistake.value)) < 300


def test_window_and_action_in_all_combinations() -> None:
    bracket = '[until=2026-12-31 reason="gone then"]'
    assert parse_right("") == Right(None, None)
    assert parse_right("REJECT no") == Right(Action("REJECT", "no"), None)
    assert parse_right(bracket) == Right(None, parse_window(bracket))
    assert parse_right(f"{bracket} REJECT no") == Right(Action("REJECT", "no"), parse_window(bracket))
    with pytest.raises(ValueError, match="until: "):
        parse_right("[until=soon] REJECT no")


@given(st.text("REJCTDF_IPM 4507.1abc\t[]=", max_size=30) | st.from_regex(r"(REJECT|DEFER|55[0-9]) .{0,460}"))
@example("DEFER_IF_PERMIT 4.2.0 later")
@example("550 5.7.1 a")
def test_the_quick_look_refuses_what_the_close_one_does(text: str) -> None:
    try:
        check_right(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            parse_right(text)
    else:
        parse_right(text)


@given(st.text(min_size=1).filter(str.strip))
@thorough
def test_arbitrary_text_is_an_action_or_one_line_of_advice(text: str) -> None:
    try:
        assert parse_action(text.strip()).reply.startswith(b"action=")
    except ValueError as mistake:
        assert str(mistake).isprintable()  # noqa: PT017


def test_a_verb_with_its_text() -> None:
    assert make_action("OK", "whatever") == DUNNO
    assert make_action("550", "") == Action("550", f"5.7.1 {DEFAULT_TEXT}")
    with pytest.raises(ValueError, match="write one header"):
        make_action("PREPEND", "X-Empty: ")


def test_a_code_without_a_text_gets_one_of_its_class() -> None:
    assert make_action("450", "") == Action("450", f"4.7.1 {DEFAULT_TEXT}")
    assert make_action("550", "") == Action("550", f"5.7.1 {DEFAULT_TEXT}")
