"""Law tested: the text of Postfix's tables is read as postmap(1) 3.7.11 was seen to read it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.access import is_window, parse_row
from policyd.tables.lists import Client, Line, Source, compile_table, lines_of
from policyd.tables.rows import MAX_LINE, logical_rows

SOURCE = Source("access", "list")


@pytest.mark.parametrize(
    ("row", "key", "right"),
    [
        ("example.com OK", "example.com", "OK"),
        ("EXAMPLE.ORG\tREJECT\tx  ", "example.org", "REJECT\tx"),
        ("back\\slash REJECT bs", "back\\slash", "REJECT bs"),
        ("esc\\ aped REJECT bs2", "esc\\ aped", "REJECT bs2"),
        ('sp"aced key"x REJECT z', 'sp"aced key"x', "REJECT z"),
        ("key: REJECT colon", "key:", "REJECT colon"),
        ("crlf.example REJECT crlf\r", "crlf.example", "REJECT crlf"),
        ("12345 550", "12345", "550"),
        ("a REJECT # no comment", "a", "REJECT # no comment"),
        # Postfix looks up both spellings, policy servers see one.
        ('"A b"@x.example REJECT quoted', "a b@x.example", "REJECT quoted"),
        ('"a\\"b"@x.example REJECT quoted', 'a"b@x.example', "REJECT quoted"),
        ("[until=2026-12-31] a@b  REJECT", "a@b", "[until=2026-12-31] REJECT"),
        ("[192.0.2.1] REJECT", "[192.0.2.1]", "REJECT"),
    ],
)
def test_keys_and_what_stands_beside_them(row: str, key: str, right: str) -> None:
    assert parse_row("sender", row) == (key, right)


@pytest.mark.parametrize("key", ['"@x.example"', 'a"b"@x.example', '"a"b@x.example', '"a b"'])
def test_other_quotes_belong_to_the_key(key: str) -> None:
    assert parse_row("sender", f"{key} OK") == (key, "OK")
    assert parse_row("client", '"a b"@x.example OK') == ('"a b"@x.example', "OK")


def test_a_line_may_be_so_long_and_no_longer() -> None:
    longest = "a@x.example" + " " * (MAX_LINE - 13) + "OK"
    assert compile_table("sender", SOURCE, longest).mistakes == ()
    assert parse_row("sender", longest) == ("a@x.example", "OK")
    assert "at most 4096" in compile_table("sender", SOURCE, f"a{longest}").mistakes[0]


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ("  first.example REJECT lead", "begins with a blank"),
        ("nokey", "no action behind it"),
        ("nokey  \r", "no action behind it"),
        ('a"b c REJECT mid', "quotes that are not closed"),
        ('bad" REJECT unbal', "quotes that are not closed"),
        ("back\\", "quotes that are not closed"),
        ("x " + "y" * 5000, "at most 4096"),
        ("[until=2026-12-31]", "quotes that are not closed"),
    ],
)
def test_what_postmap_leaves_out_is_a_mistake(row: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r".") as mistake:
        parse_row("sender", row)
    assert advice in str(mistake.value)


@pytest.mark.parametrize(
    ("row", "expected"), [("[until=2026-12-31] a", True), ("[2001:db8::1] OK", False), ("a=b] OK", False), ("[=", True)]
)
def test_a_window_has_an_equals_sign(row: str, *, expected: bool) -> None:
    assert is_window(row) is expected


def test_a_whole_table() -> None:
    text = "# clients\n192.0.2  REJECT\n\nExample.com\n  550 5.7.1\n  go away\nexample.com OK\n<> permit\n2001:db8 OK\n"
    table = compile_table("client", SOURCE, text)
    assert [mistake.split(": ")[0] for mistake in table.mistakes] == ["list:8"]
    assert len(table) == 3  # of equal keys the first one counts
    match = table.find(Client(parse_address("2001:db8::1"), "mx.example.com"), 0)
    assert match is not None
    assert (match.line, match.action and match.action.text) == (4, "5.7.1  go away")
    assert [line.number for line in lines_of("client", SOURCE, text)] == [2, 4, 7, 9]


KEYS = st.sampled_from(["example.com", "a@b.com", "<>", "192.0.2", "a", "2001:db8", "x@"])
RIGHTS = st.sampled_from(["REJECT", "OK", "550 no  thanks", "[x", "permit", "", "REJECT é"])


@given(st.lists(st.tuples(st.sampled_from(["", " ", "#", '"']), KEYS, st.just("  "), RIGHTS).map("".join)))
def test_the_quick_way_is_the_careful_way(rows: list[str]) -> None:
    text = "\n".join(rows)
    table, expected = compile_table("sender", SOURCE, text), list[Line]()
    for number, row in logical_rows(text, lambda: None):
        try:
            key, right = parse_row("sender", row)
            expected += lines_of("sender", SOURCE, f"\n{key} {right}" if right else "")
        except ValueError:
            assert any(mistake.startswith(f"list:{number}: ") for mistake in table.mistakes)
    assert len(table) == len({line.key for line in expected})


@given(st.text('ab.@"\\[]=<># \t\r\n', max_size=60) | st.text())
def test_arbitrary_text_never_raises(text: str) -> None:
    table = compile_table("recipient", SOURCE, text)
    for mistake in table.mistakes:
        file, line, advice = mistake.split(":", 2)
        assert (file, 1 <= int(line) <= text.count("\n") + 1) == ("list", True)
        assert advice.isprintable()
