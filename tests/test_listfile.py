"""One list file: whole versions only, and the last good one of them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from policyd.listfile import AT_ONCE, OPEN_END, STEADY, Change, ListFile
from policyd.tables.lists import Source

NOW = 1_700_000_000


class Admin:
    """Who writes the file of a list of senders; and the looks at it, one by one."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "senders"
        self.path.write_text("one@example.com\n")
        self.file = ListFile("sender", Source("policyd", str(self.path)))
        self.change: Change | None = None
        assert self.look(AT_ONCE)

    def look(self, patience: int = STEADY) -> bool:
        """One look: whether a version was judged."""
        change = self.file.read(patience, lambda: None) if self.file.is_due(patience) else None
        self.change = change or self.change
        return change is not None

    def has(self, sender: str) -> bool:
        table = self.file.table
        return table is not None and table.find(f"{sender}@example.com", NOW) is not None

    def rewrite(self, text: str) -> None:
        """As `policyd list` does: also a version of equal size in the same tick of the clock has another inode."""
        new = self.path.with_name("new")
        new.write_text(text)
        new.replace(self.path)


@pytest.fixture
def admin(tmp_path: Path) -> Admin:
    return Admin(tmp_path)


def test_a_file_that_did_not_change_is_not_read_again(admin: Admin) -> None:
    table = admin.file.table
    assert [admin.look() for _ in range(3)] == [False] * 3
    assert admin.file.table is table
    assert admin.has("one")


def test_an_edit_counts_after_it_stood_still_for_one_look(admin: Admin) -> None:
    old = admin.file.table
    admin.rewrite("two@example.com\n")
    assert not admin.look()
    assert admin.has("one")
    assert admin.look()
    assert admin.has("two")
    assert not admin.has("one")
    assert not admin.look()
    assert admin.change == Change(str(admin.path), 1, (), is_kept=False, is_gone=False, old=old)


def test_a_file_that_grows_is_waited_for(admin: Admin) -> None:
    for number in range(5):
        with admin.path.open("a") as file:
            file.write(f"more{number}@example.com\n")
        assert not admin.look(), "it changed since the look before"
    assert not admin.has("more0")
    assert admin.look()
    assert admin.has("more4")


@pytest.mark.parametrize("half", ["", "two@example.com\nthree@exam"])
def test_what_looks_half_written_is_waited_for_one_look_more(admin: Admin, half: str) -> None:
    admin.rewrite(half)
    assert [admin.look() for _ in range(OPEN_END)] == [False] * OPEN_END
    assert admin.has("one")
    assert admin.look(), "its writer left it so: it counts within two seconds all the same"
    assert not admin.has("one")


def test_a_file_that_changes_while_it_is_read_is_read_again(admin: Admin) -> None:
    admin.rewrite("two@example.com\n")
    admin.look()
    assert admin.file.is_due(STEADY)
    admin.rewrite("three@example.com\n")
    assert admin.file.read(STEADY, lambda: None) is None
    assert admin.has("one")
    assert [admin.look() for _ in range(2)] == [False, True]
    assert admin.has("three")


def test_a_change_that_keeps_size_and_time_is_seen(admin: Admin) -> None:
    before = admin.path.stat()
    admin.path.write_text("two@example.com\n")
    os.utime(admin.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [admin.look() for _ in range(2)] == [False, True]
    assert admin.has("two")


def test_a_bad_line_keeps_the_version_before(admin: Admin) -> None:
    admin.rewrite("two@example.com\nthree@example.com FROBNICATE\n")
    assert [admin.look() for _ in range(2)] == [False, True]
    assert admin.has("one")
    assert not admin.has("two")
    (mistake,) = admin.file.mistakes
    assert mistake.startswith(f"{admin.path}:2: ")
    assert admin.change == Change(str(admin.path), 1, (mistake,), is_kept=True, is_gone=False, old=None)
    admin.rewrite("two@example.com\n")
    assert [admin.look() for _ in range(2)] == [False, True]
    assert admin.has("two")
    assert admin.file.mistakes == ()


def test_a_bad_line_of_the_first_version_is_left_out_and_the_others_count(admin: Admin) -> None:
    admin.path.write_text("one@example.com\ntwo@example.com FROBNICATE\n")
    file = ListFile("sender", Source("policyd", str(admin.path)))
    assert file.is_due(AT_ONCE)
    change = file.read(AT_ONCE, lambda: None)
    assert change is not None
    assert (change.entries, len(change.mistakes), change.is_kept) == (1, 1, False)


def test_who_asks_for_it_is_told_of_old_mistakes_again(admin: Admin) -> None:
    admin.rewrite("two@example.com FROBNICATE\n")
    assert [admin.look() for _ in range(4)] == [False, True, False, False]
    assert admin.look(AT_ONCE)
    assert admin.change is not None
    assert admin.change.mistakes


def test_at_once_does_not_wait(admin: Admin) -> None:
    admin.rewrite("two@example.com")
    assert admin.look(AT_ONCE)
    assert admin.has("two")


def test_a_version_is_judged_once_however_many_ask(admin: Admin) -> None:
    admin.rewrite("two@example.com\n")
    admin.look()
    assert admin.file.is_due(STEADY)
    assert admin.file.is_due(STEADY)
    assert admin.file.read(STEADY, lambda: None) is not None
    assert admin.file.read(STEADY, lambda: None) is None


def test_a_moment_without_the_file_empties_no_list(admin: Admin) -> None:
    admin.path.unlink()  # as editors do that rename the old file away first
    assert not admin.look()
    admin.path.write_text("one@example.com\n")
    assert [admin.look() for _ in range(2)] == [False, True]
    assert admin.has("one")


def test_a_file_that_is_gone_takes_its_entries_with_it(admin: Admin) -> None:
    old = admin.file.table
    admin.path.unlink()
    assert [admin.look() for _ in range(2)] == [False, True]
    assert admin.file.table is None
    assert not admin.file.exists
    assert admin.change == Change(str(admin.path), 0, (), is_kept=False, is_gone=True, old=old)
    assert not admin.look()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "directory"])
def test_what_is_no_file_is_a_mistake_holds_nobody_up_and_keeps_the_entries(
    admin: Admin, make: Callable[[Path], None]
) -> None:
    admin.path.unlink()
    make(admin.path)
    assert [admin.look() for _ in range(3)] == [False, True, False]
    assert admin.has("one")
    (mistake,) = admin.file.mistakes
    assert mistake.startswith(f"{admin.path}: cannot be read: it is no file")
    assert admin.change is not None
    assert admin.change.is_kept


def test_what_never_was_a_file_has_nothing_to_keep(tmp_path: Path) -> None:
    file = ListFile("sender", Source("policyd", str(tmp_path)))
    assert file.is_due(AT_ONCE)
    change = file.read(AT_ONCE, lambda: None)
    assert change is not None
    assert (change.entries, change.is_kept) == (0, False)


def test_the_size_is_known_before_the_file_is_read(admin: Admin) -> None:
    admin.rewrite("x@example.com\n" * 1000)
    admin.file.is_due(STEADY)
    assert admin.file.size == 14_000


def test_a_name_that_no_file_can_have_is_a_mistake() -> None:
    file = ListFile("sender", Source("policyd", "a\0b"))
    assert file.is_due(AT_ONCE)
    change = file.read(AT_ONCE, lambda: None)
    assert change is not None
    assert len(change.mistakes) == 1
