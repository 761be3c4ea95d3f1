"""A file read for questions about its lines: what counts when, under which line."""

from typing import get_args

import pytest

from policyd.tables.lists import Form, Source
from policyd.tables.sheets import form_of, has_such, is_always, is_continued, read_sheet, same_time, spellings, waiting
from policyd.tables.windows import Window, parse_window

NOW = 1_790_000_000  # 2026-09-21


def test_entries_that_do_not_count_now() -> None:
    text = "example.com\n[until=2020-01-01] a@example.com REJECT\n[until=2999-01-01] b@example.com\n"
    table, windows = waiting("sender", Source("policyd", "a"), text, NOW)
    assert windows == {2: parse_window("[until=2020-01-01]")}
    match = table.find("a@example.com", NOW)
    assert match is not None
    assert str(match) == "a:2: a@example.com"
    assert table.find("b@example.com", NOW) is None


def test_spellings() -> None:
    assert "192.0.2.0/24" in spellings("client", "192.0.2")
    assert ".example.org" in spellings("client", "*.Example.org")
    assert spellings("sender", "<>") == {"<>"}


def test_entries_of_postfix_forms_wait_whole() -> None:
    text = "[until=2020-01-01] a@example.com REJECT\n  no\n# why\n  thanks\nexample.com DUNNO\n  \n"
    table, windows = waiting("sender", Source("access", "a"), text, NOW)
    match = table.find("a@example.com", NOW)
    assert match is not None
    assert match.action == ("REJECT", "no  thanks")
    assert list(windows) == [1]
    assert table.find("b@example.com", NOW) is None


def test_entries_wait_behind_their_guards() -> None:
    text = "if /@example/\n/a/ WARN x\n[until=2020-01-01] /a/ REJECT no\nendif\n"
    table, _ = waiting("sender", Source("regexp", "a"), text, NOW)
    assert not table.mistakes
    match = table.find("a@example.com", NOW)
    assert match is not None
    assert match.line == 3
    assert table.find("a@b.net", NOW) is None


def test_a_sheet_has_what_always_counts_apart() -> None:
    text = "[until=2020-01-01] example.com\n[reason=x] a@example.com\nb@example.com\nc d\n"
    sheet = read_sheet("sender", Source("policyd", "a"), text)
    assert [line.number for line in sheet.lines] == [1, 2, 3]
    assert len(sheet.always) == 2
    assert [mistake.partition(": ")[0] for mistake in sheet.mistakes] == ["a:4"]
    assert sheet.always.find("c@example.com", 0) is None


@pytest.mark.parametrize(
    ("source", "header", "form"),
    [("policyd", "", "policyd"), ("policyd", "# policyd: form=access", "access"), ("cidr", "", "cidr"),
     ("cidr", "# policyd: form=access", "cidr"), ("policyd", "# policyd: form=nonsense", "policyd")],
)  # fmt: skip
def test_form(source: Form, header: str, form: Form) -> None:
    assert form_of(Source(source, "a"), f"{header}\n") == form
    assert is_continued(form) == (form != "policyd")


def test_notes_are_no_limits() -> None:
    assert is_always(None)
    assert is_always(parse_window('[reason="a b" by=c]'))
    assert not is_always(parse_window("[days=Mon]"))
    assert same_time(parse_window("[days=Mon by=a]"), Window(days=frozenset({0}), note="b"))


@pytest.mark.parametrize(
    ("key", "forms"),
    [
        ("/^a/", "policyd regexp pcre"),
        ("!/^a/", "policyd regexp pcre"),
        ("192.0.2.0/24", "policyd cidr"),
        ("192.0.2.1", "policyd access cidr"),
        ("2001:DB8::/32", "policyd cidr"),
        ("mx.example.org", "policyd access"),
        ("a@example.org", "policyd access"),
        ("<>", "policyd access"),
    ],
)
def test_which_forms_have_such_an_entry(key: str, forms: str) -> None:
    assert [form for form in get_args(Form) if has_such(form, key)] == forms.split()
