"""What lint says of the lines of a list, and of what it says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.lint import Finding, lint
from policyd.tables.lists import Form, ListKind, Source
from policyd.tables.sheets import read_sheet

NOW = 1_790_000_000  # 2026-09-21
NEVER = "never matches in postgrey; here it names"


def findings(kind: ListKind, *texts: str, form: Form = "policyd", from_postgrey: bool = False) -> list[str]:
    """What is found in files named a, b, ... without their names' directory."""
    names = "abcdef"
    sheets = [read_sheet(kind, Source(form, name), text) for name, text in zip(names, texts, strict=False)]
    return [str(finding) for finding in lint(kind, sheets, NOW, from_postgrey=from_postgrey)]


GOOD = [
    ("client", "example.org\nmx.example.org\n.example.org\n192.0.2.1\n192.0.2\n/^mx/\n2001:db8::/32\n"),
    ("helo", "localhost\nylmf-pc\n192.0.2.1\n"),
    ("sender", "<>\na@example.com\n@example.com\nexample.com\nabuse@\n"),
    ("sender", ".example.com\nexample.com\n"),
    ("recipient", "[hours=08:00-09:00] a@example.com\na@example.com  DUNNO\n[hours=09:00-10:00] b@example.com\n"),
    ("sender", "[from=2020-01-01 reason=x] a@example.com\nexample.com\n"),
    ("client", "/^mx/\n[hours=08:00-09:00] /^mx/\n"),
]


@pytest.mark.parametrize(("kind", "text"), GOOD)
def test_nothing_is_said_of_good_lines(kind: ListKind, text: str) -> None:
    assert findings(kind, text) == []


FOUND = [
    ("sender", "a@example.com\nA@Example.com\n",
     ["a:2: a@example.com stands there already: a:1 is asked first; remove one of them"]),
    ("client", "192.0.2\n192.0.2.0/24\n",
     ["a:2: 192.0.2.0/24 stands there already: a:1 is asked first; remove one of them"]),
    ("client", "/^mx/\n/x/\n/^mx/\n", ["a:3: /^mx/ stands there already: a:1 is asked first; remove one of them"]),
    ("helo", "mx.a.example\nMX.a.example\n",
     ["a:2: mx.a.example stands there already: a:1 is asked first; remove one of them"]),
    ("helo", "192.0.2.1\n192.0.2.1\n",
     ["a:2: 192.0.2.1 stands there already: a:1 is asked first; remove one of them"]),
    ("sender", "[until=2020-01-01] a@example.com\n",
     ["a:1: the time of a@example.com is over, [until=2020-01-01]: policyd list expire removes it"]),
    ("sender", "a@example.com REJECT\n[hours=08:00-09:00] a@example.com DUNNO\n",
     ["a:2: a@example.com stands there already: a:1 is asked first; remove one of them"]),
    ("sender", "@example.com\n.example.com\nexample.com\n",
     ["a:3: example.com never answers: a:1: @example.com is asked first; remove one of them"]),
    ("sender", "[reason=x] a@example.com\n[reason=y] a@example.com\n",
     ["a:2: a@example.com stands there already: a:1 is asked first; remove one of them"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "found"), FOUND)
def test_lines_that_do_nothing(kind: ListKind, text: str, found: list[str]) -> None:
    assert findings(kind, text) == found


def test_host_bits_and_other_mistakes_are_the_daemons() -> None:
    (found,) = findings("client", "example.org\n192.0.2.1/24\n")
    assert found.startswith("a:2: '192.0.2.1/24' has address bits behind its prefix: write 192.0.2.0/24")


def test_an_earlier_file_answers_for_what_is_more_special() -> None:
    assert findings("sender", "example.com DEFER later\n", "a@example.com REJECT\nexample.net\n") == [
        "b:1: a@example.com never answers: a:1: example.com is asked first; remove one of them"
    ]
    assert findings("sender", "[hours=08:00-09:00] example.com\n", "a@example.com REJECT\n") == []


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("client", "10.1", "is 10.1.0.0/24 in postgrey; here it is 10.1.0.0/16; write the one you mean"),
        ("client", "10", "is 10.0.0.0/24 in postgrey; here it is 10.0.0.0/8; write the one you mean"),
        ("client", "*.a.net", f"{NEVER} what is below a.net; write a.net if you mean that, too"),
        ("recipient", ".b.net", f"{NEVER} what is below b.net; write b.net if you mean that, too"),
        ("recipient", "@c.net", f"{NEVER} everybody in exactly c.net; write c.net for both"),
    ],
)
def test_what_postgrey_makes_of_it(kind: ListKind, text: str, message: str) -> None:
    assert findings(kind, f"{text}\n", from_postgrey=True) == [f"a:1: {text} {message}"]
    assert findings(kind, f"{text}\n") == []
    sheet = read_sheet(kind, Source("policyd", "a"), f"{text}\n")
    assert list(lint(kind, [sheet], NOW, from_postgrey=True)) == [Finding("a", 1, "note", f"{text} {message}")]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("client", "10.1.2"),
        ("client", "example.com"),
        ("helo", "10.1"),
        ("helo", ".a.net"),
        ("sender", ".a.net"),
        ("sender", "@c.net"),
        ("recipient", "c.net"),
    ],
)
def test_what_postgrey_takes_for_the_same_is_none(kind: ListKind, text: str) -> None:
    assert findings(kind, f"{text}\n", from_postgrey=True) == []


def test_what_stands_in_a_form_that_postgrey_does_not_know_was_not_written_for_it() -> None:
    assert findings("client", "10.1 REJECT\n", form="access", from_postgrey=True) == []


