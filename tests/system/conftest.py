"""What every system test gets: the marker `system`, a directory, and a policyd with a Postfix in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.parts import laboratory

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder, so that no file can forget it."""
    for item in items:
        if item.path.parent == _HERE:
            item.add_marker(pytest.mark.system)


@pytest.fixture
def lab() -> Iterator[Path]:
    """A directory of the test's own."""
    with laboratory() as path:
        yield path
