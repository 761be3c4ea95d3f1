"""Law tested: an `Action` that can be built is safe to send, whatever built it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.action import DUNNO, MAX_HEADER, MAX_TEXT, Action, clean_text
from tests.examples import thorough

VERBS = ("DUNNO", "PREPEND", "REJECT", "DEFER", "DEFER_IF_PERMIT", "DEFER_IF_REJECT", "WARN", "HOLD", "450", "550")
# access(5) without OK, RELAY and the restrictions; and no word but DUNNO without text.
WITH_TEXT = rb"DEFER|DEFER_IF_(PERMIT|REJECT)|REJECT|PREPEND|WARN|INFO|HOLD|DISCARD|FILTER|REDIRECT|BCC|[45][0-9][0-9]"
SAFE_REPLY = re.compile(rb"action=(DUNNO|(" + WITH_TEXT + rb") [!-~]([ -~]*[!-~])?)\n\n")

# What Postfix was seen to do with each of them; access-tables and policy replies share one parser there.
KILLERS = {
    "an empty action accepts the mail": ("", ""),
    "a blank action accepts the mail": (" ", ""),
    "digits without text accept the mail": ("450", ""),
    "five digits accept the mail": ("12345", "text"),
    "zero accepts the mail": ("0", ""),
    "OK skips the later restrictions": ("OK", ""),
    "OK with text skips them too": ("OK", "welcome"),
    "RELAY opens the relay": ("RELAY", ""),
    "permit skips the later restrictions": ("permit", ""),
    "a bare header answers 451": ("X-Greylist: delayed", ""),
    "an unknown word answers 451": ("FOO", "text"),
    "a 2NN code answers 451": ("250", "ok"),
    "a 3NN code answers 451": ("350", "go on"),
    "invalid UTF-8 answers 451": ("REJECT", "\udcff"),
    "an umlaut reaches clients that cannot read it": ("REJECT", "schön"),
    "a bare status code crashes old Postfix": ("REJECT", "5.7.1"),
    "a rejection without text crashes old Postfix": ("REJECT", ""),
    "a line break ends the action": ("REJECT", "go\naction=OK"),
    "a carriage return hangs Postfix": ("REJECT", "go\r"),
    "a NUL cuts the text": ("REJECT", "go\0away"),
    "an escape reaches the terminal": ("REJECT", "\x1b[31m"),
    "a restriction class is evaluated": ("permit_mynetworks, reject", ""),
    "two restrictions are evaluated": ("DUNNO, reject", ""),
    "digits of another script are no code": ("٤٥٠", "text"),
    "a trailing line break is no code": ("450\n", "text"),
    "DUNNO needs no text": ("DUNNO", "text"),
    "a PREPEND of no header is dropped": ("PREPEND", "no header"),
    "a header without a value is dropped": ("PREPEND", "X-Test: "),
    "a header name must be ASCII": ("PREPEND", "X-Käse: yes"),
    "two headers cannot be prepended": ("PREPEND", "X-A: b\nX-C: d"),
    "lower case is no verb of ours": ("reject", "text"),
}


@pytest.mark.parametrize(("verb", "text"), KILLERS.values(), ids=KILLERS)
def test_what_postfix_would_misunderstand_cannot_be_built(verb: str, text: str) -> None:
    with pytest.raises(ValueError, match="no action"):
        Action(verb, text)


@given(verb=st.sampled_from(VERBS) | st.text(max_size=20), text=st.text(max_size=1000))
@thorough
def test_any_pair_is_refused_or_safe(verb: str, text: str) -> None:
    try:
        reply = Action(verb, text).reply
    except ValueError:
        return
    assert SAFE_REPLY.fullmatch(reply)
    assert verb == "PREPEND" or len(reply) <= 512


@given(verb=st.sampled_from(VERBS), text=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=MAX_TEXT))
@thorough
def test_printable_text_makes_safe_replies_too(verb: str, text: str) -> None:
    try:
        reply = Action(verb, text).reply
    except ValueError:
        return
    assert SAFE_REPLY.fullmatch(reply)


def test_an_action_cannot_be_changed_behind_the_check() -> None:
    with pytest.raises(AttributeError):
        DUNNO.verb = "OK"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("action", "reply"),
    [
        (DUNNO, b"action=DUNNO\n\n"),
        (Action("DEFER_IF_PERMIT", "4.2.0 later"), b"action=DEFER_IF_PERMIT 4.2.0 later\n\n"),
        (Action("550", "5.7.1 no"), b"action=550 5.7.1 no\n\n"),
        (Action("PREPEND", "X-Greylist: delayed"), b"action=PREPEND X-Greylist: delayed\n\n"),
    ],
)
def test_the_reply_is_one_line_and_an_empty_one(action: Action, reply: bytes) -> None:
    assert action.reply == reply


@pytest.mark.parametrize(
    ("verb", "defers", "rejects"),
    [
        ("DEFER_IF_PERMIT", True, False),
        ("DEFER", True, False),
        ("451", True, False),
        ("550", False, True),
        ("REJECT", False, True),
        ("WARN", False, False),
    ],
)
def test_what_the_client_is_told(verb: str, defers: bool, rejects: bool) -> None:
    action = Action(verb, "text")
    assert (action.defers, action.rejects) == (defers, rejects)


def test_text_has_a_limit() -> None:
    assert Action("REJECT", "x" * MAX_TEXT)
    with pytest.raises(ValueError, match="450"):
        Action("REJECT", "x" * (MAX_TEXT + 1))


def test_a_header_has_a_limit() -> None:
    assert Action("PREPEND", "X: " + "y" * (MAX_HEADER - 3))
    with pytest.raises(ValueError, match="header"):
        Action("PREPEND", "X: " + "y" * (MAX_HEADER - 2))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=MAX_TEXT))
@thorough
def test_a_marked_action_is_as_safe_as_it_was(text: str) -> None:
    action = Action("DEFER", clean_text(text)).marked(" (id 0A1B2C3D)")
    assert action == Action(action.verb, action.text)
    assert action.text.endswith(" (id 0A1B2C3D)")


def test_a_mark_is_never_cut_off() -> None:
    assert Action("DEFER", "x" * MAX_TEXT).marked(" (id 1)").text == "x" * (MAX_TEXT - 7) + " (id 1)"


@given(st.text(), st.integers(1, MAX_TEXT))
@thorough
def test_cleaned_text_can_always_be_sent(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)
    assert len(cleaned) <= limit
    assert Action("REJECT", f"no: {cleaned}").text.endswith(cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"), [("", "?"), ("  ", "?"), (" a b ", "a b"), ("a\r\nb", "a?b"), ("ä", "?"), ("abc ", "abc")]
)
def test_cleaning_keeps_what_is_printable(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@pytest.mark.parametrize(("action", "text"), [(DUNNO, "DUNNO"), (Action("REJECT", "5.7.1 no"), "REJECT 5.7.1 no")])
def test_people_read_the_verb_and_the_text(action: Action, text: str) -> None:
    assert f"{action}" == str(action) == text
