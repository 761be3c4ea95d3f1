"""Who is busiest, and that each decision is counted once."""

import json
import os
from typing import Any

import pytest

from policyd.cli import main, top

LINES = [
    "action=greylist, reason=new, client_address=192.0.2.1, sender=a@spam.example, recipient=r@example.net, id=1",
    "action=greylist, reason=new, client_address=192.0.2.9, sender=b@spam.example, recipient=r@example.net, id=2",
    "action=pass, reason=client AWL, client_address=203.0.113.9, recipient=r@example.net, id=3",
]


class FakeConnection:
    def __init__(self, *_: object) -> None:
        self.asked: list[int] = []

    def __enter__(self) -> "FakeConnection":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        assert verb == "recent"
        self.asked.append(arguments["after"])
        if len(self.asked) > 1:
            return {"decisions": [], "left_out": 5}
        return {"decisions": [[1_000_000_007, line] for line in LINES], "left_out": 0}


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    fake = FakeConnection()
    monkeypatch.setattr(top, "Connection", lambda *_: fake)
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("time.time", lambda: 1_000_000_000.0)
    return fake


def test_json(connection: FakeConnection, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--json", "--seconds", "2"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert connection.asked == [1_000_000_000, 1_000_000_007, 1_000_000_007]
    assert (counted["decisions"], counted["left_out"]) == (3, 10)
    assert counted["networks"] == [{"name": "192.0.2.0/24", "count": 2}, {"name": "203.0.113.0/24", "count": 1}]
    assert counted["senders"] == [{"name": "spam.example", "count": 2}, {"name": "<>", "count": 1}]
    assert counted["reasons"][0] == {"name": "new", "count": 2}


def test_where_nothing_was_decided_there_are_no_headings() -> None:
    assert list(top.table(top.summary(top.deque()))) == ["0 decisions in 0 s"]


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["top", "--seconds", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("3 decisions in 2 s, 5 more not looked at\n")
    assert "\nnetworks\n        2  192.0.2.0/24\n" in out


def test_on_a_terminal_until_ctrl_c(
    connection: FakeConnection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    def sleep(_: float) -> None:
        if len(connection.asked) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    assert main(["top"]) == 0
    assert connection.asked == [1_000_000_000 - top.WINDOW, 1_000_000_007]
    assert capsys.readouterr().out.count("\033[H\033[2J") == 2


@pytest.mark.parametrize(("height", "rows"), [(24, 2), (60, 8), (3, 1)])
def test_a_terminal_shows_what_fits(height: int, rows: int) -> None:
    counts = [{"name": "x" * 99, "count": 1}] * 8
    names = ("actions", "reasons", "networks", "senders", "recipients")
    counted: dict[str, Any] = {"decisions": 8, "seconds": 1, "left_out": 0, **dict.fromkeys(names, counts)}
    lines = top.fitted(counted, os.terminal_size((40, height)))
    assert len([line for line in lines if "x" in line]) == 5 * rows
    assert max(map(len, lines)) == 40
    assert len(lines) < max(height, 5 * 3 + 2)


@pytest.mark.parametrize("seconds", ["0", "x", "-1", "99999"])
def test_wrong_usage(seconds: str) -> None:
    assert main(["top", "--seconds", seconds]) == 2
