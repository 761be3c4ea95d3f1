"""A mail server of Debian's with policyd on it, for years: installed, wired, restarted, upgraded, gone back, moved.

Law: what is typed is taken out of the docs, word for word. Debian's Postfix asks, chrooted as Debian has it; what a
machine without a network lacks is all that is set beside that (_MAIN). The tests go on from one another.
"""

import re
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import pytest

from tests.system.daemon import ROOT
from tests.system.machine import Machine, instructions, typed
from tests.system.parts import laboratory, require, wait_until
from tests.system.postfix import CONFIGURATION_PROBLEM
from tests.system.smtp import Client, Reply, attempt, rcpt
from tests.system.traffic import Traffic

DELAY: Final = 1
SETTINGS: Final = f"""
[greylist]
delay = "{DELAY}s"
auto_whitelist_clients = 0
group_after = 0
"""
_MAIN: Final = """\
compatibility_level = 3.6
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
virtual_mailbox_domains = box.test
virtual_mailbox_maps = static:box/
virtual_transport = discard:
smtpd_peername_lookup = no
smtpd_authorized_xclient_hosts = 0.0.0.0/0
"""
WIRE: Final = ("docs/quickstart.md", "Let Postfix ask")
UPGRADE: Final = "docs/upgrade.md"


class MailServer(Machine):
    """The machine, and the Postfix on it."""

    def attempt(self, address: str, recipient: str = "bob@box.test") -> Reply:
        """What a server at `address` is told about a mail."""
        door = partial(self.connect, 25)
        return attempt(door, Client(address), "alice@example.org", [recipient]).recipients[recipient]

    def rcpt(self, address: str) -> Reply:
        """What a server at `address` is told about a recipient; it sends nothing."""
        return rcpt(partial(self.connect, 25), Client(address), "alice@example.org", "bob@box.test")

    def maillog(self) -> str:
        """All that Postfix said."""
        return self.must("journalctl --quiet --unit 'postfix*' --output cat")


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    """Installed and wired as quickstart.md says."""
    require("postfix")
    require("sqlite3")
    with laboratory() as lab, MailServer(lab) as server:
        server.path("/etc/postfix/main.cf").write_text(_MAIN)
        server.must("cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf && systemctl start postfix")
        settings = server.path("/etc/policyd/policyd.toml")
        settings.write_text(settings.read_text().replace("\n[greylist]\n", SETTINGS))
        server.must(instructions()[1])
        server.must(typed(*WIRE))
        yield server


def test_first_only_a_warning_then_in_earnest(server: MailServer) -> None:
    assert server.attempt("198.51.101.1").code == 250
    wait_until(lambda: "reject_warning: RCPT from" in server.maillog(), 10, server.maillog)
    server.must(typed(*WIRE, 1))
    reply = server.rcpt("198.51.102.1")
    assert (reply.code, "Greylisted" in reply.text) == (450, True)
    time.sleep(DELAY + 0.2)
    assert server.attempt("198.51.102.1").code == 250


def undisturbed(server: MailServer, name: str, *steps: Callable[[], object]) -> None:
    """Do that while mail comes in: every mail is judged, put off once, and taken."""
    said = len(server.maillog())
    traffic = Traffic(name, partial(server.connect, 25), DELAY + 0.2, servers=6)
    traffic.start()
    for step in steps:
        time.sleep(0.7)
        step()
    time.sleep(0.7)
    traffic.finish()
    assert len(traffic.taken) > 30
    assert (traffic.lost, traffic.deferred_again, traffic.unjudged, dict(traffic.problems)) == ([], [], [], {})
    maillog = server.maillog()[said:]
    assert CONFIGURATION_PROBLEM not in maillog
    assert "problem talking to server" not in maillog


def test_a_restart_under_mail_is_not_noticed(server: MailServer) -> None:
    restart = lambda: server.must("systemctl restart policyd")  # noqa: E731
    undisturbed(server, "restart", restart, restart)


