"""Law tested: matches and mistakes carry file and line; of equal entries the first answers; the most specific wins."""

import re
import sys

from hypothesis import given
from hypothesis import strategies as st

from policyd.model.address import parse_address
from policyd.tables.syntax import parse_client, parse_recipient
from policyd.tables.table import Match, Source, Table


def _table(*texts: str) -> Table:
    return Table([Source(f"list{number}", text) for number, text in enumerate(texts)], parse_client)


def test_a_match_names_its_file_and_line() -> None:
    table = _table("# first\nexample.com\n", "\n\nexample.org\n192.0.2\n/^mx/\n")
    assert table.find_domain("mail.example.com") == Match("list0", 2, "example.com")
    assert table.find_domain("example.org") == Match("list1", 3, "example.org")
    address = parse_address("192.0.2.9")
    assert address is not None
    assert table.find_address(address) == Match("list1", 4, "192.0.2.0/24")
    assert str(table.find_pattern("mx1")) == "list1:5: /^mx/"


def test_of_equal_entries_the_first_answers() -> None:
    table = _table("example.com\nEXAMPLE.com", "example.com\n*.a.example\n.a.example\n10\n10.0.0.0/8\n")
    assert table.find_key("example.com") == Match("list0", 1, "example.com")
    assert table.find_key(".a.example") == Match("list1", 2, ".a.example")
    assert len(table) == 3


def test_the_most_specific_entry_wins() -> None:
    table = _table("example.com\n.example.com\nmail.example.com\n10\n10.1.2\n10.1\n")
    assert [str(table.find_domain(name)) for name in ("mail.example.com", "a.example.com", "example.com")] == [
        "list0:3: mail.example.com",
        "list0:2: .example.com",
        "list0:1: example.com",
    ]
    for text, line in (("10.1.2.3", 5), ("10.1.9.9", 6), ("10.9.9.9", 4)):
        address = parse_address(text)
        assert address is not None
        match = table.find_address(address)
        assert match is not None
        assert match.line == line


def test_mistakes_name_file_and_line_and_leave_the_good_lines() -> None:
    table = _table("example.com\n10.0.0.300\n", "a b\nexample.org")
    assert [mistake.split(": ")[0] for mistake in table.mistakes] == ["list0:2", "list1:1"]
    assert len(table) == 2


def test_long_texts_are_nobody() -> None:
    table = _table("example.com\n/a/\n")
    assert table.find_domain("a." * 130 + "example.com") is None
    assert table.find_pattern("a" * 256) is None
    assert table.find_pattern("a" * 255) is not None


def test_nothing_matches_nothing() -> None:
    address = parse_address("::1")
    assert address is not None
    assert (_table().find_domain("a"), _table("").find_address(address), _table("").find_pattern("a")) == (None,) * 3
    assert len(_table()) == 0


def test_an_entry_costs_little_more_than_its_text() -> None:
    """So that the list can grow: the whole engine is to keep an entry in 250 bytes."""
    table = _table("\n".join(f"host{number}.example.com" for number in range(1000, 6000)))
    keys = table._keys
    size = sys.getsizeof(keys) + sum(sys.getsizeof(key) + sys.getsizeof(place) for key, place in keys.items())
    assert size / len(table) < 180


@given(st.lists(st.text('ab.*@/:#019 \n\r"', max_size=60) | st.text(), max_size=3))
def test_arbitrary_text_never_raises_and_mistakes_are_numbered(texts: list[str]) -> None:
    sources = [Source(f"list{number}", text) for number, text in enumerate(texts)]
    for parse in (parse_client, parse_recipient):
        for mistake in Table(sources, parse).mistakes:
            file, line, advice = mistake.split(":", 2)
            index = int(file.removeprefix("list"))
            assert 1 <= int(line) <= texts[index].count("\n") + 1
            assert advice.strip()
            assert mistake.isprintable()


def test_patterns_are_found_together_as_they_are_one_by_one() -> None:
    texts = ["/^mx(1|2)\\./", "/pool$/", "/(a)b\\1/", "/x{2}|y/", "/(?s)q.r/", "/^b|z$/", "/^(?:mx|w[(]?x)9/"]
    for written in (texts, texts[:2], texts[1:2], []):
        table = Table([Source("list", "\n".join(written))], parse_client)
        for name in (
            "mx1.example",
            "mx3.example",
            "whirlpool",
            "pools",
            "aba",
            "abb",
            "xx",
            "y",
            "x",
            "qqr",
            "b",
            "az",
            "ab",
            "mx9",
            "amx9",
            "w(x9",
        ):
            alone = [n + 1 for n, text in enumerate(written) if re.search(text.strip("/"), name)]
            found = table.find_pattern(name)
            assert (found.line if found else None) == (alone[0] if alone else None)
