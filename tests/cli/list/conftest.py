"""The small configuration of house.py, new for every test."""

from pathlib import Path

import pytest

from tests.cli.list.house import House, build


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> House:
    return build(tmp_path, capsys)