def test_ok_of_postfix_is_a_note_in_a_window_too() -> None:
    text = "[until=2030-01-01] a@example.com OK\nb@example.com 200\n"
    said = findings("sender", text, form="access")
    assert [each.partition(" becomes DUNNO")[0] for each in said] == ["a:1: OK", "a:2: 200"]


def test_ok_of_postfix_is_a_note() -> None:
    text = "a@example.com OK\nb@example.com 200\nc@example.com DUNNO\nd@example.com REJECT\n"
    note = "becomes DUNNO: no opinion, Postfix's next restriction is asked; write DUNNO"
    assert findings("sender", text, form="access") == [f"a:1: OK {note}", f"a:2: 200 {note}"]


@pytest.mark.parametrize(
    ("kind", "key", "advice"),
    [
        ("client", "192.0.2.0/24", "networks with a prefix length belong in a file of the form cidr"),
        ("client", ".example.org", "write example.org, which names its subdomains, too"),
        ("sender", "@example.org", "write example.org, which names its subdomains, too"),
        ("client", "2001:0db8::1", "Postfix never asks for such a key; correct it, or remove it"),
    ],
)
def test_keys_of_access_tables_that_never_match(kind: ListKind, key: str, advice: str) -> None:
    assert findings(kind, f"{key} REJECT\n", form="access") == [f"a:1: {key} can never match: {advice}"]


@pytest.mark.parametrize("key", ["1.2.3.4", "1.2.3", "1", "example.org", "2001:db8:1", "2001:db8::1", "unknown"])
def test_keys_of_access_tables_that_match(key: str) -> None:
    assert findings("client", f"{key} REJECT\n", form="access") == []


def test_rules_answer_in_their_order() -> None:
    assert findings("client", "192.0.2.0/24 REJECT\n192.0.2.7 DUNNO\n!198.51.100.0/24 WARN x\n", form="cidr") == [
        "a:2: 192.0.2.7 never answers: a:1: 192.0.2.0/24 is asked first; remove one of them"
    ]


def test_who_an_entry_behind_a_guard_is_for_nobody_can_tell() -> None:
    guarded = "if 10.0.0.0/8\n192.0.2.0/24 REJECT\nendif\n"
    assert findings("client", guarded, form="cidr") == []
    hidden = "192.0.2.0/24 REJECT\nif 192.0.0.0/16\n192.0.2.7 REJECT\nendif\n"
    assert findings("client", hidden, form="cidr") == [
        "a:3: 192.0.2.7 never answers: a:1: 192.0.2.0/24 is asked first; remove one of them"
    ]
    assert findings("helo", "/a/ REJECT\nif /x/\n/a/ REJECT\nendif\n", form="regexp") == []


@given(st.sampled_from(["client", "helo", "sender", "recipient"]), st.binary(max_size=60),
       st.sampled_from(["policyd", "access", "cidr", "regexp"]))  # fmt: skip
def test_any_bytes_are_linted(kind: ListKind, raw: bytes, form: Form) -> None:
    for finding in lint(kind, [read_sheet(kind, Source(form, "a"), raw.decode("utf-8", "surrogateescape"))], NOW,
                        from_postgrey=True):  # fmt: skip
        assert 1 <= finding.line <= raw.count(b"\n") + 1


@pytest.mark.parametrize("form", ["regexp", "pcre"])
def test_the_flag_that_does_the_contrary_is_a_note(form: Form) -> None:
    text = "/^a/i REJECT\n/^b/ REJECT\n!/^c/i REJECT\n/^i/m REJECT\n"
    said = findings("helo", text, form=form)
    assert [each.partition(" tells capital letters from small ones")[0] for each in said] == [
        "a:1: /^a/i",
        "a:3: !/^c/i",
    ]


def test_a_line_that_only_looks_continued_is_a_note() -> None:
    text = "a@example.com  REJECT no\n  later\n\tb@example.com REJECT\n"
    said = "a:2: later is an entry of its own; only in Postfix's tables, such as hash:, it continues a line"
    assert findings("sender", text) == [said]
    assert findings("sender", "a@example.com\n  b@example.com\n") == []
    assert findings("sender", "  b@example.com\n") == []
    assert findings("sender", "a@example.com  REJECT no\n  b@example.com  REJECT\n") == []
    assert findings("sender", text.replace("b@", "b"), form="access") == []


@pytest.mark.parametrize(("name", "form"), [("a.cidr", "cidr"), ("a.pcre.local", "pcre"), ("a.regexp", "regexp")])
def test_a_file_that_is_named_after_another_form_is_a_note(name: str, form: Form) -> None:
    def said(text: str, source: Source) -> list[str]:
        return [str(each) for each in lint("helo", [read_sheet("helo", source, text)], NOW, from_postgrey=False)]

    (note,) = said("", Source("policyd", name))
    assert note.startswith(f"{name}: is read in the form policyd, though its name ends in .{form}: write {form}:FILE")
    assert said("# policyd: form=policyd\n", Source("policyd", name)) == []
    assert said("", Source(form, name)) == []
    assert said("", Source("policyd", f"{form}.list")) == []


def test_a_domain_that_most_mail_spells_otherwise_is_a_note() -> None:
    said = findings(
        "sender",
        "x@münchen.example\nmünchen.example\nmüller@example.com\n.münchen.example\n/ü@b/\n/@ü/\nstraße.example\n",
    )
    assert [each.partition(": write")[0].partition("says ")[2] for each in said] == [
        "x@xn--mnchen-3ya.example",
        "xn--mnchen-3ya.example",
        ".xn--mnchen-3ya.example",
    ]
