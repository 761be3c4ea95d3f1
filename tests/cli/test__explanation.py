"""An explanation is what the daemon would do with the question, in its words."""

from pathlib import Path

import pytest

from policyd.cli._explanation import explain
from policyd.model.errors import ConfigError

NOON = 1_795_348_800  # Sun, 22 Nov 2026 12:00:00 +0000
CONFIG = """
[chain]
checks = ["whitelist"]
trusted_networks = ["10.0.0.0/8"]

[whitelist]
clients = ["{0}/clients"]
recipients = []

[greylist]
hours = "22:00-06:00"
tz = "UTC"

[[policy]]
name = "wishes"
recipients = ["bob@y.example"]
on = ["greylist"]

[[policy]]
recipients = ["y.example"]
until = "2026-01-01"
"""


def explained(directory: Path, capsys: pytest.CaptureFixture[str], now: int = NOON, **attributes: str) -> list[str]:
    (directory / "policyd.toml").write_text(CONFIG.format(directory))
    (directory / "clients").write_text('# mine\n[reason="codes"] mx.x.example\n')
    asked = {
        "request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": "192.0.2.1",
        "client_name": "mx.x.example", "sender": "a@x.example", "recipient": "bob@y.example",
    } | attributes  # fmt: skip
    question = "".join(f"{name}={value}\n" for name, value in asked.items())
    explain(str(directory / "policyd.toml"), f"{question}\n".encode(), now)
    return capsys.readouterr().out.splitlines()


def test_the_policy_that_counts_and_the_line_that_matches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = explained(tmp_path, capsys, NOON + 12 * 3600)
    assert first == "asked: whitelist, greylist"
    assert any(f"{tmp_path}/clients:2: mx.x.example" in line for line in others)
    (policy,) = [line for line in others if "wishes" in line]
    assert f"wishes ({tmp_path}/policyd.toml:14)" in policy
    assert "bob@y.example" in policy


def test_a_check_whose_time_it_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *_ = explained(tmp_path, capsys)
    assert first == "asked: whitelist"
    assert second == "not at this time: greylist, only [hours=22:00-06:00 tz=UTC]"


def test_without_a_policy_in_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *others = explained(tmp_path, capsys, recipient="eve@y.example")
    assert (first, second) == ("asked: whitelist", "no [[policy]] counts: as [chain] has it")
    assert any("policy #2" in line and "not at that time" in line for line in others)


def test_lists_are_asked_at_the_same_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = explained(tmp_path, capsys, NOON, recipient="anna@y.example")
    before = explained(tmp_path, capsys, 1_767_000_000, recipient="anna@y.example")  # 29 Dec 2025
    assert not any("policy #2" in line and "counts, it names" in line for line in lines)
    assert any("policy #2" in line and "counts, it names" in line for line in before)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"client_address": "10.1.2.3"}, "trusted network"),
        ({"sasl_username": "anna"}, "authenticated"),
        ({"protocol_state": "DATA"}, "not a recipient"),
    ],
)
def test_who_is_asked_nothing(
    attributes: dict[str, str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explained(tmp_path, capsys, **attributes) == [f"no check is asked: {reason}"]


def test_without_a_configuration_there_is_no_explanation(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        explain(str(tmp_path / "none"), b"recipient=b@y.example\n\n", NOON)
