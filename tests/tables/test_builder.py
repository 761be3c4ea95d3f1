"""Law tested: every entry is kept once, with what stands beside it; a wrong right-hand side is refused."""

import pytest

from policyd.model.address import parse_address
from policyd.tables.builder import Builder
from policyd.tables.networks import parse_network
from policyd.tables.patterns import compile_pattern
from policyd.tables.syntax import Key, Pattern


def test_each_kind_of_entry_is_found_again() -> None:
    builder = Builder("list")
    builder.add(Key("example.com"), 1, "")
    builder.add(parse_network("192.0.2.0/24"), 2, "")
    builder.add(Pattern("/^mx/", compile_pattern("^mx")), 3, "REJECT no")
    entries, address = builder.built(), parse_address("192.0.2.9")
    assert address is not None
    assert str(entries.find_domain("a.example.com", 0)) == "list:1: example.com"
    assert str(entries.find_address(address, 0)) == "list:2: 192.0.2.0/24"
    assert str(entries.find_pattern("mx1", 0)) == "list:3: /^mx/"
    assert len(entries) == 3


def test_of_equal_entries_those_are_kept_that_can_answer() -> None:
    builder = Builder("list")
    for line, right in enumerate(["[until=2001-01-01]", "[from=2001-01-02]", "REJECT", "[from=2002-01-01]", ""], 1):
        builder.add_key("a", line, right)
        builder.add_network(4, 8, 10, line, right)
    assert len(builder.built()) == 6


def test_networks_of_other_lengths_and_versions_are_others() -> None:
    builder = Builder("list")
    for text in ("0.0.0.0/0", "0.0.0.0/1", "0.0.0.0/8", "0.0.0.0", "::/0", "::/8", "::", "128.0.0.0/1"):
        builder.add(parse_network(text), 1, "")
    entries = builder.built()
    assert len(entries) == 8
    for text, entry in (("0.0.0.0", "0.0.0.0"), ("0.0.0.1", "0.0.0.0/8"), ("127.1.1.1", "0.0.0.0/1"), ("::1", "::/8")):
        address = parse_address(text)
        assert address is not None
        assert str(entries.find_address(address, 0)) == f"list:1: {entry}"


def test_many_different_texts_are_all_kept() -> None:
    builder = Builder("list")
    for line in range(1, 10_001):
        builder.add_key(f"host{line}", line, f"REJECT case {line}")
    entries = builder.built()
    for line in (1, 4096, 4097, 10_000):
        match = entries.find_key(f"host{line}", 0)
        assert match is not None
        assert (match.line, match.action and match.action.text) == (line, f"case {line}")


def test_a_wrong_right_hand_side_is_refused_and_nothing_is_kept() -> None:
    builder = Builder("list")
    for right in ("permit", "[until=x]", "[until=2001-01-01] NOTHING"):
        with pytest.raises(ValueError, match=r"."):
            builder.add_key("a", 1, right)
        with pytest.raises(ValueError, match=r"."):
            builder.add(Pattern("/a/", compile_pattern("a")), 1, right)
    assert len(builder.built()) == 0
