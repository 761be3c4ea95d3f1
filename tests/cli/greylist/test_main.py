"""What an administrator sees of what greylisting remembers."""

import json
import re
from typing import Any

import pytest

from policyd.cli import greylist, main

MAIL: dict[str, Any] = {
    "sender": "evil\x1b[31m@x.example", "recipient": "b@y.example", "identities": ["192.0.2.0/24", "x.example"],
    "since": 1_800_000_000, "until": 1_800_000_240, "forgotten_at": 1_800_172_800,
}  # fmt: skip
ROW: dict[str, Any] = {
    "kind": "client AWL", "client": "192.0.2.0/24", "sender": "", "recipient": "", "first_seen": 1_800_000_000,
    "last_seen": 1_800_000_000, "passes": 5, "counted": 1_800_000_000,
}  # fmt: skip


def ask(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], *arguments: str) -> int:
    monkeypatch.setattr(greylist, "ask", lambda *_, **__: answer)
    return main(["greylist", *arguments])


def test_who_waits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(monkeypatch, {"waiting": [MAIL], "left_out": True}, "list") == 0
    line, more = capsys.readouterr().out.splitlines()
    assert "\x1b" not in line
    assert re.search(r" to b@y\.example: since .*, passes from .*, known as 192\.0\.2\.0/24, x\.example$", line)
    assert more.startswith("... and more")


def test_what_is_known(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(monkeypatch, {"entries": [ROW], "left_out": False}, "show", "192.0.2.1") == 0
    assert re.match(r"client AWL +client=192\.0\.2\.0/24 \(first .*, last .*, 5 passed\)$", capsys.readouterr().out)


def test_a_bounce_that_waits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(monkeypatch, {"released": [MAIL | {"sender": ""}]}, "release", "x.example") == 0
    out = capsys.readouterr().out
    assert re.match(r"<> to b@y\.example: since [-\d]+ [:\d]+, passes at its next try, known as ", out)


def test_nothing_to_do_is_a_status_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, {"forgotten": []}, "forget", "x.example") == 1
    assert capsys.readouterr().err == "policyd greylist forget: nothing of 'x.example'\n"
    assert ask(monkeypatch, {"waiting": []}, "list") == 0


@pytest.mark.parametrize(("verb", "name"), [("release", "released"), ("forget", "forgotten")])
def test_everything_is_changed_however_many_answers_that_takes(
    verb: str, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [{name: [MAIL | ROW] * 2, "left_out": True}, {name: [MAIL | ROW], "left_out": False}] * 2
    monkeypatch.setattr(greylist, "ask", lambda *_, **__: answers.pop(0))
    assert main(["greylist", verb, "x.example"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["greylist", verb, "x.example", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {name: [MAIL | ROW] * 3, "left_out": False}


@pytest.mark.parametrize("verb", ["list", "show"])
def test_a_limit_that_the_daemon_would_not_keep_is_refused(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["greylist", verb, "x.example", "--limit", "1001"]) == 2
    assert "'1001' is no number from 1 to 1000" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["show", "release", "forget"])
def test_nothing_is_not_whom(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["greylist", verb, ""]) == 2
    assert "WHAT is empty" in capsys.readouterr().err


def test_the_figures(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer = {"kinds": {"waiting": 3, "known": 12}}
    assert ask(monkeypatch, answer, "stats") == 0
    assert capsys.readouterr().out == "       12 known\n        3 waiting\n"
    assert ask(monkeypatch, answer, "stats", "--json") == 0
    assert json.loads(capsys.readouterr().out) == answer
    assert ask(monkeypatch, {"kinds": {}}, "stats") == 0
    assert capsys.readouterr().out == "nothing is remembered\n"


def test_help_and_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["greylist", "--help"]) == 0
    assert all(verb in capsys.readouterr().out for verb in ("release",))
    assert main(["greylist"]) == 2
    assert main(["greylist", "relase"]) == 2
    assert "did you mean 'release'?" in capsys.readouterr().err
