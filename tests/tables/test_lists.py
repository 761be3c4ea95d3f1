"""Law tested: a file's form is what its source or its header says; tables are asked in their order; nothing in a file
can raise, and every mistake has its line."""

from functools import partial
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.tables.lists import Form, ListKind, Source, Table, TableList, compile_table, lines_of, parse_source
from tests.examples import thorough


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("/etc/policyd/x", ("policyd", "/etc/policyd/x")),
        ("/etc/a:b", ("policyd", "/etc/a:b")),
        ("access:/p", ("access", "/p")),
        ("hash:/etc/postfix/access", ("access", "/etc/postfix/access")),
        ("texthash:/p", ("access", "/p")),
        ("lmdb:/p", ("access", "/p")),
        ("btree:/p", ("access", "/p")),
        ("cidr:/p", ("cidr", "/p")),
        ("regexp:/p", ("regexp", "/p")),
        ("pcre:/p", ("pcre", "/p")),
    ],
)
def test_sources(text: str, source: tuple[Form, str]) -> None:
    assert parse_source(text) == Source(*source)


@pytest.mark.parametrize(
    "text", ["hash:/etc/postfix/access.db", "/etc/postfix/access.db", "lmdb:/etc/postfix/access.lmdb"]
)
def test_what_postmap_made_is_no_text(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"what postmap made; write the text that it was made of: '/etc/postfix/access'"
    ):
        parse_source(text)


@pytest.mark.parametrize("text", ["", "list", "mysql:/p", "hash:p", "hash:", "/etc/", "/a\0b", "cidr:cidr:/p", "./x"])
def test_what_names_no_file(text: str) -> None:
    with pytest.raises(ValueError, match=r"write /PATH|whole path"):
        parse_source(text)


def compiled(text: str, form: Form = "policyd", kind: ListKind = "sender", file: str = "list") -> Table:
    return compile_table(kind, Source(form, file), text)


@pytest.mark.parametrize(
    ("text", "form", "key"),
    [
        ("# policyd: form=access\na@b.com\n  REJECT", "policyd", "a@b.com"),
        ("\ufeff#policyd: form=access \r\na@b.com REJECT\n", "policyd", "a@b.com"),
        ("# policyd: form=regexp\n/a/ REJECT", "policyd", "/a/"),
        ("# policyd: form=regexp\n/a/ REJECT", "regexp", "/a/"),
        ("# policyd: form=policyd\na@b.com", "policyd", "a@b.com"),
        ("#\n# policyd: form=access\na@b.com", "policyd", "a@b.com"),  # only the first line is a header
    ],
)
def test_a_header_says_the_form(text: str, form: Form, key: str) -> None:
    table = compiled(text, form)
    assert table.mistakes == ()
    match = table.find("a@b.com", 0)
    assert match is not None
    assert [line.key for line in lines_of("sender", Source(form, "list"), text)] == [match.entry] == [key]


@pytest.mark.parametrize(
    ("text", "form", "advice"),
    [
        ("# policyd: form=hash\na@b.com REJECT", "policyd", "there is no form 'hash': write one of policyd, access"),
        ("# policyd: form=\na@b.com REJECT", "policyd", "there is no form ''"),
        ("# policyd: form=cidr\na@b.com REJECT", "access", "the header says 'cidr', the settings say 'access'"),
        ("# policyd: form=policyd\na@b.com REJECT", "access", "the header says 'policyd'"),
    ],
)
def test_a_form_is_never_guessed(text: str, form: Form, advice: str) -> None:
    table = compiled(text, form)
    assert len(table) == 0
    assert len(table.mistakes) == 1
    assert table.mistakes[0].startswith(f"list:1: {advice}")
    assert table.find("a@b.com", 0) is None
    assert not list(lines_of("sender", Source(form, "list"), text))


def test_the_first_table_with_an_answer_answers() -> None:
    local = compiled("[until=1970-01-02T00:00Z] a@b.com DUNNO", file="list.local")
    asked = TableList("sender", [local, compiled("b.com REJECT")])
    assert str(asked.match("a@b.com", 0)) == "list.local:1: a@b.com"
    assert str(asked.match("a@b.com", 86400)) == "list:1: b.com"
    assert asked.match("a@c.com", 0) is None
    assert len(asked) == 2


def test_tables_are_replaced_as_a_whole() -> None:
    asked = TableList("sender")
    assert (asked.kind, len(asked), asked.match("a@b.com", 0)) == ("sender", 0, None)
    asked.tables = (compiled("b.com"),)
    assert str(asked.match("a@b.com", 0)) == "list:1: b.com"


def test_compiling_pauses_every_few_hundred_lines() -> None:
    for form in get_args(Form):
        text = "10.1.2.3 OK\n" * 7_000 if form in ("policyd", "access", "cidr") else "/a/ OK\n" * 4_000
        pauses = list[None]()
        compile_table("client", Source(form, "list"), text, partial(pauses.append, None))
        assert len(pauses) > text.count("\n") / 3000


@given(
    st.sampled_from(get_args(Form)),
    st.sampled_from(get_args(ListKind)),
    st.lists(st.binary(max_size=40) | st.sampled_from([b"\n", b"# policyd: form=cidr\n", b"[until=", b"/", b" OK\n"])),
)
@thorough
def test_arbitrary_bytes_never_raise_and_mistakes_are_numbered(form: Form, kind: ListKind, parts: list[bytes]) -> None:
    text = b"".join(parts).decode("utf-8", "surrogateescape")
    table = compiled(text, form, kind)
    for mistake in table.mistakes:
        file, line, advice = mistake.split(":", 2)
        assert (file, 1 <= int(line) <= text.count("\n") + 1) == ("list", True)
        assert advice.strip()
    numbers = [line.number for line in lines_of(kind, Source(form, "list"), text)]
    assert len(numbers) >= len(table)
    assert numbers == sorted(numbers)
