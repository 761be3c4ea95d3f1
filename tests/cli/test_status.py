"""How a daemon's status is shown, and its exit status."""

import json
from pathlib import Path
from typing import Any

import pytest

from policyd.cli import main, status
from policyd.cli.status import _lines

GOOD: dict[str, Any] = {
    "state": "serving", "why": "", "version": "1.0", "pid": 7, "uptime": 90061, "places": "inet:127.0.0.1:10030",
    "requests": 3, "connections": 1, "parts": [{"part": "store", "troubles": [], "detail": "memory:, 3 entries"}],
}  # fmt: skip
BAD = GOOD | {"state": "degraded", "parts": [{"part": "lists", "troubles": ["a:1: wrong", "b:2: wrong"], "detail": ""}]}


def test_a_good_one() -> None:
    assert list(_lines(GOOD)) == [
        "serving: policyd 1.0 on inet:127.0.0.1:10030, process 7, up 1 day, 1:01:01",
        "  3 requests answered, 1 connection open",
        "  store      good     memory:, 3 entries",
    ]


def test_a_bad_one_says_why() -> None:
    assert list(_lines(BAD))[2:] == [
        "  lists      TROUBLE", "             a:1: wrong", "             b:2: wrong",
    ]  # fmt: skip


@pytest.mark.parametrize(("answer", "code"), [(GOOD, 0), (BAD, 1)])
def test_the_exit_status(
    answer: dict[str, Any], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(status, "ask", lambda *_: answer)
    assert main(["status", "--json"]) == code
    assert json.loads(capsys.readouterr().out) == answer


def test_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json", "--socket", str(tmp_path / "s")]) == 3
    out, err = capsys.readouterr()
    assert json.loads(out)["state"] == "down"
    assert err.startswith("policyd status: no daemon runs behind ")
