"""What `policyd check` says: of every configuration that must not start, of lists, and to machines."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from policyd.cli import main

ROOT = Path(__file__).parents[2]
BAD_CONFIGS = sorted((ROOT / "tests/bad_configs").glob("*.toml"))


def configuration(home: Path, whitelist: str) -> Path:
    file = home / "policyd.toml"
    file.write_text(
        f'[store]\nurl = "sqlite:{home}/policyd.db"\n[whitelist]\nclients = ["{whitelist}"]\nrecipients = []\n'
        "[blacklist]\nsenders = []\n"
    )
    return file


@pytest.mark.parametrize("config", BAD_CONFIGS, ids=lambda path: path.stem)
def test_what_must_not_start_is_told_so(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(config.parent)
    status = main(["check", "--config", config.name])
    *mistakes, summary = capsys.readouterr().out.splitlines()
    assert status == 78
    assert mistakes == config.with_suffix(".expected").read_text("utf-8").splitlines()
    assert summary.startswith(f"{config.name}: {len(mistakes)} mistake")
    assert "does not start" in summary


def test_no_expectation_is_left_without_its_configuration() -> None:
    expectations = {path.stem for path in (ROOT / "tests/bad_configs").glob("*.expected")}
    assert expectations == {path.stem for path in BAD_CONFIGS}


def test_the_real_program_ends_with_78() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "policyd", "check", "--config", "tests/bad_configs/many.toml"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 78
    assert "many.toml:8: [greylist] delay: 240 has no unit" in done.stdout
    assert "Traceback" not in done.stderr


def test_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whitelist = tmp_path / "clients"
    whitelist.write_text("example.org\n")
    config = configuration(tmp_path, str(whitelist))
    assert main(["check", "-c", str(config)]) == 0
    assert capsys.readouterr().out == f"{config}: good\n"
    assert not (tmp_path / "policyd.db").exists()


def test_mistakes_in_lists_are_1_and_name_file_and_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whitelist = tmp_path / "clients"
    whitelist.write_text("example.org\n/un(closed/\n")
    config = configuration(tmp_path, str(whitelist))
    assert main(["check", "-c", str(config)]) == 1
    mistake, summary = capsys.readouterr().out.splitlines()
    assert mistake.startswith(f"{whitelist}:2: ")
    assert summary == f"{config}: good, but 1 mistake in its lists: policyd runs without what is named above"


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "policyd.toml"
    config.write_text("[server]\nbacklog = 0\n")
    assert main(["check", "--json", "--config", str(config)]) == 78
    message = "[server] backlog: 0 is out of range, write 1 to 65535"
    assert json.loads(capsys.readouterr().out) == {
        "config": str(config),
        "status": "refused",
        "mistakes": [{"file": str(config), "line": 2, "message": message}],
    }


def test_json_of_a_mistake_without_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", "--config", "/nonexistent/a"]) == 78
    (mistake,) = json.loads(capsys.readouterr().out)["mistakes"]
    assert (mistake["file"], mistake["line"]) == ("/nonexistent/a", None)


def test_json_of_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "clients").write_text("")
    config = configuration(tmp_path, str(tmp_path / "clients"))
    assert main(["check", "--json", "--config", str(config)]) == 0
    assert json.loads(capsys.readouterr().out) == {"config": str(config), "status": "good", "mistakes": []}
