"""`./dev`, without installing anything: what it would install, what it leaves out, what it says."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from policyd import config

DEV = Path(__file__).parent.parent / "dev"
PYPROJECT = {
    "project": {"dependencies": ["aa >= 1.2", "b-b[x]>=3 # why"], "optional-dependencies": {"fast": ["quick >= 0.1"]}},
    "dependency-groups": {"dev": ["linter >= 9", "pytest >= 8.0"]},
}


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module whose checkout is `tmp_path`."""
    loader = SourceFileLoader("dev", str(DEV))
    spec = spec_from_loader("dev", loader)
    assert spec
    module = module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "STATE", tmp_path / ".dev")
    return module


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(DEV), *arguments], env=environment, capture_output=True, text=True, check=False
    )


# --- what it says ---


def test_help_names_every_verb(dev: ModuleType) -> None:
    answer = call("--help")
    assert answer.returncode == 0
    assert all(f"./dev {verb}" in answer.stdout for verb in dev.VERBS)


def test_a_mistyped_verb_is_a_usage_error_that_names_the_verbs() -> None:
    answer = call("tset")
    assert answer.returncode == 2
    assert answer.stderr == "dev: no verb 'tset'; there are: run, test, bench, lint, man. More: ./dev --help\n"


def test_it_parses_on_old_pythons_so_that_they_can_say_what_is_needed() -> None:
    ast.parse(DEV.read_text("utf-8"), feature_version=(3, 6))


# --- what it installs ---


def test_packages_come_from_pyproject(dev: ModuleType) -> None:
    assert dev.packages(PYPROJECT, ["runtime", "fast", "test"], lowest=False) == {
        "runtime": ["aa >= 1.2", "b-b[x]>=3 # why"],
        "fast": ["quick >= 0.1"],
        "test": ["pytest >= 8.0"],
    }


def test_lowest_is_exactly_the_lower_bounds(dev: ModuleType) -> None:
    assert dev.packages(PYPROJECT, ["runtime", "test"], lowest=True) == {
        "runtime": ["aa==1.2", "b-b[x]==3"],
        "test": ["pytest==8.0"],
    }


