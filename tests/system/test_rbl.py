"""DNS lists as a mail server lives them: real Postfix, real SMTP, real rbldnsd behind real unbound."""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.system.daemon import ROOT, Policyd
from tests.system.nameservers import Rbldnsd, Unbound
from tests.system.parts import laboratory, wait_until
from tests.system.postfix import CONFIGURATION_PROBLEM, Postfix
from tests.system.smtp import Client, Reply, attempt, rcpt
from tests.system.test_metrics import samples

DELAY: Final = 2
NUMBERS: Final = itertools.count(1)
TXT: Final = "Listed, see https://lab.example/$"

# rbldnsd(8): a combined data set answers for addresses of both families under one name.
BOTH: Final = f"""\
$DATASET ip4set @
:127.0.0.2:{TXT}
127.0.0.2
203.0.113.66
203.0.113.67 :127.0.0.99:a code that the filter does not take
203.0.113.68
$DATASET ip6trie @
:127.0.0.2:{TXT}
2001:db8:66::/48
"""
ZONES: Final = {
    "bl.lab.example": ("combined", BOTH),
    "b2.lab.example": ("ip4set", ":127.0.0.2:\n127.0.0.2\n203.0.112.0/24\n"),
    "dbl.lab.example": ("dnset", ":127.0.1.2:Listed domain\ntest\n.bad.example\n"),
    # As DNSWL answers: category and trust, and a test point with an answer of its own.
    "list.dnswl.org": (
        "ip4set",
        """\
:127.0.5.0:
127.0.0.2 :127.0.10.0:
198.51.100.0/24 :127.0.5.3:
203.0.113.68 :127.0.5.3:
198.51.101.0/24 :127.0.5.0:
""",
    ),
}
RBL: Final[dict[str, Any]] = {
    "sites": [
        "bl.lab.example=127.0.0.[2..11]*3, b2.lab.example=127.0.0.2*1.5",
        "list.dnswl.org=127.0.[0..255].[1..3]*-2",
    ],
    "deadline": "3s",
}
DOMAINS: Final = """
[[rbl.zones]]
zone = "dbl.lab.example"
look_up = ["sender domain", "helo"]
filter = "127.0.1.[2..99]"
weight = 3.0
"""


class Mail(NamedTuple):
    """A policyd and a Postfix that asks it, and the nameserver that policyd asks."""

    daemon: Policyd
    postfix: Postfix
    unbound: Unbound

    def rcpt(self, address: str, sender: str = "alice@example.org", helo: str = "mail.example.org") -> Reply:
        return rcpt(self.postfix.port, Client(address, helo=helo), sender, "bob@box.test")

    def status(self) -> tuple[int, dict[str, Any]]:
        return self.ask("status")

    def ask(self, *words: str) -> tuple[int, dict[str, Any]]:
        """What `policyd WORDS --json` says, and its exit status."""
        done = subprocess.run(
            [sys.executable, "-m", "policyd", *words, "--config", str(self.daemon.config), "--json"],
            cwd=ROOT, stdout=subprocess.PIPE, check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    def is_well(self) -> bool:
        """Whether every list passed a probe and is asked."""
        _, answer = self.ask("rbl", "status")
        return all(each["state"] == "asked" for each in answer["lists"])


class House(Policyd):
    """Its configuration has an array of tables, too."""

    def configure(self, settings: Any) -> None:
        super().configure(settings)
        self.config.write_text(self.config.read_text() + DOMAINS)


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with (
        laboratory() as home,
        Rbldnsd(home, ZONES) as rbldnsd,
        Unbound(home, dict.fromkeys(ZONES, rbldnsd.port)) as unbound,
    ):
        settings: dict[str, dict[str, Any]] = {
            "chain": {"checks": ["whitelist", "rbl", "greylist"]},
            "dns": {"nameservers": [unbound.address], "timeout": "1s"},
            "greylist": {"delay": f"{DELAY}s", "auto_whitelist_clients": 0},
            "rbl": RBL,
        }
        with House(home, settings) as daemon, Postfix(home, daemon.inet) as postfix:
            here = Mail(daemon, postfix, unbound)
            wait_until(here.is_well, 30, daemon.log)
            yield here
            assert CONFIGURATION_PROBLEM not in postfix.maillog()
            daemon.settle()
            assert not daemon.lines("Traceback")


def stranger() -> str:
    """An address from a /24 that nobody came from before, on no list."""
    number = next(NUMBERS)
    return f"192.88.{number}.9"


def is_greylisted(reply: Reply) -> bool:
    return reply.code == 450 and "Greylisted" in reply.text


def test_a_listed_client_is_refused_in_postfixs_own_words(mail: Mail) -> None:
    reply = mail.rcpt("203.0.113.66")
    assert reply.code == 550
    text, _, rest = reply.text.partition(" (id ")
    assert text == (
        "5.7.1 <bob@box.test>: Recipient address rejected: Service unavailable; Client host [203.0.113.66] blocked "
        "using bl.lab.example; Listed, see https://lab.example/203.0.113.66"
    )
    wait_until(lambda: mail.daemon.lines(rest.rstrip(")"), "action=reject, reason=listed"), 10, mail.daemon.log)
    (line,) = mail.daemon.lines(rest.rstrip(")"))
    assert 'match="3 points; bl.lab.example 3"' in line


def test_a_listed_client_with_an_ipv6_address(mail: Mail) -> None:
    reply = mail.rcpt("IPV6:2001:db8:66::1")
    assert reply.code == 550
    assert "Client host [2001:db8:66::1] blocked using bl.lab.example; Listed, see" in reply.text
    assert is_greylisted(mail.rcpt("IPV6:2001:db8:67::1"))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"sender": "joe@www.bad.example"}, "Sender address [joe@www.bad.example] blocked using dbl.lab.example"),
        ({"helo": "bad.example"}, "Helo command [bad.example] blocked using dbl.lab.example; Listed domain"),
    ],
)
def test_a_listed_domain(mail: Mail, words: dict[str, str], text: str) -> None:
    reply = mail.rcpt(stranger(), **words)
    assert reply.code == 550
    assert text in reply.text


