"""Law tested: the first active entry answers, inactive ones are as if absent; an entry costs little; patterns are found
together as they are one by one."""

import re
import tracemalloc

import pytest

from policyd.model.address import parse_address
from policyd.tables.builder import Builder
from policyd.tables.entries import Entries, network_entry
from policyd.tables.lists import Client, Source, compile_table
from policyd.tables.mistakes import Mistakes
from policyd.tables.patterns import MAX_TEXT
from policyd.tables.plain import compile_plain


def entries(*lines: str) -> Entries:
    builder, mistakes = Builder("list"), Mistakes("list")
    compile_plain("client", builder, "\n".join(lines), mistakes, lambda: None)
    assert mistakes.told() == ()
    return builder.built()


JANUARY, MAY, DECEMBER = 1_767_225_600, 1_777_593_600, 1_798_675_200  # of 2026


@pytest.mark.parametrize(
    ("now", "line", "action"), [(JANUARY, 2, "in winter"), (MAY, 3, "in spring"), (DECEMBER, 4, "else")]
)
def test_of_equal_entries_the_first_active_one_answers(now: int, line: int, action: str) -> None:
    found = entries(
        "com REJECT far",
        "[until=2026-02-28T00:00Z] example.com REJECT in winter",
        "[until=2026-06-01T00:00Z] EXAMPLE.com REJECT in spring",
        "example.com REJECT else",
        "example.com REJECT never",
    ).find_domain("mx.example.com", now)
    assert found is not None
    assert (found.line, found.action and found.action.text, found.window is None) == (line, action, now == DECEMBER)


def test_what_is_not_active_leaves_the_answer_to_the_next() -> None:
    short = "[until=2026-02-01]"
    table = entries("10.0.0.0/8", f"{short} 10.1.0.0/16", "com", f"{short} example.com", f"{short} /^mx/", "/x/")
    address = parse_address("10.1.2.3")
    assert address is not None
    for now, network, domain, pattern in ((JANUARY, 2, 4, 5), (MAY, 1, 3, 6)):
        found = [table.find_address(address, now), table.find_domain("example.com", now), table.find_pattern("mx", now)]
        assert [match and match.line for match in found] == [network, domain, pattern]
    assert entries("[until=2026-02-01] example.com").find_key("example.com", MAY) is None


def test_the_first_network_of_a_file() -> None:
    address = parse_address("10.1.2.3")
    assert address is not None
    assert str(entries("11/8", "10.1", "10.1.2.3", "10").find_first_network(address, 0)) == "list:2: 10.1.0.0/16"
    timed = entries("[until=2026-02-01] 10.1", "10.1.2.3", "10.1")
    assert str(timed.find_first_network(address, JANUARY)) == "list:1: 10.1.0.0/16"
    assert str(timed.find_first_network(address, MAY)) == "list:2: 10.1.2.3"
    assert entries("11/8").find_first_network(address, 0) is None


def test_the_most_specific_entry_wins() -> None:
    table = entries("example.com", ".example.com", "mail.example.com", "10", "10.1.2", "10.1")
    assert [str(table.find_domain(name, 0)) for name in ("mail.example.com", "a.example.com", "example.com")] == [
        "list:3: mail.example.com",
        "list:2: .example.com",
        "list:1: example.com",
    ]
    for text, line in (("10.1.2.3", 5), ("10.1.9.9", 6), ("10.9.9.9", 4)):
        address = parse_address(text)
        assert address is not None
        match = table.find_address(address, 0)
        assert match is not None
        assert match.line == line


def test_long_texts_have_no_pattern() -> None:
    table = entries("/a/")
    assert table.find_pattern("a" * (MAX_TEXT + 1), 0) is None
    assert table.find_pattern("a" * MAX_TEXT, 0) is not None


def test_nothing_matches_nothing() -> None:
    table, address = entries(), parse_address("::1")
    assert address is not None
    found = [
        table.find_domain("a", 0),
        table.find_address(address, 0),
        table.find_pattern("a", 0),
        table.find_key("", 0),
    ]
    assert found == [None] * 4
    assert len(table) == 0


@pytest.mark.parametrize(
    ("version", "key", "text"), [(4, 1, "0.0.0.0/0"), (4, 1 << 32 | 5, "0.0.0.5"), (6, 3, "8000::/1")]
)
def test_networks_are_shown_in_their_plainest_spelling(version: int, key: int, text: str) -> None:
    assert network_entry(version, key) == text


@pytest.mark.parametrize(
    "line",
    ["mx{0}.example{0}.com", "{1}.{2}.3.4", "10.{1}.{2}.0/24", "mx{0}.example.com REJECT no", "a{0}.b REJECT case {0}"],
)
def test_an_entry_costs_at_most_250_bytes(line: str) -> None:
    count = 4_000
    text = "\n".join(line.format(number, number & 255, number >> 8) for number in range(count))
    tracemalloc.start()
    table = compile_table("client", Source("policyd", "list"), text)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert table.mistakes == ()
    assert size / len(table) < 250


def test_patterns_are_found_together_as_they_are_one_by_one() -> None:
    texts = ["/^mx(1|2)\\./", "/pool$/", "/(a)b\\1/", "/x{2}|y/", "/(?s)q.r/", "/^b|z$/", "/^(?:mx|w[(]?x)9/"]
    names = "mx1.example mx3.example whirlpool pools aba abb xx y x qqr b az ab mx9 amx9 w(x9"
    for written in (texts, texts[:2], texts[1:2], texts[:3], []):
        table = entries(*written)
        for name in names.split():
            alone = [number for number, text in enumerate(written, 1) if re.search(text.strip("/"), name)]
            found = table.find_pattern(name, 0)
            assert (found and found.line) == (alone[0] if alone else None)


def test_dissolving_leaves_nothing_behind() -> None:
    text = "\n".join(f"host{number}.example.com REJECT case {number}" for number in range(20_000))
    tracemalloc.start()
    table, pauses = compile_table("client", Source("policyd", "list"), text), list[None]()
    assert table.find(Client(None, "host7.example.com"), 0) is not None
    before, _ = tracemalloc.get_traced_memory()
    table.dissolve(lambda: pauses.append(None))
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after < before / 10
    assert len(pauses) > 256