def test_a_requirement_without_a_lower_bound_is_refused(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        dev.lower_bound("aa < 2")
    assert "has no lower bound" in capsys.readouterr().err


def test_the_real_pyproject_has_a_lower_bound_for_everything(dev: ModuleType) -> None:
    real = tomllib.loads((DEV.parent / "pyproject.toml").read_text("utf-8"))
    groups = dev.packages(real, ["runtime", "fast", "dev", "test"], lowest=True)
    assert all("==" in line for lines in groups.values() for line in lines)
    assert len(groups["test"]) == len(dev.TEST_TOOLS)


class Pip:
    """Stands in for programs: remembers what was called, makes an empty environment, fails on demand."""

    def __init__(self, home: Path, fails: str = "") -> None:
        self.home, self.fails = home, fails
        self.calls: list[str] = []

    def __call__(self, command: list[str], *, show: bool = True) -> bool:
        self.calls.append(" ".join(command))
        if "venv" in command:
            (self.home / "bin").mkdir(parents=True)
            (self.home / "lib/python3.11/site-packages").mkdir(parents=True)
            (self.home / "bin/python").symlink_to(sys.executable)
        return not self.fails or self.fails not in command


@pytest.fixture
def pip(dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pip:
    pip = Pip(tmp_path / ".venv")
    monkeypatch.setattr(dev, "quiet", pip)
    write_pyproject(tmp_path, "aa >= 1.2")
    return pip


def write_pyproject(root: Path, requirement: str) -> None:
    (root / "pyproject.toml").write_text(f"""
        [project]
        dependencies = ["{requirement}"]
        [project.optional-dependencies]
        fast = ["quick >= 0.1"]
        psl = ["lists >= 1"]
        re2 = ["linear >= 1"]
        [dependency-groups]
        dev = ["pytest >= 8.0"]
        """)


def test_an_environment_is_made_once(dev: ModuleType, pip: Pip, tmp_path: Path) -> None:
    assert dev.environment(".venv", ("runtime", "fast")) == str(tmp_path / ".venv/bin/python")
    assert len(pip.calls) == 3
    dev.environment(".venv", ("runtime", "fast"))
    assert len(pip.calls) == 3
    dev.environment(".venv", ("runtime", "fast", "dev"))  # only what is missing
    assert len(pip.calls) == 4
    assert "pytest >= 8.0" in pip.calls[-1]


def test_an_environment_knows_the_checkout(dev: ModuleType, pip: Pip, tmp_path: Path) -> None:
    dev.environment(".venv", ("runtime",))
    assert (pip.home / "lib/python3.11/site-packages/checkout.pth").read_text() == f"{tmp_path}\n"


def test_other_run_time_packages_make_it_anew(dev: ModuleType, pip: Pip, tmp_path: Path) -> None:
    dev.environment(".venv", ("runtime",))
    write_pyproject(tmp_path, "aa >= 1.3")
    dev.environment(".venv", ("runtime",))
    assert sum("venv" in call.split() for call in pip.calls) == 2


def test_another_interpreter_behind_it_makes_it_anew(dev: ModuleType, pip: Pip) -> None:
    dev.environment(".venv", ("runtime",))
    (pip.home / "bin/python").unlink()
    (pip.home / "bin/python").symlink_to("/bin/sh")
    dev.environment(".venv", ("runtime",))
    assert sum("venv" in call.split() for call in pip.calls) == 2


def test_without_uvloop_it_goes_on_and_does_not_ask_again(
    dev: ModuleType, pip: Pip, capsys: pytest.CaptureFixture[str]
) -> None:
    pip.fails = "quick >= 0.1"
    dev.environment(".venv", ("runtime", "fast"))
    assert "quick >= 0.1 cannot be had here" in capsys.readouterr().out
    asked = len(pip.calls)
    dev.environment(".venv", ("runtime", "fast"))
    assert len(pip.calls) == asked


def test_a_half_made_environment_is_not_taken_for_a_whole_one(dev: ModuleType, pip: Pip) -> None:
    pip.fails = "aa >= 1.2"
    with pytest.raises(SystemExit):
        dev.environment(".venv", ("runtime",))
    pip.fails = ""
    asked = len(pip.calls)
    dev.environment(".venv", ("runtime",))
    assert len(pip.calls) > asked


def test_a_python_without_venv_names_the_command_to_type(
    dev: ModuleType, pip: Pip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(dev.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(dev, "apt_install", asked.extend)
    with pytest.raises(SystemExit):
        dev.environment(".venv", ("runtime",))
    assert asked == ["python3-venv"]
    assert "type: apt-get install python3-venv" in capsys.readouterr().err


def test_pip_gets_a_cache_where_there_is_no_home(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for home in ("", "/nonexistent"):
        monkeypatch.setenv("HOME", home)
        assert dev.surroundings()["PIP_CACHE_DIR"] == str(dev.STATE / "pip")


def test_what_is_compiled_is_kept(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in dev.surroundings()


# --- what it leaves out ---


@pytest.fixture
def stages(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """`test` with everything but its own decisions replaced; the options that pytest gets."""
    given: list[list[str]] = []
    monkeypatch.setattr(dev, "environment", lambda *_, **__: "python")
    monkeypatch.setattr(dev, "linters", lambda python: 0)
    monkeypatch.setattr(dev, "pytest", lambda python, arguments: given.append(list(arguments)) or 0)
    monkeypatch.setattr(dev, "apt_install", lambda names: None)
    monkeypatch.setattr(dev, "suites", lambda python: "")
    monkeypatch.delenv("CI", raising=False)
    return given


NOWHERE = "no-such-program-anywhere"


def test_with_all_programs_all_tests_run(dev: ModuleType, stages: list[list[str]]) -> None:
    dev.TEST_PARTS = (dev.Part("sh", "sh"),)
    assert dev.test(["-k", "word"]) == 0
    assert stages == [["-k", "word"]]


def test_a_missing_program_leaves_out_system_tests_with_a_notice(
    dev: ModuleType, stages: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    dev.TEST_PARTS = (dev.Part(NOWHERE, NOWHERE),)
    assert dev.test([]) == 0
    assert stages == [["-m", "not system"]]
    assert f"NOTICE: the tests with real programs (marked system) are left out. missing: {NOWHERE}; type: apt-get" in (
        capsys.readouterr().out
    )


def test_a_missing_program_is_an_error_in_ci(
    dev: ModuleType, stages: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dev.TEST_PARTS = (dev.Part(NOWHERE, NOWHERE),)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit) as ended:
        dev.test([])
    assert ended.value.code == 1
    assert stages == []


def test_all_stages_run_and_the_first_failure_is_the_status(
    dev: ModuleType, stages: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dev.TEST_PARTS = ()
    monkeypatch.setattr(dev, "linters", lambda python: 7)
    assert dev.test([]) == 7
    assert stages == [[]]


def test_suites_that_cannot_be_fetched_are_left_out_with_a_notice_and_never_in_ci(
    dev: ModuleType, stages: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dev.TEST_PARTS = ()
    monkeypatch.setattr(dev, "suites", lambda python: "pip cannot fetch it")
    assert dev.test([]) == 0
    assert "NOTICE: the SPF test suites are left out. pip cannot fetch it" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    dev.SYSTEM_PYTHON = sys.executable
    for arguments in ([], ["--lowest"]):
        with pytest.raises(SystemExit):
            dev.test(arguments)


def test_suites_are_fetched_once_and_by_their_hash(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []
    monkeypatch.setattr(dev, "quiet", lambda command: called.append(command) or False)
    assert dev.suites("python") == f"pip cannot fetch {dev.SUITES}"
    assert "--require-hashes" in called[0]
    assert re.fullmatch(r"pyspf==2\.0\.14 --hash=sha256:[0-9a-f]{64}\n", (tmp_path / ".dev/suites.txt").read_text())
    (tmp_path / ".dev" / dev.SUITES).touch()
    assert dev.suites("python") == ""
    assert len(called) == 1


def test_lowest_runs_the_unit_tests(dev: ModuleType, stages: list[list[str]]) -> None:
    dev.SYSTEM_PYTHON = sys.executable  # no older than this one
    assert dev.test(["-x", "--lowest"]) == 0
    assert stages == [["-m", "not system", "-x"]]


@pytest.mark.parametrize(
    ("version", "is_taken"), [((3, 10, 99), False), ((3, 11, 0), True), ((3, 11, 1), False)], ids=str
)
def test_lowest_is_also_the_lowest_python(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: tuple[int, ...], *, is_taken: bool
) -> None:
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = {version}; $2"\n')
    python.chmod(0o755)
    became: list[list[str]] = []
    monkeypatch.setattr(dev, "SYSTEM_PYTHON", str(python))
    monkeypatch.setattr(sys, "version_info", (3, 11, 1))
    monkeypatch.setattr(os, "execv", lambda path, words: became.append(words))
    dev.become_the_lowest_python(["--lowest", "-x"])
    assert became == ([[str(python), f"{tmp_path}/dev", "test", "--lowest", "-x"]] if is_taken else [])


def test_programs_in_sbin_are_found_without_sbin_on_the_path(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    sbin = next(path for path in Path("/usr/sbin").iterdir() if os.access(path, os.X_OK))
    assert dev.missing([dev.Part("it", sbin.name), dev.Part(NOWHERE, NOWHERE)]) == [NOWHERE]


# --- what it runs ---


def test_the_first_settings_are_good_ones(dev: ModuleType, tmp_path: Path) -> None:
    settings = config.parse(dev.first_settings(), "policyd.toml")
    assert settings.server.listen == ("inet:127.0.0.1:10030",)
    assert settings.store.url == f"sqlite:{tmp_path}/.dev/policyd.db"
    assert settings.checks["whitelist"].clients == (f"{tmp_path}/conf/whitelist_clients",)


def test_run_becomes_the_daemon_and_shows_the_lines_for_postfix(
    dev: ModuleType, pip: Pip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    became: list[str] = []
    monkeypatch.setattr(os, "execve", lambda path, words, environment: became.extend(words))
    dev.run(["--extra"])
    assert became[1:] == ["-m", "policyd", "run", "--config", str(tmp_path / ".dev/policyd.toml"), "--extra"]
    assert "{ inet:127.0.0.1:10030, timeout=10s, default_action=DUNNO }" in capsys.readouterr().out
    (tmp_path / ".dev/policyd.toml").write_text("# mine\n")
    dev.run([])
    assert (tmp_path / ".dev/policyd.toml").read_text() == "# mine\n"


def test_nothing_that_is_installed_is_started(dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy, seen = tmp_path / "policy-rc.d", []

    def install(command: Sequence[str]) -> bool:
        seen.append(policy.exists() and subprocess.run([policy], check=False).returncode)
        return True

    monkeypatch.setattr(dev, "POLICY_RC_D", policy)
    monkeypatch.setattr(dev, "quiet", install)
    monkeypatch.setattr(dev.os, "geteuid", lambda: 0)
    monkeypatch.setattr(dev.shutil, "which", lambda program: program)
    dev.apt_install(["postfix"])
    assert seen == [False, 101]
    assert not policy.exists()
    policy.write_text("the administrator's", "utf-8")
    with dev.nothing_starts():
        assert policy.read_text("utf-8") == "the administrator's"
    assert policy.exists()
