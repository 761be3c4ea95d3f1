"""The first rule that matches answers, found at once or one by one; Postfix's own examples are understood."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.builder import Builder
from policyd.tables.lists import Client, Form, ListKind, Source, Subject, Table, compile_table, lines_of
from policyd.tables.rules import Condition, Rule
from policyd.tables.ruleset import Ruleset


def table(kind: ListKind, form: Form, text: str) -> Table:
    compiled = compile_table(kind, Source(form, "list"), text)
    assert compiled.mistakes == ()
    return compiled


def answer(table: Table, subject: Subject) -> str:
    match = table.find(subject, 0)
    return f"{match.line} {match.action.verb if match.action else ''}" if match else ""


def client(address: str, name: str = "unknown") -> Client:
    return Client(parse_address(address), name)


CIDR = """\
10.1.2.3 REJECT
10.1.0.0/16 DUNNO
if !10.0.0.0/8
192.0.2.0/24 HOLD
!192.0.2.0/23 WARN
endif
192.0.2.0/24 DISCARD
::/0 INFO
"""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", "1 REJECT"),
        ("10.1.2.4", "2 DUNNO"),
        ("10.2.0.1", ""),
        ("192.0.2.1", "4 HOLD"),
        ("192.0.3.1", ""),
        ("8.8.8.8", "5 WARN"),
        ("2001:db8::1", "8 INFO"),
        ("unknown", ""),
    ],
)
def test_the_first_network_answers(address: str, expected: str) -> None:
    assert answer(table("client", "cidr", CIDR), client(address)) == expected
    assert answer(table("helo", "cidr", CIDR), address) == expected


def test_networks_do_not_name_mail() -> None:
    compiled = compile_table("sender", Source("cidr", "list"), CIDR)
    assert compiled.mistakes == ("list:1: a sender is no address of a host: name this file where clients are listed",)
    assert len(compiled) == 0


REGEXP = """\
# of regexp_table(5)
/[%!@].*[%!@]/       550 Sender-specified routing rejected
/^postmaster@/       OK
if !/^owner-/
/^(.*)-outgoing@(.*)$/  550 Use ${1}@${2} instead
endif
/^<>$/ DEFER
"""


@pytest.mark.parametrize(
    ("mail", "line", "text"),
    [
        ("a%b@c", 2, "Sender-specified routing rejected"),
        ("Postmaster@x", 3, ""),
        ("news-outgoing@x", 5, "Use news@x instead"),
        ("", 7, "4.7.1 Rejected by local policy"),
    ],
)
@pytest.mark.parametrize("form", ["regexp", "pcre"])
def test_regular_expressions(form: Form, mail: str, line: int, text: str) -> None:
    match = table("sender", form, REGEXP).find(mail, 0)
    assert match is not None
    assert (match.line, match.action and match.action.text) == (line, text)
    assert table("sender", form, REGEXP).find("owner-news-outgoing@x", 0) is None


def test_of_a_client_the_whole_name_is_asked_and_then_the_whole_address() -> None:
    compiled = table("client", "regexp", "/^192\\.0\\.2\\./ REJECT\n/^unknown$/ HOLD\n/^mx/ OK\n")
    assert answer(compiled, client("192.0.2.1", "mx1.example.com")) == "3 DUNNO"
    assert answer(compiled, client("192.0.2.1")) == "2 HOLD"
    assert answer(compiled, client("192.0.2.1", "a.mx")) == "1 REJECT"
    assert answer(compiled, Client(None, "")) == ""


def test_an_if_without_an_end_is_a_mistake() -> None:
    compiled = compile_table("sender", Source("regexp", "list"), "/a/ OK\n\nif /b/\n/c/ OK\n")
    assert compiled.mistakes == ("list:3: this if has no endif: write it where the guarded lines end",)


def test_lines_of_a_table_of_rules() -> None:
    shown = [(line.number, line.key) for line in lines_of("client", Source("cidr", "list"), CIDR)]
    assert shown == [
        (1, "10.1.2.3"),
        (2, "10.1.0.0/16"),
        (4, "192.0.2.0/24"),
        (5, "!192.0.2.0/23"),
        (7, "192.0.2.0/24"),
        (8, "::/0"),
    ]
    (first, *_), text = lines_of("sender", Source("regexp", "list"), REGEXP), "Sender-specified routing rejected"
    assert first.action is not None
    assert (first.key, first.action.text) == ("/[%!@].*[%!@]/", text)


ROWS = st.lists(
    st.tuples(st.sampled_from(["", "", "!", "if ", "if !"]), st.integers(0, 7), st.integers(28, 32), st.booleans())
    | st.just("endif"),
    max_size=12,
)


def slow(rows: list[str], address: str) -> int | None:
    """Line by line, as cidr_table(5) says it."""
    skipping: list[bool] = []
    for number, row in enumerate(rows, 1):
        word, _, _ = row.partition(" ")
        if word == "endif":
            skipping.pop()
            continue
        pattern = row.removeprefix("if ").split()[0]
        meant = (ipaddress.ip_address(address) in ipaddress.ip_network(pattern.removeprefix("!"))) != (
            pattern[0] == "!"
        )
        if word == "if":
            skipping.append(not meant)
        elif meant and not any(skipping):
            return number
    return None


@given(ROWS, st.integers(0, 15))
def test_never_disagrees_with_the_slow_one(drawn: list[tuple[str, int, int, bool] | str], low: int) -> None:
    rows, depth = list[str](), 0
    for row in drawn:
        if isinstance(row, str):
            if depth:
                rows.append("endif")
            depth = max(depth - 1, 0)
            continue
        prefix, number, length, is_spaced = row
        network = ipaddress.ip_network(f"10.0.0.{number}/{length}", strict=False)
        opens = prefix.startswith("if")
        depth += opens
        rows.append(f"{prefix}{' ' if is_spaced and prefix == '!' else ''}{network}{'' if opens else ' REJECT'}")
    rows += ["endif"] * depth
    match = table("client", "cidr", "\n".join(rows)).find(client(f"10.0.0.{low}"), 0)
    assert (match and match.line) == slow([row.replace("! ", "!") for row in rows], f"10.0.0.{low}")


@given(st.sampled_from(["cidr", "regexp", "pcre"]), st.text("ab/!if end10.:()[]*$ \t\n", max_size=80) | st.text())
def test_arbitrary_text_never_raises_and_mistakes_are_numbered(form: Form, text: str) -> None:
    for mistake in compile_table("client", Source(form, "list"), text).mistakes:
        file, line, advice = mistake.split(":", 2)
        assert (file, 1 <= int(line) <= text.count("\n") + 1) == ("list", True)
        assert advice.strip()


def test_a_block_that_is_closed_costs_no_search() -> None:
    asked: list[str] = []

    def condition(text: str) -> Condition[str]:
        def test(subject: str) -> bool:
            asked.append(text)
            return text in subject

        return Condition(text, test, negated=False)

    outer, inner = condition("o"), condition("i")
    blocks = [(), (outer,), (outer, inner), (outer, inner), (outer,), ()]
    guards = {block: block for block in blocks}  # one object for all rules of a block, as the reader has it
    rules = [Rule(line, guards[block], condition(str(line)), "REJECT", None) for line, block in enumerate(blocks, 1)]
    find = Ruleset("pcre", Builder("list").built(), rules, "list").order("helo")
    assert find("x", 0) is None
    assert asked == ["1", "o", "o", "o", "6"]  # each block once, and nothing that stands in it
    asked.clear()
    match = find("oi4", 0)
    assert match is not None
    assert match.line == 4
    assert asked[:6] == ["1", "o", "2", "o", "i", "3"]
