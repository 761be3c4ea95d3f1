"""`policyd spf CLIENT SENDER HELO`, over a resolver that is a dictionary."""

import json
from pathlib import Path

import pytest

from policyd.cli import main
from policyd.lookups.dns import door
from tests.checks.spf.house import WORLD
from tests.lookups.doubles import DictResolver


class Closable(DictResolver):
    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {
        ("chain.example", "TXT"): (b"v=spf1 include:pass.example ~all",),
        ("odd.example", "TXT"): (b"v=spf1 \x1b[31m -all",),
    }
    monkeypatch.setattr(door, "open_resolver", lambda settings: Closable({**WORLD, **more}))


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "policyd.toml"
    path.write_text('[server]\nhostname = "mx.receiver.example"\n[spf]\nleave_to_dmarc = false\n')
    return str(path)


def spf(config: str, *arguments: str) -> int:
    return main(["spf", *arguments, "--config", config])


def test_the_way_to_an_answer_and_what_would_follow(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert spf(config, "192.0.2.1", "user@chain.example", "mail.none.example") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "HELO mail.none.example: none"
    assert lines[4:9] == [
        "MAIL FROM user@chain.example: pass (include:pass.example)",
        "  chain.example: pass by include:pass.example",
        "    v=spf1 include:pass.example ~all",
        "    include pass.example: pass by ip4:192.0.2.0/24",
        "      v=spf1 ip4:192.0.2.0/24 -all",
    ]
    assert lines[9].startswith("  1 term asked the DNS, 0 found nothing; 2 questions, ")
    assert lines[10].startswith("answer: PREPEND Received-SPF: pass (mx.receiver.example: ")


def test_a_refusal_is_shown_whole(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert spf(config, "192.0.2.1", "<user@fail.example>", "mail.none.example") == 0
    out = capsys.readouterr().out
    assert "  fail.example explains: 192.0.2.1 is not ours" in out
    assert out.rstrip().endswith("send mail from fail.example; fail.example explains: 192.0.2.1 is not ours")


def test_a_sender_is_who_postfix_delivers_for(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert spf(config, "192.0.2.1", "user%pass.example", "mail.none.example") == 0
    assert "MAIL FROM user@pass.example: pass" in capsys.readouterr().out


def test_a_client_that_is_not_judged_is_said_to_be_none(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert spf(config, "10.0.0.1", "user@fail.example", "mail.none.example") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "answer: DUNNO (clients in [spf] skip_networks are not judged)"


@pytest.mark.parametrize("sender", ["user@temp.example", "user@perm.example", "user@odd.example"])
def test_an_error_is_the_exit_status_and_nothing_is_raw(
    config: str, sender: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spf(config, "192.0.2.1", sender, "mail.none.example") == 1
    assert "\x1b" not in capsys.readouterr().out


def test_the_null_sender_is_the_helo_name_and_json_is_for_programs(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert spf(config, "192.0.2.1", "<>", "wide.example", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    (identity,) = found["identities"]
    assert (identity["identity"], identity["result"], identity["is_wide"]) == ("helo", "pass", True)
    assert identity["steps"][0]["record"] == "v=spf1 +all"
    assert found["action"].startswith("PREPEND Received-SPF: pass ")
