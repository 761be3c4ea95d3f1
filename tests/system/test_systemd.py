"""The units: well written, little exposed, and nothing that they forbid is needed."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.daemon import ROOT
from tests.system.parts import give_up, require, require_root

UNITS = ROOT / "systemd"
UNDER_RESTRICTIONS = ("test_notify.py", "test_metrics.py", "test_greylisting.py", "test_journal.py")
"""System tests that are run once more under the unit's restrictions: they listen, remember, reload, log and end."""


def analyze(*arguments: str, place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [require("systemd-analyze"), *arguments], capture_output=True, text=True, cwd=place, check=False
    )


@pytest.fixture
def units(lab: Path) -> Path:
    """The units, with a program that exists in place of the one that is not installed here."""
    for name in ("policyd.service", "policyd.socket"):
        text = (UNITS / name).read_text("utf-8")
        (lab / name).write_text(text.replace("/usr/bin/policyd", shutil.which("true") or "/bin/true"))
    return lab


def test_they_are_well_written(units: Path) -> None:
    done = analyze("verify", "--man=no", "./policyd.service", "./policyd.socket", place=units)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_wrong_one_would_be_found(units: Path) -> None:
    service = units / "policyd.service"
    service.write_text(service.read_text().replace("ProtectClock=yes", "ProtectClok=yes"))
    done = analyze("verify", "--man=no", "./policyd.service", place=units)
    assert "ProtectClok" in done.stderr


def exposure(units: Path, threshold: int) -> float:
    done = analyze("security", "--offline=yes", f"--threshold={threshold}", "./policyd.service", place=units)
    assert done.returncode == 0, done.stdout
    found = re.search(r"Overall exposure level for policyd.service: ([0-9.]+)", done.stdout)
    assert found
    return float(found[1])


def test_little_is_exposed(units: Path) -> None:
    assert exposure(units, 10) <= 1.0


def test_hardly_more_with_a_resolver_elsewhere(units: Path) -> None:
    (units / "policyd.service.d").mkdir()
    shutil.copy(UNITS / "examples/remote.conf", units / "policyd.service.d")
    assert 1.0 < exposure(units, 11) <= 1.1


def test_a_careless_unit_would_be_found(units: Path) -> None:
    service = units / "policyd.service"
    service.write_text(re.sub(r"(?m)^(SystemCallFilter|Protect\w+|Private\w+)=.*\n", "", service.read_text()))
    with pytest.raises(AssertionError):
        exposure(units, 10)


@pytest.fixture(scope="module")
def needs() -> None:
    require_root()
    for program in ("unshare", "systemd-analyze", "/usr/bin/python3"):
        require(program)
    if subprocess.run(["/usr/bin/python3", "-c", "import seccomp"], check=False, capture_output=True).returncode:
        give_up("python3-seccomp is not installed: apt-get install it")


@pytest.mark.usefixtures("needs")
def test_the_daemon_passes_its_tests_under_the_restrictions_of_its_unit() -> None:
    here = Path(__file__).parent
    divided = ["-n2", "--dist=loadfile"] if importlib.util.find_spec("xdist") else []  # they wait more than they work
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", *divided, *(str(here / name) for name in UNDER_RESTRICTIONS)],
        env=os.environ | {"POLICYD_RESTRICTED": "1"}, capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:]
    assert "skipped" not in done.stdout or os.environ.get("CI") != "true"


@pytest.mark.usefixtures("needs")
@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        ("open('/etc/policyd-was-here', 'w')", "Read-only file system"),
        ("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "Operation not permitted"),
        ("import os; os.sched_setaffinity(0, {0})", "Operation not permitted"),
        ("import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)", "Permission denied"),
        ("open('/proc/stat')", "No such file"),
        ("open('/dev/mem')", "No such file"),
        ("import os; os.chown('.', 1, 1)", "Operation not permitted"),
    ],
)
def test_the_restrictions_restrict(lab: Path, attempt: str, error: str) -> None:
    from tests.system.daemon import restriction

    os.environ["POLICYD_RESTRICTED"] = "1"
    try:
        command = [*restriction(lab), sys.executable, "-c", attempt]
    finally:
        del os.environ["POLICYD_RESTRICTED"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=lab, check=False)
    assert done.returncode != 0
    assert error in done.stderr, done.stderr
