"""The watch: nothing of it in the loop's thread, every change told once, and no table freed while it is asked."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from policyd import watch as watching
from policyd.listfile import Change, ListFile
from policyd.lists import Lists
from policyd.tables.lists import Table, TableList
from policyd.watch import TOLD, Watch, tell_change, tell_mistakes

NOW = 1_700_000_000


class House:
    """A watch over a list of senders in `file`, with looks made by hand."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "senders"
        self.file.write_text("one@example.com\n")

    async def open(self) -> TableList:
        table_list, lists = await self.watch.open(self.build)
        self.watch.follow(lists)
        return table_list

    def build(self, lists: Lists) -> TableList:
        return lists.open("blacklist", "sender", [str(self.file)])

    def edit(self, text: str) -> None:
        new = self.file.with_name("new")
        new.write_text(text)
        new.replace(self.file)

    async def looks(self, count: int = 2) -> None:
        for _ in range(count):
            await self.watch.look()
        await asyncio.gather(*self.watch._reading.values())

    def play(self, story: Callable[[TableList], Awaitable[None]]) -> None:
        async def tell() -> None:
            self.watch = Watch()
            try:
                await story(await self.open())
            finally:
                self.watch.close()

        asyncio.run(tell())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_change_is_in_force_after_two_looks_and_told(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def story(senders: TableList) -> None:
        (old,) = senders.tables
        house.edit("two@example.com\n")
        await house.looks()
        assert senders.match("two@example.com", NOW)
        assert not senders.match("one@example.com", NOW)
        assert old not in senders.tables

    with caplog.at_level(logging.INFO):
        house.play(story)
    assert caplog.messages == [f"{house.file}: taken, 1 entry"]


def test_a_mistake_is_told_once_and_the_version_before_stays(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def story(senders: TableList) -> None:
        house.edit("two@example.com FROBNICATE\n")
        await house.looks(4)
        assert senders.match("one@example.com", NOW)

    with caplog.at_level(logging.INFO):
        house.play(story)
    mistake, kept = caplog.messages
    assert mistake.startswith(f"{house.file}:1: ")
    assert kept == f"{house.file}: not taken; what it said before stays in force, 1 entry"


def test_a_file_that_goes_is_told(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async def story(senders: TableList) -> None:
        house.file.unlink()
        await house.looks()
        assert not senders.match("one@example.com", NOW)

    with caplog.at_level(logging.INFO):
        house.play(story)
    assert caplog.messages == [f"{house.file}: is gone, and its entries with it"]


def test_at_once_is_in_force_when_it_returns(house: House) -> None:
    async def story(senders: TableList) -> None:
        house.edit("two@example.com")
        await house.watch.look_at_once()
        assert senders.match("two@example.com", NOW)

    house.play(story)


def test_mistakes_of_the_start_are_told(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.edit("one@example.com FROBNICATE\n")

    async def story(_: TableList) -> None:
        before = len(caplog.messages)
        assert before == 1
        await house.open()  # a reload of unchanged settings has nothing new to say
        assert len(caplog.messages) == before

    house.play(story)
    assert caplog.messages[0].startswith(f"{house.file}:1: ")


def test_a_reload_follows_the_new_lists_and_frees_the_old_ones(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(senders: TableList) -> None:
        (old,) = senders.tables
        dissolved = []
        monkeypatch.setattr(Table, "dissolve", lambda table, pause: dissolved.append(table))
        other = house.file.with_name("other")
        other.write_text("two@example.com\n")
        house.file = other
        others = await house.open()
        assert others.match("two@example.com", NOW)
        await house.looks()  # in the same thread, so it is done now
        assert dissolved == [old]

    house.play(story)


def test_what_was_read_while_new_lists_were_opened_is_in_force(house: House) -> None:
    async def story(_: TableList) -> None:
        others, heir = await house.watch.open(house.build)
        house.edit("two@example.com\n")
        await house.looks()
        house.watch.follow(heir)
        assert others.match("two@example.com", NOW)

    house.play(story)


def test_a_large_file_holds_up_neither_the_loop_nor_a_small_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LARGE", 100)
    gate, threads = threading.Event(), set()
    read = ListFile.read

    def slow_read(file: ListFile, patience: int, pause: Callable[[], None]) -> Change | None:
        threads.add(threading.current_thread())
        if file.size > 100:
            assert gate.wait(10)
        return read(file, patience, pause)

    async def story(senders: TableList) -> None:
        monkeypatch.setattr(ListFile, "read", slow_read)
        house.edit("two@example.com\n" * 20)
        house.file.with_name("senders.local").write_text("small@example.com\n")
        await house.watch.look()
        await house.watch.look()
        while not senders.match("small@example.com", NOW):
            await asyncio.sleep(0.001)
        assert not senders.match("two@example.com", NOW)
        gate.set()
        await house.looks(0)
        assert senders.match("two@example.com", NOW)

    house.play(story)
    assert len(threads) == 2
    assert threading.current_thread() not in threads


def test_the_end_does_not_wait_for_a_list(house: House) -> None:
    async def story(_: TableList) -> None:
        house.edit("".join(f"{number}@example.com\n" for number in range(20_000)))
        house.watch._rest = 0.1  # so that all of it would take many seconds
        task = asyncio.create_task(house.watch.look_at_once())
        while not house.watch._reading:
            await asyncio.sleep(0.001)
        house.watch.close()
        await asyncio.gather(task, return_exceptions=True)

    begin = time.monotonic()
    house.play(story)
    assert time.monotonic() - begin < 3


def test_a_bug_ends_neither_the_watch_nor_the_list(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def story(senders: TableList) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("policyd.listfile.compile_table", broken)
            house.edit("two@example.com\n")
            await house.looks(6)
        assert senders.match("one@example.com", NOW)
        house.edit("three@example.com\n")
        await house.looks()
        assert senders.match("three@example.com", NOW)

    house.play(story)
    assert [message for message in caplog.messages if message.startswith("a bug")] == [
        f"a bug: {house.file} was not read; please report it with the lines below"
    ]


def test_the_watch_looks_by_itself(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.005)

    async def story(senders: TableList) -> None:
        task = asyncio.create_task(house.watch.keep())
        house.edit("two@example.com\n")
        async with asyncio.timeout(5):
            while not senders.match("two@example.com", NOW):
                await asyncio.sleep(0.001)
        task.cancel()

    house.play(story)


def test_many_mistakes_are_told_in_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    tell_mistakes([f"/etc/list:{number}: is wrong" for number in range(1, 31)])
    assert len(caplog.messages) == TOLD + 1
    assert caplog.messages[-1] == "/etc/list: and 20 more mistakes; `policyd check` shows all"


def test_the_first_version_with_mistakes_is_told_as_taken(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell_change(Change("/etc/list", 3, ("/etc/list:4: is wrong",), is_kept=False, is_gone=False, old=None))
    assert caplog.messages == ["/etc/list:4: is wrong", "/etc/list: taken without what is wrong, 3 entries"]


def test_what_cannot_be_read_is_not_told_as_taken(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell_change(Change("/etc/list", 0, ("/etc/list: cannot be read: no",), is_kept=False, is_gone=False, old=None))
    assert caplog.messages == ["/etc/list: cannot be read: no"]
