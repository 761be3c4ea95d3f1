"""The verbs of `policyd rbl`."""

import pytest

from policyd.cli import main


def test_help_and_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rbl", "--help"]) == 0
    assert "policyd rbl test 127.0.0.2" in capsys.readouterr().out
    assert main(["rbl"]) == 2
    assert main(["rbl", "tset"]) == 2
    assert "did you mean 'test'?" in capsys.readouterr().err
