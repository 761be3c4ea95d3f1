"""A private Postfix: its own configuration, queue, log and mailbox, without systemd, syslog and DNS.

Law: it lives in one directory, listens on one loopback port, is always stopped, and is never told how to treat a
broken policy service: a fault of ours must show as Postfix's own "451 4.3.5 Server configuration problem".
Every setting that is not obvious answers something Postfix 3.7.11 was seen to do.
"""

import email
import os
import pwd
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from pathlib import Path
from types import TracebackType
from typing import Final

from tests.system.parts import free_port, require, require_root, wait_until

CONFIGURATION_PROBLEM: Final = "Server configuration problem"
"""What Postfix says when it got no good answer from a policy service, not at the second try either."""

# Mail for example.test vanishes in discard(8), mail for box.test lies in one Maildir, to be looked at.
_MAIN: Final = """\
compatibility_level = 3.6
config_directory = {home}/etc
queue_directory = {home}/spool
data_directory = {home}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
# without these two Postfix logs to nobody where there is no /dev/log
maillog_file = {home}/maillog
maillog_file_prefixes = {home}
myhostname = mx.example.test
mydomain = example.test
myorigin = example.test
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
# "ipv4" would refuse XCLIENT ADDR=IPV6:
inet_protocols = all
biff = no
alias_maps =
alias_database =
local_recipient_maps =
local_transport = error:5.1.1 no local delivery here
default_transport = discard:
relay_transport = discard:
virtual_mailbox_domains = example.test, box.test
virtual_transport = discard:
transport_maps = inline:{{ {{ box.test = virtual: }} }}
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {home}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_peername_lookup = no
disable_dns_lookups = yes
# tarpits and limits that would disturb
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_recipient_overshoot_limit = 100000
smtpd_recipient_limit = 100000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
default_process_limit = 100
# 127.0.0.0/8 would allow the first XCLIENT of a session only; this listens on loopback alone
smtpd_authorized_xclient_hosts = 0.0.0.0/0, [::]/0
smtpd_helo_required = no
smtpd_relay_restrictions =
smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service {policy}
"""

_MASTER: Final = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60    1 pickup
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
verify    unix  - - n -     1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -     - proxymap
showq     unix  n - n -     - showq
error     unix  - - n -     - error
retry     unix  - - n -     - error
discard   unix  - - n -     - discard
virtual   unix  - n n -     - virtual
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A running Postfix that asks `policy` (``inet:127.0.0.1:PORT``, ``unix:/PATH``) for every recipient."""

    def __init__(self, home: Path, policy: str, settings: Mapping[str, str] | None = None) -> None:
        require_root()
        self._command = require("postfix")
        self.home = home
        self.policy = policy
        self.settings = dict(settings or {})
        self.port = free_port()

    def __enter__(self) -> "Postfix":
        self._write_files()
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait for the greeting."""
        self._master_pid.unlink(missing_ok=True)
        done = self._postfix("start")
        assert done.returncode == 0, f"postfix start: {done.stdout}\n{self.maillog()}"
        try:
            wait_until(self._greets, 60, lambda: f"the greeting of Postfix\n{self.maillog()}")
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop; what is left after that is the process group of its master, and is killed."""
        pid = int(self._master_pid.read_text()) if self._master_pid.exists() else 0
        with suppress(subprocess.TimeoutExpired):
            self._postfix("stop")
        if pid and Path(f"/proc/{pid}").exists():
            os.killpg(pid, signal.SIGKILL)

    def maillog(self) -> str:
        """Everything Postfix logged so far."""
        path = self.home / "maillog"
        return path.read_text("utf-8", "backslashreplace") if path.exists() else ""

    def delivered(self) -> list[Message]:
        """Every message that lies in the Maildir of box.test."""
        return [email.message_from_bytes(path.read_bytes()) for path in (self.home / "box/new").glob("*")]

    def wait_for_mail(self, token: str, count: int = 1) -> list[Message]:
        """The `count` messages whose subject is `token`, as soon as they are delivered."""
        found: list[Message] = []

        def arrived() -> bool:
            found[:] = [message for message in self.delivered() if message["Subject"] == token]
            return len(found) >= count

        wait_until(arrived, 60, lambda: f"{count} mails {token!r}\n{self.maillog()[-2000:]}")
        assert len(found) == count
        return found

    @property
    def _master_pid(self) -> Path:
        return self.home / "spool/pid/master.pid"

    def _postfix(self, verb: str) -> subprocess.CompletedProcess[str]:
        etc = str(self.home / "etc")
        return subprocess.run(
            [self._command, "-c", etc, verb],
            env=os.environ | {"MAIL_CONFIG": etc},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0o022,
            timeout=60,
            check=False,
        )

    def _write_files(self) -> None:
        user = pwd.getpwnam("postfix")
        for name, mode in [("etc", 0o755), ("spool", 0o755), ("data", 0o700), ("box", 0o700)]:
            path = self.home / name
            path.mkdir()
            path.chmod(mode)
            if name in {"data", "box"}:
                os.chown(path, user.pw_uid, user.pw_gid)
        main = _MAIN.format(home=self.home, uid=user.pw_uid, gid=user.pw_gid, policy=self.policy)
        (self.home / "etc/main.cf").write_text(_with(main, self.settings))
        (self.home / "etc/master.cf").write_text(_MASTER.format(port=self.port))

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
                return connection.recv(512).startswith(b"220")
        except OSError:
            return False


def _with(main: str, settings: Mapping[str, str]) -> str:
    """The text of main.cf with `settings` in place of what it says of them.

    Of a name that stands there twice every process of Postfix warns when it starts, postlogd(8) too, which then waits
    for itself as soon as ten lines (net.unix.max_dgram_qlen) are on their way to it: a Postfix that never greets.
    """
    lines = [line for line in main.splitlines() if line.partition("=")[0].strip() not in settings]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    assert not any(line.startswith("smtpd_policy_service") for line in lines)
    return "\n".join(lines) + "\n"
