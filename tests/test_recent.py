"""The ring of decisions: what is found, how old it is, and that it has an end."""

import asyncio

from policyd.recent import KEPT, SLICE, Kept, Recent


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def find(recent: Recent, words: list[str], limit: int) -> list[Kept]:
    return asyncio.run(recent.find(words, limit))


def ring(*seconds: list[str]) -> tuple[Recent, Clock]:
    """One list of lines for each second; the last second is not over."""
    clock = Clock()
    recent = Recent(clock)
    for number, lines in enumerate(seconds):
        if number:
            clock.now += 1
            recent.tick()
        recent.keep(lines)
    return recent, clock


def test_the_newest_come_first_with_their_second() -> None:
    recent, _ = ring(["sender=a@x"], ["sender=b@x", "sender=A@X"], ["sender=a@x, last"])
    assert find(recent, ["a@x"], 10) == [
        Kept(102, "sender=a@x, last"), Kept(102, "sender=A@X"), Kept(101, "sender=a@x"),
    ]  # fmt: skip
    assert find(recent, ["a@x"], 1) == [Kept(102, "sender=a@x, last")]
    assert find(recent, ["b@x", "last"], 9) == [Kept(102, "sender=a@x, last"), Kept(102, "sender=b@x")]
    assert find(recent, ["nobody"], 9) == []


def test_only_seconds_that_are_over_are_told_and_each_once() -> None:
    recent, clock = ring(["one"], ["two", "three"], ["four"])
    assert recent.since(0, 10) == ([Kept(102, "three"), Kept(102, "two"), Kept(101, "one")], 0)
    assert recent.since(102, 10) == ([], 0)
    clock.now += 1
    recent.tick()
    assert recent.since(102, 10) == ([Kept(103, "four")], 0)
    assert recent.since(0, 2) == ([Kept(103, "four"), Kept(102, "three")], 2)


def test_an_idle_daemon_notes_no_time() -> None:
    recent, clock = ring(["one"], [])
    for _ in range(10):
        clock.now += 1
        recent.tick()
    assert list(recent._ring) == ["one", 101]
    assert recent.oldest == 101


def test_nothing_yet() -> None:
    recent = Recent(Clock())
    recent.tick()
    assert (find(recent, ["a"], 9), recent.since(0, 9), recent.oldest) == ([], ([], 0), 0)


def test_it_has_an_end() -> None:
    recent, _ = ring([str(number) for number in range(KEPT + 5)])
    assert len(recent._ring) == KEPT
    kept = find(recent, [""], 2 * KEPT)
    assert (kept[0].line, kept[-1].line) == (str(KEPT + 4), "5")


def test_mail_has_its_turn_while_somebody_looks() -> None:
    recent, _ = ring([str(number) for number in range(3 * SLICE)])
    turns = []

    async def story() -> None:
        looking = asyncio.ensure_future(recent.find(["nobody"], 1))
        while not looking.done():
            turns.append(1)
            await asyncio.sleep(0)

    asyncio.run(story())
    assert len(turns) >= 3


def test_the_last_ones() -> None:
    recent, _ = ring(["one"], ["two"], ["three"])
    assert [kept.line for kept in recent.last(2)] == ["three", "two"]
