"""Who is meant by a word, and what is printed of their mail."""

import json
from pathlib import Path
from typing import Any

import pytest

from policyd.cli import main, why
from policyd.cli.why import matcher, needle

FIELDS = {
    "id": "1F2E3D4C", "queue_id": "4XyZabc", "client_address": "192.0.2.77", "client_name": "mx.example.org",
    "sender": "Alice@News.example.com", "recipient": "bob@example.net",
}  # fmt: skip
LINE = "action=pass, reason=client AWL, client_address={}, sender=a@example.org, recipient=b@example.net, id={}"


@pytest.mark.parametrize(
    "what",
    ["1f2e3d4c", "4XyZabc", "192.0.2.77", "192.0.2.0/24", "0.0.0.0/0", "192.0.2.76/31", "mx.example.org", "example.org",
     "alice@news.example.com", "example.com", "news.example.com", ".example.com", "example.net", "bob@example.net"],
)  # fmt: skip
def test_who_is_meant(what: str) -> None:
    assert matcher(what, frozenset())(FIELDS)
    assert needle(what).lower().lstrip(".") in " ".join(FIELDS.values()).lower()


@pytest.mark.parametrize(
    "what",
    ["1F2E3D4", "192.0.2.7", "192.0.3.0/24", "2001:db8::/32", "xample.com", "alice@example.com", "news", "", "x/y"],
)
def test_who_is_not(what: str) -> None:
    assert not matcher(what, frozenset())(FIELDS)


def test_a_client_without_an_address_is_in_no_network() -> None:
    assert not matcher("0.0.0.0/0", frozenset())(FIELDS | {"client_address": "unknown"})


def test_what_the_daemon_calls_somebody_is_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, "00000001")
    assert main(["why", "192.0.2.9"]) == 1
    line = LINE.format("0123456789abcdef", "1")
    told = {"decisions": [[1, line]], "oldest": 1, "kept": True, "forms": ["0123456789abcdef"]}
    monkeypatch.setattr(why, "ask", lambda *_, **__: told)
    assert main(["why", "192.0.2.9"]) == 0


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("192.0.2.0/24", "192.0.2."),
        ("192.0.0.0/12", "192."),
        ("0.0.0.0/0", "."),
        ("2001:db8::/32", "2001:"),
        ("2001::/16", "2001:"),
        ("2000::/15", ":"),
        ("::/0", ":"),
    ],
)
def test_a_network_is_looked_for_by_its_beginning(what: str, part: str) -> None:
    assert needle(what) == part


def test_a_hash_in_the_log_is_the_address() -> None:
    assert matcher("alice@x", frozenset({"0123456789abcdef"}))({"sender": "0123456789abcdef"})


def answer(monkeypatch: pytest.MonkeyPatch, *ids: str, kept: bool = True, oldest: int = 1_600_000_000) -> list[Any]:
    asked: list[Any] = []

    def ask(options: object, verb: str, **arguments: Any) -> dict[str, Any]:
        asked.append((verb, arguments))
        lines = [[1_700_000_000, LINE.format("192.0.2.1", number)] for number in reversed(ids)]
        return {"decisions": lines, "oldest": oldest, "kept": kept, "forms": arguments["words"]}

    monkeypatch.setattr(why, "ask", ask)
    return asked


def test_the_newest_come_first(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked = answer(monkeypatch, "00000001", "00000002", "00000003")
    assert main(["why", "192.0.2.1", "--limit", "2", "--json"]) == 0
    assert asked == [("find", {"words": ["192.0.2.1"]})]
    said = capsys.readouterr()
    assert [row["id"] for row in json.loads(said.out)["decisions"]] == ["00000003", "00000002"]
    assert said.err == ""
    assert main(["why", "example.org"]) == 0
    assert capsys.readouterr().out.count("client AWL") == 3


def test_nobody(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answer(monkeypatch, "00000001")
    assert main(["why", "192.0.2.11"]) == 1
    assert "no decision about '192.0.2.11' since 20" in capsys.readouterr().err
    answer(monkeypatch, oldest=0)
    assert main(["why", "192.0.2.1"]) == 1
    assert "no decision about '192.0.2.1' yet" in capsys.readouterr().err
    answer(monkeypatch, kept=False)
    assert main(["why", "192.0.2.1"]) == 1
    assert "[log] level is warning" in capsys.readouterr().err


def test_a_file_needs_no_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("".join(LINE.format(f"192.0.2.{n}", n) + "\n" for n in range(30)))
    assert main(["why", "192.0.2.0/24", "--log", str(tmp_path / "log"), "--limit", "1"]) == 0
    assert capsys.readouterr().out.endswith("id 29\n")
    assert main(["why", "203.0.113.0/24", "--log", str(tmp_path / "log")]) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([""], "WHAT is empty"),
        (["a@x.example", "--limit", "0"], "'0' is no number from 1 to 1000000"),
        (["a@x.example", "--limit", "9" * 20], "is no number from 1 to 1000000"),
    ],
)
def test_what_cannot_be_meant(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", *arguments]) == 2
    assert sentence in capsys.readouterr().err
