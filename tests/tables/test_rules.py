"""Law tested: one line of a table of rules means what it means to Postfix; what Postfix leaves out is a mistake."""

from functools import partial
from typing import Any

import pytest

from policyd.model.address import parse_address
from policyd.tables.rules import Condition, Reader, split_network, split_regex


@pytest.mark.parametrize(
    ("row", "text", "rest"),
    [
        ("10.0.0.0/8 REJECT no", "10.0.0.0/8", "REJECT no"),
        ("192.168.2.0/24   B two \r", "192.168.2.0/24", "B two"),
        ("[2001:db8::]/32 V6", "2001:db8::/32", "V6"),
        ("[192.0.2.1] BR", "192.0.2.1", "BR"),
        ("! 5.5.5.5 x", "!5.5.5.5", "x"),
        ("!!6.6.6.6 dbl", "6.6.6.6", "dbl"),
        ("10.1.2.3", "10.1.2.3", ""),
    ],
)
def test_networks(row: str, text: str, rest: str) -> None:
    condition, behind = split_network(row)
    assert (condition.text, behind) == (text, rest)


@pytest.mark.parametrize(
    ("network", "address", "holds"),
    [
        ("10.0.0.0/8", "10.1.1.1", True),
        ("10.0.0.0/8", "11.1.1.1", False),
        ("!10.0.0.0/8", "11.1.1.1", True),
        ("!10.0.0.0/8", "10.1.1.1", False),
        ("!10.0.0.0/8", "2001:db8::1", False),  # of the other family nothing can be said (measured)
        ("10.0.0.0/8", "2001:db8::1", False),
    ],
)
def test_whom_a_network_means(network: str, address: str, *, holds: bool) -> None:
    assert bool(split_network(network)[0].holds(parse_address(address))) is holds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "row",
    ["192.168.1.1/24 x", "010.0.0.1 x", "1.2.3 x", "10/8 x", "0.0.0.0/33 x", "example.com x", "", "2001:db9::1/32 x"],
)
def test_what_is_no_network(row: str) -> None:
    with pytest.raises(ValueError, match="write"):
        split_network(row)


@pytest.mark.parametrize(
    ("row", "text", "rest", "subject", "holds"),
    [
        ("/foo/ REJECT a /b/", "/foo/", "REJECT a /b/", "xFOOx", True),
        ("/foo/i X", "/foo/i", "X", "FOO", False),
        ("!/foo/ X", "!/foo/", "X", "bar", True),
        ("! /foo/ X", "!/foo/", "X", "foo", False),
        ("|pipe| X", "|pipe|", "X", "a pipe", True),
        (r"/a\/b/ X", r"/a\/b/", "X", "a/b", True),
        ("/a b/\tX", "/a b/", "X", "a b", True),
        ("/foo/", "/foo/", "", "foo", True),
        ("/foo/ X", "/foo/", "X", "foo" * 100, False),
        ("!/foo/ X", "!/foo/", "X", "bar" * 100, False),  # too long to be asked about
    ],
)
def test_regular_expressions(row: str, text: str, rest: str, subject: str, *, holds: bool) -> None:
    condition, behind = split_regex("regexp", row)
    assert (condition.text, behind) == (text, rest)
    assert bool(condition.holds(subject)) is holds


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ("/foo X", "no /regex/"),
        ("(p) X", "no /regex/"),
        ("foo X", "no /regex/"),
        ("/foo/i2_X", "flag"),
        ("/foo/REJECT X", "flag"),
        ("/foo/-X", "no /regex/"),
        ("/bad(/ X", "correct it"),
    ],
)
def test_what_is_no_regular_expression(row: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        split_regex("regexp", row)
    assert advice in str(mistake.value)


def read(rows: list[str], form: str = "regexp") -> tuple[list[Any], list[str], Reader[Any]]:
    reader: Reader[Any] = Reader(split_network if form == "cidr" else partial(split_regex, form))
    rules, mistakes = [], []
    for number, row in enumerate(rows, 1):
        try:
            if rule := reader.read(number, row):
                rules.append(rule)
        except ValueError as error:
            mistakes.append(f"{number}: {error}")
    return rules, mistakes, reader


def test_guards_hold_for_what_stands_between() -> None:
    rules, mistakes, reader = read(["IF /a/", "if !/b/", "/c/ OK", "endif", "/d/ OK", "ENDIF", "/e/ OK", "if/f/"])
    assert not mistakes
    assert [[guard.text for guard in rule.guards] for rule in rules] == [["/a/", "!/b/"], ["/a/"], []]
    assert reader.unclosed() == [8]
    assert str(rules[0].match("list", "ac", 0)) == "list:3: /c/"
    assert rules[0].match("list", "abc", 0) is None
    assert rules[0].match("list", "c", 0) is None


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ("/a/", "no action behind it"),
        (" /a/ OK", "begins with a blank"),
        ("endif", "ends no if"),
        ("endif /a/", "behind endif"),
        ("if /a/ OK", "behind the condition"),
        ("if", "no /regex/"),
        ("/a/ permit", "restriction"),
        ("!/(a)/ REJECT $1", "no group 1"),
        ("/a/ " + "x" * 5000, "at most 4096"),
        ("[until=x] /a/ OK", "until: "),
    ],
)
def test_what_postfix_leaves_out_is_a_mistake(row: str, advice: str) -> None:
    rules, mistakes, _ = read([row])
    assert not rules
    assert len(mistakes) == 1
    assert advice in mistakes[0]


def test_what_stands_behind_a_broken_if_is_for_nobody() -> None:
    rules, mistakes, _ = read(["if /a", "/b/ REJECT", "endif", "/c/ OK"])
    assert len(mistakes) == 1
    assert [rule.match("list", "abc", 0) is None for rule in rules] == [True, False]


def test_a_rule_may_have_a_window() -> None:
    rules, _, _ = read(["[until=1970-01-02T00:00Z] 10.0.0.0/8 REJECT x"], "cidr")
    assert str(rules[0].match("list", parse_address("10.1.1.1"), 5)) == "list:1: 10.0.0.0/8"
    assert rules[0].match("list", parse_address("10.1.1.1"), 86400) is None


def test_an_undecided_condition_holds_in_no_way() -> None:
    for negated in (True, False):
        assert not Condition("x", lambda subject: None, negated).holds("x")
