"""What a log adds up to, with and without shadow mode."""

import json
from pathlib import Path
from typing import Any

import pytest

from policyd.cli import main, report
from policyd.cli.report import MAX_KEYS, OTHERS, Tally

LOG = """\
action=greylist, reason=new, client_address=192.0.2.1, sender=a@one.example, recipient=r@example.net, id=1
action=pass, reason=triplet found, delay=300, client_address=192.0.2.1, sender=a@one.example, recipient=r@example.net, id=2
action=pass, reason=triplet found, delay=900, client_address=192.0.2.1, sender=b@one.example, recipient=r@example.net, id=2
action=pass, reason=triplet found, client_address=192.0.2.1, sender=a@one.example, recipient=r@example.net, id=2
action=pass, reason=listed, client_address=203.0.113.1, sender=x@two.example, recipient=r@example.net, would="550 5.7.1 no", would_by=rbl, id=3
"""  # noqa: E501 - lines as they are written


@pytest.fixture
def log(tmp_path: Path) -> str:
    (tmp_path / "log").write_text(LOG)
    return str(tmp_path / "log")


def test_of_a_log(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--log", log, "--json"]) == 0
    counted = json.loads(capsys.readouterr().out)
    assert (counted["decisions"], counted["delay_median"]) == (5, 900)
    assert counted["what"] == [{"name": "pass", "count": 4}, {"name": "greylist", "count": 1}]
    assert "since_start" not in counted
    assert counted["senders"][0] == {"name": "one.example", "count": 4}


def test_what_shadow_mode_did_not_do(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--shadow", "--log", log]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1 of 5 decisions would have been another one\n")
    assert "would have been done\n         1  550 by rbl\n" in out
    assert "two.example" in out
    assert "one.example" not in out


def test_of_a_daemon(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"action": "REJECT", "check": "rbl", "reason": "listed", "count": 9}

    def ask(_: object, verb: str) -> dict[str, Any]:
        if verb == "shadow":
            return {"since": 1, "requests": 50, "would": [row]}
        return {"decisions": [[1, line] for line in LOG.splitlines()], "kept": True, "oldest": 1, "left_out": 0}

    monkeypatch.setattr(report, "ask", ask)
    assert main(["report", "--shadow"]) == 0
    assert capsys.readouterr().out.endswith("since the start, of 50 requests\n         9  REJECT by rbl (listed)\n")
    assert main(["report", "--top", "1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("5 decisions\nmail that came back had waited 900 s (median)\n\ndone\n")
    assert "since the start" not in out


def test_a_daemon_that_keeps_no_decisions_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def ask(_: object, verb: str) -> dict[str, Any]:
        asked.append(verb)
        return {"decisions": [], "kept": False, "oldest": 0, "left_out": 0}

    monkeypatch.setattr(report, "ask", ask)
    assert main(["report"]) == 0
    assert capsys.readouterr().err == "policyd report: the daemon keeps no decisions: [log] level is warning\n"
    assert asked == ["recent"]


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("triplet found, delay=300", 300),
        ("early-retry, delay=60", None),
        ("triplet found, delay=x", None),
        ("triplet found, delay=9999999999", None),
    ],
)
def test_how_long_mail_waited_is_told_by_its_first_pass(
    told: str, seconds: int | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text(f"action=pass, reason={told}, client_address=192.0.2.1, id=1\n")
    assert main(["report", "--json", "--log", str(tmp_path / "log")]) == 0
    assert json.loads(capsys.readouterr().out)["delay_median"] == seconds


def test_memory_is_bounded() -> None:
    tally = Tally()
    for number in range(MAX_KEYS + 3):
        tally.add(str(number))
    tally.add("0")
    assert tally.rows(2) == [{"name": OTHERS, "count": 3}, {"name": "0", "count": 2}]


def test_where_nothing_was_decided_there_are_no_headings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("")
    assert main(["report", "--log", str(tmp_path / "log")]) == 0
    assert capsys.readouterr().out == "0 decisions\n"


def test_rows_are_counted_from_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--top=-1"]) == 2
    assert "'-1' is no number from 1 to 100000" in capsys.readouterr().err