def test_below_the_threshold_mail_passes_with_a_header(mail: Mail) -> None:
    client, subject = Client("203.0.112.9"), "below"
    message = ("alice@example.org", ["bob@box.test"], subject)
    first = attempt(mail.postfix.port, client, *message)
    assert is_greylisted(first.recipients["bob@box.test"])
    time.sleep(DELAY + 1.05)
    assert attempt(mail.postfix.port, client, *message).accepted
    (delivered,) = mail.postfix.wait_for_mail(subject)
    assert delivered["X-DNSBL"] == "1.5 points; b2.lab.example 1.5"


def test_a_code_that_the_filter_does_not_take_counts_nothing(mail: Mail) -> None:
    assert is_greylisted(mail.rcpt("203.0.113.67"))


def test_a_client_that_dnswl_trusts_is_not_greylisted(mail: Mail) -> None:
    assert mail.rcpt("198.51.100.25").code == 250
    wait_until(lambda: mail.daemon.lines("reason=allow list", "client_address=198.51.100.25"), 10, mail.daemon.log)
    assert is_greylisted(mail.rcpt("198.51.101.25")), "trust none is no trust"


def test_an_allow_list_speaks_for_who_is_on_a_block_list(mail: Mail) -> None:
    reply = mail.rcpt("203.0.113.68")
    assert reply.code != 550, "3 - 2 points are below 3"


def test_mail_of_a_stranger_is_judged_by_the_checks_behind(mail: Mail) -> None:
    assert is_greylisted(mail.rcpt(stranger()))


def test_the_lists_can_be_asked_by_hand(mail: Mail) -> None:
    code, answer = mail.ask("rbl", "test", "203.0.113.66")
    assert code == 0
    assert answer["points"] == 3.0
    by_zone = {each["zone"]: each for each in answer["answers"]}
    assert by_zone["bl.lab.example"]["text"] == "Listed, see https://lab.example/203.0.113.66"
    assert by_zone["b2.lab.example"]["answer"] == []
    code, answer = mail.ask("rbl", "test", "www.bad.example")
    assert answer["action"].startswith("550 5.7.1 Service unavailable; ")


def test_what_lists_say_is_counted(mail: Mail) -> None:
    series = samples(mail.daemon)
    assert series["policyd_dnsbl_zone_up", frozenset({"bl.lab.example"})] == 1
    assert series["policyd_dnsbl_results_total", frozenset({"bl.lab.example", "listed"})] >= 2
    assert series["policyd_dnsbl_results_total", frozenset({"list.dnswl.org", "clean"})] >= 2
    assert series["policyd_dns_queries_total", frozenset({"found"})] >= 5
    assert series["policyd_dns_server_up", frozenset({mail.unbound.address})] == 1


def test_when_nobody_answers_mail_flows_and_it_is_said_and_it_ends_by_itself(mail: Mail) -> None:
    mail.unbound.stop()
    began = time.monotonic()
    try:
        for address in ("203.0.113.69", "198.51.100.77", *(stranger() for _ in range(5))):
            sender = f"a{next(NUMBERS)}@example.org"
            assert is_greylisted(mail.rcpt(address, sender)), "nobody is refused, and nobody trusted"
        assert time.monotonic() - began < 7 * 3.5, "each within the deadline"
        wait_until(lambda: "no nameserver answers" in json.dumps(mail.status()[1]), 10, "it says so")
        code, status = mail.status()
        assert (code, status["state"]) == (1, "degraded")
        assert samples(mail.daemon)["policyd_dns_server_up", frozenset({mail.unbound.address})] == 0

        def all_are_parked() -> bool:
            time.sleep(0.5)
            number = next(NUMBERS)
            sender, helo = f"a@d{number}.example", f"mx.h{number}.example"
            assert is_greylisted(mail.rcpt(stranger(), sender, helo)), "mail goes on coming"
            return all(each["state"] == "parked" for each in mail.ask("rbl", "status")[1]["lists"])

        wait_until(all_are_parked, 60, "all lists are parked")
        assert mail.daemon.lines("is parked: it does not answer") or mail.daemon.lines("none of the 4 lists answers")
        assert is_greylisted(mail.rcpt("203.0.113.66", "never@seen.example")), "parked lists are not asked"
        code, lists = mail.ask("rbl", "status")
        assert code == 1
        assert {each["finding"] for each in lists["lists"]} == {"it does not answer"}
    finally:
        mail.unbound.start()
    wait_until(mail.is_well, 60, "all lists are asked again")
    assert mail.rcpt("203.0.113.66").code == 550
    assert mail.rcpt("198.51.100.78").code == 250
    assert mail.status()[1]["state"] == "serving"
