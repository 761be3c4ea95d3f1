"""`policyd spf --record DOMAIN`."""

import json
from pathlib import Path

import pytest

from policyd.cli import main
from policyd.lookups.dns import door
from policyd.model.dns import Answer, RecordType
from tests.checks.spf.house import WORLD
from tests.lookups.doubles import DictResolver


class Closable(DictResolver):
    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(door, "open_resolver", lambda settings: Closable(WORLD))
    path = tmp_path / "policyd.toml"
    path.write_text("")
    return str(path)


def test_a_good_record(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spf", "--record", "pass.example", "--config", config]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pass.example: v=spf1 ip4:192.0.2.0/24 -all",
        "0 terms ask the DNS, 0 in vain",
        "nothing to mend",
    ]


def test_a_record_with_a_mistake(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spf", "--record", "perm.example", "--config", config]) == 1
    assert "mistake: perm.example: foo:bar: Unknown mechanism found" in capsys.readouterr().out
    assert main(["spf", "--record", "perm.example", "--config", config, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["findings"] == [
        {"kind": "mistake", "domain": "perm.example", "text": "foo:bar: Unknown mechanism found"}
    ]


def test_a_dns_that_does_not_answer(
    config: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Silent(Closable):
        async def resolve(self, name: str, kind: RecordType) -> Answer:
            raise TimeoutError

    monkeypatch.setattr(door, "open_resolver", lambda settings: Silent({}))
    assert main(["spf", "--record", "pass.example", "--config", config]) == 1
    assert "did not answer within 30 s" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["192.0.2.1"],
        ["192.0.2.1", "a", "b", "c"],
        ["--record", "a.example", "192.0.2.1", "a", "b"],
        ["x", "a", "b"],
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spf", *arguments]) == 2
    assert "policyd spf: error: " in capsys.readouterr().err
