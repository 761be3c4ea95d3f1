"""The lists of a configuration: all files that belong to a name, in their order, as they come and go."""

from pathlib import Path

import pytest

from policyd.listfile import STEADY
from policyd.lists import Lists, files_of
from policyd.tables.lists import Match, TableList

NOW = 1_700_000_000


class Desk:
    """A list of senders in `file`, and the clock of its looks."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "senders"
        self.lists = Lists()
        self.list: TableList | None = None

    def open(self) -> "Desk":
        self.list = self.lists.open("blacklist", "sender", [str(self.file)])
        return self

    def look(self) -> list[str]:
        """One look, and what was read because of it."""
        due = self.lists.due(STEADY)
        read = [Path(file.path).name for file in due if file.read(STEADY, lambda: None)]
        self.lists.renew()
        return read

    def match(self, name: str) -> Match | None:
        assert self.list is not None
        return self.list.match(f"{name}@example.com", NOW)

    def has(self, sender: str) -> bool:
        assert self.list is not None
        return self.list.match(sender, NOW) is not None

    @property
    def mistakes(self) -> list[str]:
        return [text for group in self.lists.mistakes() for text in group]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_list_is_loaded_when_it_is_opened(desk: Desk) -> None:
    desk.file.write_text("spam@example.com\n")
    assert desk.open().has("spam@example.com")
    assert desk.mistakes == []
    assert desk.look() + desk.look() == []


def test_the_files_of_a_name_in_the_order_they_are_asked(tmp_path: Path) -> None:
    directory = tmp_path / "list.d"
    directory.mkdir()
    for name in ("20-b", "10-a", ".hidden", "10-a~", "x.bak", "y.swp", "z.dpkg-old", "w.rpmnew", "#v#", "u.tmp"):
        (directory / name).touch()
    path = str(tmp_path / "list")
    assert files_of(path) == [f"{path}.local", f"{path}.d/10-a", f"{path}.d/20-b", path]


def test_the_first_file_with_an_answer_answers(desk: Desk) -> None:
    parts = desk.file.with_name("senders.d")
    parts.mkdir()
    desk.file.write_text("a@example.com 550 main\nb@example.com 550 main\nc@example.com 550 main\n")
    (parts / "1").write_text("a@example.com 550 one\nb@example.com 550 one\n")
    desk.file.with_name("senders.local").write_text("a@example.com 550 local\n")
    desk.open()
    texts = [match and match.action and match.action.text for match in map(desk.match, "abc")]
    assert texts == ["local", "one", "main"]


def test_companions_come_and_go(desk: Desk) -> None:
    desk.file.write_text("main@example.com\n")
    desk.open()
    local, parts = desk.file.with_name("senders.local"), desk.file.with_name("senders.d")
    local.write_text("local@example.com\n")
    parts.mkdir()
    (parts / "1").write_text("part@example.com\n")
    assert [sorted(desk.look()) for _ in range(2)] == [[], ["1", "senders.local"]]
    assert desk.has("local@example.com")
    assert desk.has("part@example.com")
    local.unlink()
    (parts / "1").unlink()
    assert [sorted(desk.look()) for _ in range(2)] == [[], ["1", "senders.local"]]
    assert not desk.has("local@example.com")
    assert not desk.has("part@example.com")
    assert desk.has("main@example.com")


def test_a_missing_file_is_a_mistake_unless_a_companion_stands_there(desk: Desk) -> None:
    desk.open()
    assert desk.mistakes == [
        f"{desk.file}: no such file, create it or take it out of [blacklist] senders; read as empty"
    ]
    assert desk.lists.figures()[0].bad_lines == 1
    desk.file.with_name("senders.local").write_text("one@example.com\n")
    desk.look()
    desk.look()
    assert desk.mistakes == []


def test_a_list_without_entries_has_no_tables(desk: Desk) -> None:
    desk.file.write_text("# nobody\n")
    desk.open()
    assert desk.list is not None
    assert desk.list.tables == ()


def test_tables_that_did_not_change_are_not_replaced(desk: Desk) -> None:
    desk.file.write_text("one@example.com\n")
    desk.open()
    assert desk.list is not None
    before = desk.list.tables
    desk.look()
    assert desk.list.tables is before


def test_what_is_larger_than_the_budget_is_read_later(desk: Desk) -> None:
    desk.lists = Lists(budget=5)
    desk.file.write_text("one@example.com\n")
    desk.open()
    assert desk.lists.postponed == [str(desk.file)]
    assert not desk.has("one@example.com")
    assert desk.mistakes == []
    assert desk.look() == ["senders"]
    assert desk.has("one@example.com")


def test_an_heir_reads_only_what_is_new(desk: Desk, tmp_path: Path) -> None:
    desk.file.write_text("one@example.com\n")
    desk.open()
    (tmp_path / "new").write_text("new@example.com\n")
    heir = desk.lists.heir()
    both = heir.open("blacklist", "sender", [str(desk.file), str(tmp_path / "new")])
    assert desk.list is not None
    assert both.tables[0] is desk.list.tables[0]
    assert both.match("new@example.com", NOW) is not None
    assert desk.lists.bequeath(heir) == []


def test_what_an_heir_does_not_use_is_freed(desk: Desk, tmp_path: Path) -> None:
    desk.file.write_text("one@example.com\n")
    desk.open()
    (tmp_path / "other").write_text("two@example.com\n")
    heir = desk.lists.heir()
    heir.open("blacklist", "sender", [str(tmp_path / "other")])
    assert desk.list is not None
    assert desk.lists.bequeath(heir) == [desk.list.tables[0]]


def test_lists_of_one_option_are_counted_together(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a@example.com\n")
    (tmp_path / "b").write_text("b@example.com\nc@example.com\n")
    desk.lists.open("whitelist", "sender", [str(tmp_path / "a")])
    desk.lists.open("whitelist", "sender", [str(tmp_path / "b"), str(tmp_path / "none")])
    desk.lists.open("whitelist", "helo", [])
    assert [figures[:3] for figures in desk.lists.figures()] == [
        ("whitelist.senders", 3, 1),
        ("whitelist.helo", 0, 0),
    ]


def test_an_element_that_names_no_list_is_a_sentence(desk: Desk) -> None:
    with pytest.raises(ValueError, match="mysql"):
        desk.lists.open("blacklist", "sender", ["mysql:/etc/postfix/access.cf"])
