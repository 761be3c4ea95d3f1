"""The command line as a whole: help, versions, mistyped verbs, and what is not imported."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from policyd import __version__
from policyd.cli import VERBS, main
from policyd.cli.list import VERBS as LIST_VERBS
from policyd.cli.rbl import VERBS as RBL_VERBS

ROOT = Path(__file__).parents[2]
INNER = [*(f"list {verb}" for verb in LIST_VERBS), *(f"rbl {verb}" for verb in RBL_VERBS)]
"""Verbs of verbs."""


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert [verb for verb in VERBS if f"\n  {verb} " not in out] == []
    assert max(map(len, out.splitlines())) <= 100


def test_every_verb_is_a_file_and_every_file_a_verb() -> None:
    for room, verbs in (("policyd/cli", VERBS), ("policyd/cli/list", LIST_VERBS), ("policyd/cli/rbl", RBL_VERBS)):
        files = [*(ROOT / room).glob("[!_]*.py"), *(ROOT / room).glob("*/__init__.py")]
        with_main = {path for path in files if "\ndef main(arguments: list[str]) -> int:" in path.read_text("utf-8")}
        assert {path.parent.name if path.stem == "__init__" else path.stem for path in with_main} == set(verbs)


@pytest.mark.parametrize("line", ["rbl test 192.0.2.1", "spf 192.0.2.1 a@example.org mx.example.org"])
def test_only_who_would_start_is_told_that_nothing_is_started(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "policyd.toml"
    config.write_text("[dns]\ntries = 0\n")
    assert main([*line.split(), "--config", str(config)]) == 78
    assert capsys.readouterr().err == f"{config}:2: [dns] tries: 0 is out of range, write 1 to 10\n"


@pytest.mark.parametrize("verb", [*VERBS, *INNER])
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.split(), "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: policyd {verb}")
    assert max(map(len, out.splitlines())) <= 120


# Whose options have a page of their own, and who has none but those of its verbs.
@pytest.mark.parametrize("verb", sorted({*VERBS, *INNER} - {"postgrey", "list", "rbl", "greylist"}))
def test_the_manual_names_every_option(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, chapter = (ROOT / "docs/man/policyd.8.md").read_text("utf-8").partition(f"\n## policyd {verb}\n")
    chapter = re.split(r"\n##? ", chapter)[0]
    main([*verb.split(), "--help"])
    options = set(re.findall(r"(?m)^ +(?:-\w, |-\w \w+, )?(--[a-z-]+)", capsys.readouterr().out)) - {"--help"}
    assert options
    assert sorted(option for option in options if f"**{option}**" not in chapter) == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"policyd {__version__}\n"


def test_no_verb_shows_the_help_and_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("usage: policyd VERB")


@pytest.mark.parametrize(
    ("verb", "sentence"),
    [
        ("chek", "policyd: no verb 'chek', did you mean 'check'?\n"),
        ("--config", "policyd: no verb '--config'; policyd --help lists them\n"),
        ("list rm", "policyd list: no verb 'rm'; policyd list --help lists them\n"),
        ("list ad", "policyd list: no verb 'ad', did you mean 'add'?\n"),
    ],
)
def test_mistyped_verb(verb: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(verb.split()) == 2
    assert capsys.readouterr().err == sentence


def test_lists_need_a_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 2
    assert capsys.readouterr().err.startswith("usage: policyd list VERB")


def test_unknown_option_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--colour"]) == 2
    assert "unrecognized arguments: --colour" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["query", "--help"]])
def test_small_verbs_do_not_load_the_daemon(arguments: list[str]) -> None:
    program = (
        "import sys\nfrom policyd.cli import main\n"
        f"main({arguments})\n"
        "print(sorted({'asyncio', 'sqlite3', 'aiosqlite', 'prometheus_client', 'policyd.config'} & set(sys.modules)),"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    assert done.stderr == "[]\n"


def test_a_reader_that_has_seen_enough_is_no_mistake() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "policyd", "check", "--config", str(ROOT / "conf" / "policyd.toml")]
    done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert done.returncode == 141
