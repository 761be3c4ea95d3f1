"""Run a program under the restrictions of policyd.service, as far as they can be had without systemd as PID 1.

    unshare --mount --ipc --uts /usr/bin/python3 -I restricted.py UNIT WRITABLE PROGRAM [ARGUMENTS]

Law: what is restricted is read from the unit, so that a directive that breaks the daemon breaks a test. Needs root,
Debian's python3-seccomp, systemd-analyze (its sets of system calls). Not had: memory and task limits, IP address lists
(both are the control group's), private users.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

MDWE, DROP_CAPABILITY, NO_NEW_PRIVILEGES = 65, 24, 38  # prctl(2)
LAST_CAPABILITY = 63
DEVICES = {"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9}
"""The memory devices (major 1) that PrivateDevices= leaves, by their minor numbers."""


def directives(unit):
    """The values of each directive of [Service]; an empty one forgets those before it."""
    found = {}
    for line in Path(unit).read_text("utf-8").partition("[Service]")[2].partition("[Install]")[0].splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def call_set(name):
    """The system calls of a set such as @system-service, those of the sets in it included."""
    if not name.startswith("@"):
        return {name}
    told = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    words = [line.strip() for line in told.stdout.splitlines()[1:]]
    return set().union(*(call_set(word) for word in words if word and not word.startswith("#")))


def allowed_calls(filters):
    """What SystemCallFilter= leaves."""
    calls = set()
    for value in filters:
        some = set().union(*(call_set(name) for name in value.removeprefix("~").split()))
        calls = calls - some if value.startswith("~") else calls | some
    return calls


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def hide(found, writable):
    """ProtectSystem=strict, PrivateDevices=, ProtectProc=, ProcSubset=."""
    mount("--make-rprivate", "/")
    if found.get("PrivateDevices") == ["yes"]:
        mount("-t", "tmpfs", "-o", "mode=0755,nosuid", "tmpfs", "/dev")
        for name, minor in DEVICES.items():
            os.mknod(f"/dev/{name}", 0o20666, os.makedev(1, minor))
            os.chmod(f"/dev/{name}", 0o666)  # noqa: PTH101 - runs on the system's own Python, bare
    if found.get("ProcSubset") == ["pid"]:
        mount("-t", "proc", "-o", "subset=pid,hidepid=invisible", "proc", "/proc")
    if found.get("ProtectSystem") == ["strict"]:
        mount("--bind", writable, writable)
        mount("-o", "remount,bind,ro", "/")
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            place = line.split()[4].encode().decode("unicode_escape")
            if place not in ("/", writable) and not place.startswith(("/proc", "/dev")):
                subprocess.run(["mount", "-o", "remount,bind,ro", place], check=False, stderr=subprocess.DEVNULL)


def limit(found):
    """LimitNOFILE=, LimitCORE=, UMask=, MemoryDenyWriteExecute=, CapabilityBoundingSet=, NoNewPrivileges=."""
    files = int(found["LimitNOFILE"][-1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(int(found["UMask"][-1], 8))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if found["CapabilityBoundingSet"] == [""]:
        for capability in range(LAST_CAPABILITY + 1):
            prctl(DROP_CAPABILITY, capability, 0, 0, 0)
    if found["MemoryDenyWriteExecute"] == ["yes"] and prctl(MDWE, 1, 0, 0, 0):
        print("restricted: this kernel does not know PR_SET_MDWE", file=sys.stderr)
    prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def filter_calls(found):
    """SystemCallFilter=, RestrictAddressFamilies=."""
    import seccomp

    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in sorted(allowed_calls(found["SystemCallFilter"]) - {"socket"}):
        try:
            rules.add_rule(seccomp.ALLOW, name)
        except RuntimeError:
            continue  # this kernel, or this processor, has no such call
    for family in found["RestrictAddressFamilies"][-1].split():
        rules.add_rule(seccomp.ALLOW, "socket", seccomp.Arg(0, seccomp.EQ, int(getattr(socket, family))))
    rules.load()


def main(unit, writable, *command):
    found = directives(unit)
    hide(found, str(Path(writable).resolve()))
    limit(found)
    filter_calls(found)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