def test_a_socket_in_the_chroot_in_place_of_the_port(server: MailServer) -> None:
    server.must("cd /usr/src/policyd\n" + typed("docs/postfix.md", "Unix sockets and chroot"))
    assert "unix:policyd/policy.sock" in server.must("postconf -h smtpd_recipient_restrictions")
    assert server.must("stat -c '%U:%G %a' /var/spool/postfix/policyd/policy.sock") == "root:postfix 660"
    assert "Greylisted" in server.rcpt("198.51.103.1").text
    assert server.run("postfix check") == (0, "")


def version(server: MailServer) -> str:
    found = re.match(r"serving: policyd (\S+) ", server.must("policyd status"))
    assert found
    return found[1]


def test_an_upgrade_under_mail_and_the_way_back(server: MailServer) -> None:
    old = version(server)
    server.must(f"cd /usr/src/policyd && sed -i 's/{old}/0.2.0/' policyd/__init__.py && rm -rf /var/backups/policyd*")
    assert server.attempt("198.51.104.1").code == 450
    time.sleep(DELAY + 0.2)

    def upgrade() -> None:
        server.must("set -e; cd /usr/src/policyd\n" + typed(UPGRADE, "Upgrade"), online=True)
        assert version(server) == "0.2.0"
        assert server.attempt("198.51.104.1").code == 250, "who comes back to the new one was known to the old one"

    undisturbed(server, "upgrade", upgrade, lambda: server.must("set -e\n" + typed(UPGRADE, "Go back")))
    assert version(server) == old
    assert "/var/backups/policyd-before-0.2.0.db" in server.must("ls -l /var/backups/policyd*")


BACKUP: Final = "/var/backups/policyd.db"


def test_what_was_backed_up_comes_back(server: MailServer) -> None:
    assert server.rcpt("198.51.105.1").code == 450
    server.must("systemctl restart policyd")  # what is in its journal is merged then; a copy lacks it
    server.must(f"rm -f {BACKUP}; " + typed(UPGRADE, "Back up and restore"))
    assert server.must(f"stat -c '%U %a' {BACKUP}") == "root 600"
    assert server.rcpt("198.51.106.1").code == 450
    time.sleep(DELAY)
    server.must("set -e\n" + typed(UPGRADE, "Back up and restore", 1))
    assert server.attempt("198.51.105.1").code == 250
    assert server.attempt("198.51.106.1").code == 450, "who came after the backup is a stranger again"


_UNBOUND: Final = """\
server:
  interface: 192.0.2.53
  access-control: 192.0.2.0/24 allow
  username: ""
  chroot: ""
  use-syslog: no
  pidfile: ""
  module-config: iterator
  local-zone: "." static
  local-data: "localhost. A 127.0.0.1"
  local-data: 'example.org. TXT "v=spf1 -all"'
"""


def test_a_resolver_elsewhere_is_asked_when_the_unit_lets_it(server: MailServer) -> None:
    require("unbound")
    server.path("/etc/resolver.conf").write_text(_UNBOUND)
    server.must("ip address add 192.0.2.53 dev lo && systemd-run --unit resolver unbound -d -c /etc/resolver.conf")
    settings = server.path("/etc/policyd/policyd.toml")
    asks = '\n[chain]\nchecks = ["spf", "greylist"]\n', '\n[dns]\nnameservers = ["192.0.2.53"]\ntimeout = "1s"\n'
    good = settings.read_text()
    settings.write_text(good.replace("\n[chain]\n", asks[0]).replace("\n[dns]\n", asks[1]))
    server.must("systemctl reload policyd")
    told = "write IPAddressAllow= into its systemd unit"
    wait_until(lambda: server.rcpt("198.51.109.1").code and told in server.must("journalctl -u policyd"), 20, told)
    assert server.run("policyd status")[0] == 1
    server.must("set -e; cd /usr/src/policyd\n" + typed("docs/dns.md", "Which resolver"))
    assert "SPF fail" in server.rcpt("198.51.109.1").text
    assert server.run("policyd status")[0] == 0
    settings.write_text(good)
    server.must("rm -r /etc/systemd/system/policyd.service.d; systemctl daemon-reload; systemctl restart policyd")
    server.must("systemctl stop resolver")


