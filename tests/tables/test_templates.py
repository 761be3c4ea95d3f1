"""Law tested: an action that quotes its mail is as safe to send as one that does not, whatever is quoted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.action import DUNNO, Action
from policyd.tables.templates import Template, parse_template
from tests.examples import thorough


def filled(action: str, pattern: str, text: str) -> Action:
    found = re.search(pattern, text, re.DOTALL)
    assert found is not None
    _, template = parse_template(action, found.re.groups, negated=False)
    assert template is not None
    return template.fill(found)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("550 Use ${1}@${2} instead", Action("550", "Use me@home instead")),
        ("reject $1 and $(2) for $$", Action("REJECT", "me and home for $")),
        ("PREPEND X-From: $1", Action("PREPEND", "X-From: me")),
        ("REDIRECT $1@example.com", Action("REDIRECT", "me@example.com")),
        ("OK $1", DUNNO),
    ],
)
def test_what_was_found_is_quoted(action: str, expected: Action) -> None:
    assert filled(action, "(.*)@(.*)", "me@home") == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("550 $1", Action("550", "5.7.1 Rejected by local policy")),  # a bare code would let pass
        ("550 5.7.1 $1", Action("550", "5.7.1 Rejected by local policy")),
        ("PREPEND X-From: $1", DUNNO),  # Postfix would drop such a header
    ],
)
@pytest.mark.parametrize("pattern", ["(x?)", "(x)?"])
def test_what_quotes_nothing_is_safe(action: str, expected: Action, pattern: str) -> None:
    assert filled(action, pattern, "") == expected


def test_an_address_that_is_none_leads_nowhere() -> None:
    assert filled("REDIRECT $1@example.com", "(.*)", "a b") == DUNNO


@pytest.mark.parametrize("text", ["OK", "REJECT $$ and all", "550 no"])
def test_what_quotes_nothing_is_no_template(text: str) -> None:
    assert parse_template(text, 3, negated=False) == (text.replace("$$", "$"), None)


@pytest.mark.parametrize(
    ("text", "groups", "negated", "advice"),
    [
        # each of these is left out by Postfix with a warning (measured)
        ("REJECT $1x", 1, False, "quotes nothing"),
        ("REJECT $x", 1, False, "quotes nothing"),
        ("REJECT ${x}", 1, False, "quotes nothing"),
        ("REJECT 5 $", 1, False, "quotes nothing"),
        ("REJECT $3", 2, False, "no group 3"),
        ("REJECT $0", 2, False, "no group 0"),
        ("REJECT $1", 1, True, "no group 1"),
        ("REJECT $" + "9" * 4000, 1, False, "no group"),
        # and these would be for the client to choose
        ("$1", 1, False, "no action"),
        ("$1 no", 1, False, "no action"),
        ("REJECT$1 no", 1, False, "no action"),
        ("FILTER $1", 1, False, "write TRANSPORT:DESTINATION"),
    ],
)
def test_what_cannot_be_quoted(text: str, groups: int, advice: str, *, negated: bool) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        parse_template(text, groups, negated=negated)
    assert advice in str(mistake.value)


@given(
    st.sampled_from(["550", "REJECT", "DEFER", "PREPEND", "REDIRECT", "BCC", "FILTER", "WARN"]),
    st.sampled_from(["$1", "X-A: $1", "$1@b", "a:$1", "5.7.1 $1", "$$$1"]),
    st.text(),
)
@thorough
def test_a_filled_template_is_always_an_action(verb: str, text: str, found: str) -> None:
    match = re.search("(.*)", found, re.DOTALL)
    assert match is not None
    action = Template(verb, text).fill(match)
    assert action == Action(action.verb, action.text)
    assert action.verb in (verb, "DUNNO")
