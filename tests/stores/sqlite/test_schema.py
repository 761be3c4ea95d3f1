import sqlite3
from contextlib import closing

import pytest

from policyd.stores.sqlite.schema import Kind, SchemaError, missing_steps, steps

KINDS: tuple[Kind, ...] = ("archive", "journal")


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_numbered_from_one_without_a_gap(kind: Kind) -> None:
    assert [number for number, _ in steps(kind)] == list(range(1, len(steps(kind)) + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_all_steps_bring_a_new_file_up_to_date_and_give_it_its_secret(kind: Kind) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(missing_steps(kind, 0, b"\x00secret"))
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        assert missing_steps(kind, version) == ""
        assert connection.execute("SELECT value FROM meta WHERE name = 'secret'").fetchone() == (b"\x00secret",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_newer_file_is_refused(kind: Kind) -> None:
    with pytest.raises(SchemaError, match="version 99, this policyd knows"):
        missing_steps(kind, 99)