def test_on_another_host_it_knows_what_it_knew_on_this_one(server: MailServer) -> None:
    assert server.rcpt("198.51.107.1").code == 450
    server.must(f"rm {BACKUP}; set -e\n" + typed(UPGRADE, "Move to another host"))
    assert server.must("ls /var/lib/policyd") == "policyd.db\npolicyd.db.lock"
    assert server.attempt("198.51.108.1").code == 250, "without policyd Postfix takes its default_action"
    assert "problem talking to server" in server.maillog(), "what undisturbed() looks for"
    assert server.run("policyd status")[0] == 3
    server.must("rm -r /var/lib/policyd")  # the other host has none
    server.must("set -e\n" + typed(UPGRADE, "Back up and restore", 1))
    time.sleep(DELAY)
    assert server.attempt("198.51.107.1").code == 250
    assert server.must("systemctl is-system-running --wait") == "running"


def ask_of(server: MailServer, *services: str) -> None:
    """Have Postfix ask these, one after the other."""
    asked = ", ".join(f"check_policy_service {service}" for service in services)
    server.must(f"postconf -e 'smtpd_recipient_restrictions = {asked}' && postfix reload")


def test_what_it_saw_beside_postgrey_it_knows_on_the_day_of_the_change(server: MailServer) -> None:
    require("postgrey")
    server.path("/etc/default/postgrey").write_text(f'POSTGREY_OPTS="--inet=10023 --delay={DELAY}"\n')
    server.must("rm -rf /var/lib/postgrey/*; systemctl start postgrey")
    settings = server.path("/etc/policyd/policyd.toml")
    good = settings.read_text()
    settings.write_text(good.replace("\n[chain]\n", '\n[chain]\nmode = "shadow"\n'))
    server.must("systemctl reload policyd")
    ask_of(server, "inet:127.0.0.1:10030", "inet:127.0.0.1:10023")
    wait_until(lambda: "Greylisted" in server.rcpt("198.51.115.1").text, 10, "postgrey")
    reply = server.rcpt("198.51.113.1")
    assert ("Greylisted" in reply.text, "(id " in reply.text) == (True, False), "postgrey's words"
    time.sleep(DELAY + 0.2)
    assert server.attempt("198.51.113.1").code == 250
    settings.write_text(good)
    server.must("systemctl reload policyd; systemctl stop postgrey")
    ask_of(server, "inet:127.0.0.1:10030")
    assert server.rcpt("198.51.113.1").code == 250
    assert "(id " in server.rcpt("198.51.114.1").text


def test_postgreys_place_is_taken_and_main_cf_stays_as_it_is(server: MailServer) -> None:
    require("postgrey")
    server.must("systemctl disable --now policyd.socket policyd.service; rm -r /etc/systemd/system/policyd.socket.d")
    server.must("rm -rf /var/lib/postgrey/*; systemctl start postgrey")
    ask_of(server, "inet:127.0.0.1:10023")
    wait_until(lambda: "Greylisted" in server.rcpt("198.51.110.1").text, 10, "postgrey")
    page = (ROOT / "docs/postgrey.md").read_text()
    found = re.search(r"\n\n((?:    .*\n)+)\nand `(systemctl restart postgrey)`", page)
    assert found
    drop_in = server.path("/etc/systemd/system/postgrey.service.d")
    drop_in.mkdir()
    (drop_in / "override.conf").write_text(textwrap.dedent(found[1]))
    server.must(f"systemctl daemon-reload && {found[2]}")
    wait_until(lambda: re.search(r"Greylisted.*\(id ", server.rcpt("198.51.111.1").text), 10, "policyd in its place")
    server.must("set -e; cd /usr/src/policyd\n" + typed("docs/postgrey.md", "As a service of its own"))
    assert re.search(r"Greylisted.*\(id ", server.rcpt("198.51.112.1").text)
    assert "recipient=bob@box.test" in server.must("journalctl -u policyd POLICYD_CLIENT_ADDRESS=198.51.112.1")
    server.must("systemctl reload policyd")
    assert server.run("policyd status")[0] == 0
