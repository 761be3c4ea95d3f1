"""Law tested: every mistake has file and line, and there are never too many sentences."""

from policyd.tables.mistakes import MOST, Mistakes


def test_a_mistake_has_its_line() -> None:
    mistakes = Mistakes("list")
    mistakes.add(3, ValueError("write it otherwise"))
    mistakes.add(9, "gone")
    assert mistakes.told() == ("list:3: write it otherwise", "list:9: gone")


def test_what_is_wrong_everywhere_is_told_once() -> None:
    mistakes = Mistakes("list")
    for line in range(1, MOST + 501):
        mistakes.add(line, "wrong")
    told = mistakes.told()
    assert len(told) == MOST + 1
    assert told[-1] == f"list:{MOST + 1}: and 500 more mistakes from here on: correct the others first"
