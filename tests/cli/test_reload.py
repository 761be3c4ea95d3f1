"""What became of a reload, and the exit status that scripts go by."""

import json
from pathlib import Path
from typing import Any

import pytest

from policyd.cli import main, reload
from policyd.model.errors import Refused


def answer(monkeypatch: pytest.MonkeyPatch, mistakes: list[str]) -> None:
    monkeypatch.setattr(reload, "ask", lambda *_: {"generation": 2, "mistakes": mistakes})


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: Any) -> None:
        raise Refused("the old settings stay in force", ["p.toml:2: wrong"])

    monkeypatch.setattr(reload, "ask", ask)


def test_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(monkeypatch, [])
    assert main(["reload"]) == 0
    assert capsys.readouterr() == ("new settings are in force (generation 2)\n", "")


def test_taken_with_a_broken_list(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(monkeypatch, ["l:1: wrong"])
    assert main(["reload"]) == 1
    out, err = capsys.readouterr()
    assert out == "new settings are in force (generation 2), but its lists have 1 mistake\n"
    assert err == "l:1: wrong\n"
    assert main(["reload", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"taken": True, "generation": 2, "mistakes": ["l:1: wrong"]}


def test_not_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    refuse(monkeypatch)
    assert main(["reload"]) == 1
    assert capsys.readouterr().err == "p.toml:2: wrong\npolicyd reload: the old settings stay in force\n"
    assert main(["reload", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["mistakes"] == ["p.toml:2: wrong"]


def test_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reload", "--socket", str(tmp_path / "s")]) == 3
    assert "no daemon runs behind" in capsys.readouterr().err
