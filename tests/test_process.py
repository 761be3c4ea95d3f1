"""Daemonising and dropping root, in processes of their own."""

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from policyd.process import Identity, find_identity, remove_pid_file, write_pid_file

ROOT = Path(__file__).parents[1]


def python(program: str, *arguments: str, keep: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import os, sys\nfrom policyd import process\n{program}", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        pass_fds=[] if keep is None else [keep],
    )


def test_who_somebody_is() -> None:
    root = pwd.getpwnam("root")
    assert find_identity("root") == Identity("root", 0, root.pw_gid)
    assert find_identity("root", "daemon").gid != root.pw_gid


@pytest.mark.parametrize(
    ("user", "group", "sentence"),
    [("no-such-user", "", "no user 'no-such-user'"), ("root", "no-such-group", "no group 'no-such-group'")],
)
def test_nobody_of_that_name(user: str, group: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        find_identity(user, group)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_is_given_up_for_good() -> None:
    done = python(
        "nobody = process.find_identity('nobody')\n"
        "process.become(nobody)\n"
        "print(os.getresuid() == (nobody.uid,) * 3, os.getresgid() == (nobody.gid,) * 3, 0 in os.getgroups())\n"
        "os.setuid(0)"
    )
    assert done.stdout == "True True False\n"
    assert "PermissionError" in done.stderr


def test_in_the_background_without_terminal_and_parent(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    done = python(
        "settled = process.daemonize()\n"
        "process.write_pid_file(sys.argv[1])\n"
        "print('still seen', flush=True)\n"
        "settled()\n"
        "print('not seen', flush=True)\n"
        "facts = (os.getpid(), os.getsid(0) != os.getpid(), os.getcwd(), os.readlink('/proc/self/fd/2'))\n"
        "os.write(int(sys.argv[2]), repr(facts).encode())\n",
        str(tmp_path / "pid"),
        str(writes),
        keep=writes,
    )
    os.close(writes)
    with os.fdopen(reads) as facts:  # ends when the background process does
        assert facts.read() == repr((int((tmp_path / "pid").read_text()), True, "/", "/dev/null"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "still seen\n", "")


def test_a_background_process_that_fails_early_is_seen() -> None:
    done = python("process.daemonize()\nsys.exit('no such thing')")
    assert (done.returncode, done.stderr) == (1, "no such thing\n")


def test_the_pid_file_replaces_a_stale_one_and_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("data")
    file = tmp_path / "pid"
    file.symlink_to(precious)
    write_pid_file(str(file))
    assert not file.is_symlink()
    assert file.read_text() == f"{os.getpid()}\n"
    assert file.stat().st_mode & 0o777 == 0o644
    assert precious.read_text() == "data"
    write_pid_file(str(file))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pid", "precious"]
    remove_pid_file(str(file))
    remove_pid_file(str(file))
    assert not file.exists()


def test_a_pid_file_in_no_directory() -> None:
    with pytest.raises(FileNotFoundError):
        write_pid_file("/nonexistent/pid")
