"""Law tested: every form is measured, and what is measured is a list that answers."""

import pytest

from bench.lists import TASKS, Task, lines, measure


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_small_list_of_every_form(task: Task) -> None:
    figures = measure(task, 400)
    assert figures.entries > 300  # some networks come twice
    assert 0 < figures.bytes_each < 5000
    assert 0 < figures.lookup_us < 1000


def test_one_row_a_task() -> None:
    head, *rows = lines(50, TASKS[:2])
    assert "bytes each" in head
    assert [row[:24].strip() for row in rows] == [task.name for task in TASKS[:2]]
