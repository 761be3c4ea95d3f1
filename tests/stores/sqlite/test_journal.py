import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from policyd.stores.sqlite.journal import Group, Row, Segment, create_segment, read_secret, read_states
from policyd.stores.sqlite.state import State, freeze

ROWS: list[Row] = [(1, 10, 10, 0, 0, b"c\ns\nr"), (2, 20, 20, 0, 0, b"c\n\n"), (1, 10, 30, 1, 0, b"c\ns\nr")]


def segment(place: Path) -> Segment:
    return create_segment(7, place / "segment", b"secret", "full")


def test_a_group_tells_everyone_in_order_and_latecomers_at_once() -> None:
    group, told = Group(), []
    group.then(lambda done: told.append((1, done)))
    group.then(lambda done: told.append((2, done)))
    group.finish(True)
    group.then(lambda done: told.append((3, done)))
    assert told == [(1, True), (2, True), (3, True)]


def test_the_last_row_of_a_key_counts_and_is_read_while_the_writer_lives(tmp_path: Path) -> None:
    with closing(segment(tmp_path)) as written:
        written.append(ROWS)
        states: dict[int, State] = {}
        assert read_secret(written.path) == b"secret"
        assert read_states(written.path, states) == 3
    assert states == {1: freeze(10, 30, 1, 0), 2: freeze(20, 20, 0, 0)}
    assert (written.number, written.rows, written.commits) == (7, 3, 1)


def test_rows_are_appended_all_or_none(tmp_path: Path) -> None:
    with closing(segment(tmp_path)) as written:
        with pytest.raises(sqlite3.Error):
            written.append([ROWS[0], (2, None, 0, 0, 0, b"")])  # type: ignore[list-item]
        written.append(ROWS[1:2])
        states: dict[int, State] = {}
        read_states(written.path, states)
        assert list(states) == [2]


def test_what_cannot_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyd.stores.sqlite.journal.missing_steps", lambda *_: "nonsense")
    with pytest.raises(sqlite3.Error):
        segment(tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unfinished_segment_has_no_secret(tmp_path: Path) -> None:
    (tmp_path / "segment").touch()
    assert read_secret(tmp_path / "segment") is None


def test_a_leftover_is_not_written_to(tmp_path: Path) -> None:
    leftover = Segment(1, tmp_path / "segment", None, rows=3)
    with pytest.raises(sqlite3.OperationalError):
        leftover.append(ROWS)
    leftover.close()
