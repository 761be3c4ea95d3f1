"""Law tested: what the quick way reads, the careful way reads in the same way; a printed list is the same list."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.action import DUNNO, Action
from policyd.tables.builder import Builder
from policyd.tables.lists import Line, ListKind, Source, compile_table, lines_of
from policyd.tables.mistakes import Mistakes
from policyd.tables.networks import Network
from policyd.tables.plain import compile_plain, parse_line
from policyd.tables.syntax import MAX_NAME, Key
from policyd.tables.windows import parse_window


def lines(kind: ListKind, text: str) -> list[Line]:
    return list(lines_of(kind, Source("policyd", "list"), text))


@pytest.mark.parametrize(
    ("kind", "line", "entry", "right"),
    [
        ("client", "MX.example.com", Key("mx.example.com"), ""),
        ("client", "192.0.2.0/24 REJECT no", Network(4, 24, 0xC00002), "REJECT no"),
        ("helo", "10.1", Network(4, 16, 0x0A01), ""),
        ("sender", "[days=Sat] <>  DEFER", Key("<>"), "[days=Sat] DEFER"),
        ("sender", "A@example.com\tOK", Key("a@example.com"), "OK"),
        ("recipient", "[days=Sat] a@ ", Key("a@"), "[days=Sat]"),
    ],
)
def test_entries_and_what_stands_beside_them(kind: ListKind, line: str, entry: object, right: str) -> None:
    assert parse_line(kind, line) == (entry, right)


@pytest.mark.parametrize("line", ["", "  ", "# a", "\r"])
def test_what_is_no_entry(line: str) -> None:
    assert parse_line("client", line) is None


@pytest.mark.parametrize("line", ["example.com 550", "10.1.2.3 450", "EXAMPLE.com\t421  # slow"])
def test_a_code_alone_lets_nobody_pass_by_accident(line: str) -> None:
    table = compile_table("client", Source("policyd", "list"), f"\n{line}")
    assert len(table) == 0
    assert "alone lets pass, as in Postfix: write" in table.mistakes[0]
    assert table.mistakes[0].startswith("list:2: ")


@pytest.mark.parametrize("kind", ["client", "sender"])
def test_a_name_may_be_so_long_and_no_longer(kind: ListKind) -> None:
    longest = "a." * ((MAX_NAME - 8) // 2) + "b" * ((MAX_NAME - 8) % 2) + "example"
    longest = "x" * (MAX_NAME - len(longest)) + longest
    source = Source("policyd", "list")
    assert compile_table(kind, source, longest).mistakes == ()
    assert len(compile_table(kind, source, f"a{longest}").mistakes) == 1


def test_mistakes_have_their_lines_and_leave_the_others() -> None:
    rows = ["a.com", "10.0.0.300", "a b c", "", "# ok", "[until=never] x.org", "a.org permit", "10.1.2.3/24", "a.b"]
    table = compile_table("client", Source("policyd", "list"), "\n".join(rows))
    assert [mistake.split(": ")[0] for mistake in table.mistakes] == [f"list:{line}" for line in (2, 3, 6, 7, 8)]
    assert len(table) == 2


WORDS = st.text("aZ09._-+@/[]#*: \t!\"'~é\udcff\x00", max_size=24)
PLAIN = st.sampled_from(
    ["a.example", "MX1.example.com", "10.1.2.3", "10.1.2.0/24", "10.1", "a+b@c.com", "Joe@", "a-.com", "a.b1"]
)
RIGHTS = st.sampled_from(
    ["", " REJECT", "\tREJECT no  thanks", " 550 5.7.1 x", " 550", " permit", " OK # why", " REJECT #1", " "]
)


def found(builder: Builder) -> dict[str, object]:
    contents = builder.built()
    return {key: getattr(contents, key) for key in ("keys", "networks", "_rights", "_size")}


@given(st.sampled_from(["client", "sender"]), st.lists(st.tuples(PLAIN | WORDS, RIGHTS).map("".join), max_size=8))
def test_the_quick_way_is_the_careful_way(kind: ListKind, rows: Sequence[str]) -> None:
    quick, careful, told, expected = Builder("list"), Builder("list"), Mistakes("list"), Mistakes("list")
    compile_plain(kind, quick, "\n".join(rows), told, lambda: None)
    for number, row in enumerate(rows, 1):
        try:
            if parsed := parse_line(kind, row):
                careful.add(parsed[0], number, parsed[1])
        except ValueError as error:
            expected.add(number, error)
    assert found(quick) == found(careful)
    assert told.told() == expected.told()


KEYS = {
    "client": ["example.com", ".example.com", "10.1.0.0/16", "192.0.2.1", "2001:db8::/32", "/^mx[0-9]+/", "/a b#/"],
    "helo": ["localhost", "192.0.2.1", "/^\\[/"],
    "sender": ["<>", "a@example.com", "a@", "@example.com", "用户@example.com", "/x y@/"],
    "recipient": ["a+b@example.com", "postmaster@", "example.com"],
}
ACTIONS = [None, DUNNO, Action("REJECT", "no  thanks"), Action("550", "5.7.1 x"), Action("PREPEND", "X-A: b")]
WINDOWS = [None, *map(parse_window, ['[until=2026-12-31 reason="a \\" ] b"]', "[hours=22:00-06:00 days=Sat by=anna]"])]


@st.composite
def printed_lists(draw: st.DrawFn) -> tuple[ListKind, list[Line]]:
    kind: ListKind = draw(st.sampled_from(["client", "helo", "sender", "recipient"]))
    parts = draw(st.lists(st.tuples(*map(st.sampled_from, (KEYS[kind], ACTIONS, WINDOWS))), max_size=6))
    return kind, [Line(number, *part) for number, part in enumerate(parts, 1)]


def spelled(line: Line) -> str:
    action = f"{line.action.verb} {line.action.text}".rstrip() if line.action else ""
    return f"{line.window or ''} {line.key}  {action}".strip()


@given(printed_lists())
def test_a_printed_list_is_the_same_list(printed: tuple[ListKind, list[Line]]) -> None:
    kind, entries = printed
    assert lines(kind, "\n".join(map(spelled, entries))) == entries
