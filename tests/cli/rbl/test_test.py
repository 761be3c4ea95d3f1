"""What is shown of the lists' answers, and of the verdict."""

import json
from pathlib import Path

import pytest

from policyd.cli import main
from policyd.cli.rbl.test import request_of
from policyd.lookups.dns import door
from tests.checks.rbl.world import FAULTS, World, found

LISTS = 'sites = ["bl.example*3, b2.example*1, list.dnswl.org=127.0.[0..255].[1..3]*-2"]'


class Closable(World):
    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    here = Closable(zones=("bl.example", "b2.example", "list.dnswl.org", "dbl.example"))
    monkeypatch.setattr(door, "open_resolver", lambda settings: here)
    monkeypatch.setattr("policyd.checks.rbl.prober.DEADLINE", 0.02)
    return here


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "policyd.toml"
    file.write_text(f'[rbl]\n{LISTS}\n[[rbl.zones]]\nzone = "dbl.example"\nlook_up = ["helo", "sender domain"]\n')
    return str(file)


def run(config: str, *words: str) -> int:
    return main(["rbl", "test", "--config", config, *words])


def test_a_listed_address(world: World, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.listed["9.113.0.203.bl.example"] = found("127.0.0.2")
    world.txt["9.113.0.203.bl.example"] = found(b"see https://bl.example/")
    assert run(config, "203.0.113.9") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:5] == ["bl.example", "client", "address", "127.0.0.2", "3"]
    assert lines[1].endswith("see https://bl.example/")
    assert "not listed" in lines[2]
    assert lines[-1] == (
        "verdict: 3 points: 550 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using bl.example; "
        "see https://bl.example/"
    )


def test_the_test_point_of_all_lists(world: World, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config, "127.0.0.2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "mail from this address is not looked up: [rbl] skip_networks" in lines
    assert lines[-1].startswith("verdict: 4 points: 550 ")


def test_a_domain(world: World, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.listed["spam.example.dbl.example"] = found("127.0.0.2")
    assert run(config, "spam.example") == 0
    out = capsys.readouterr().out
    assert out.count("dbl.example") >= 2, "as HELO name and as sender"
    assert out.splitlines()[-1].startswith("verdict: 1 point: PREPEND X-DNSBL: 1 point; dbl.example 1")


def test_a_list_that_cannot_be_believed_is_an_exit_status(
    world: World, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.faults["b2.example"] = FAULTS["public resolver"]
    assert run(config, "203.0.113.9") == 1
    assert "no list's answer: 127.255.255.254" in capsys.readouterr().out
    world.faults = dict.fromkeys(("bl.example", "b2.example", "list.dnswl.org", "dbl.example"), FAULTS["REFUSED"])
    assert run(config, "203.0.113.9") == 1
    assert "verdict: none: no list can be believed" in capsys.readouterr().out


def test_as_json(world: World, config: str, capsys: pytest.CaptureFixture[str]) -> None:
    world.listed["9.113.0.203.list.dnswl.org"] = found("127.0.5.3")
    assert run(config, "--json", "203.0.113.9") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["points"] == -2.0
    assert answer["is_trusted"] is True
    assert answer["action"] == "DUNNO"
    assert [each["zone"] for each in answer["answers"]] == ["bl.example", "b2.example", "list.dnswl.org"]


@pytest.mark.parametrize("subject", ["localhost", "a@b.example", "two words.example", "", "\x1b.example", "999.1.1.1"])
def test_what_is_neither_an_address_nor_a_domain(subject: str, config: str) -> None:
    assert request_of(subject) is None
    assert run(config, "--", subject) == 2


def test_a_domain_that_no_list_is_asked_about(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "policyd.toml").write_text(f"[rbl]\n{LISTS}\n")
    assert run(str(tmp_path / "policyd.toml"), "spam.example") == 0
    assert capsys.readouterr().out == "no list of [rbl] is asked about spam.example\n"
