"""logcheck's file: ordinary lines are not mailed to anybody, trouble is."""

import subprocess
from pathlib import Path
from typing import Final, get_args

import pytest

from policyd.logs.lines import postgrey_line
from policyd.model.action import DUNNO, Action
from policyd.model.verdict import Decision, Reason, Would
from policyd.wire.request import parse_request

RULES: Final = Path(__file__).parent.parent / "conf/logcheck/policyd"
HEADS: Final = ("Nov 26 13:00:00 mx policyd[812]: ", "2026-11-26T13:00:00.123456+00:00 mx.example.org policyd[812]: ")
WOULD: Final = Would(Action("REJECT", "no, thanks"), "rbl", "listed")


def is_ordinary(line: str) -> bool:
    done = subprocess.run(["grep", "-E", "-c", "-f", str(RULES)], input=line + "\n", capture_output=True, text=True)
    return done.stdout == "1\n"


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_decision_is_ordinary(head: str, reason: Reason) -> None:
    raw = b"client_address=192.0.2.1\nclient_name=mx\nsender=a, b@x\nrecipient=b@y\nqueue_id=4XyZabc"
    decision = Decision(DUNNO, "greylist", reason, 240, "0000ABCD", match="/f:1: x", would=WOULD, policy="ours (f:1)")
    assert is_ordinary(head + postgrey_line(parse_request(raw), decision))


@pytest.mark.parametrize(
    "line",
    ["policyd 0.1.0 serving on inet:127.0.0.1:10030", "policyd ended", "reload: new settings are in force",
     "/etc/policyd/whitelist_clients: taken, 12 entries"],
)  # fmt: skip
def test_so_is_the_course_of_a_day(line: str) -> None:
    assert is_ordinary(HEADS[0] + line)


@pytest.mark.parametrize(
    "line",
    ["the store /x has trouble: disk I/O error; it is tried again", "/etc/policyd/whitelist_clients:12: no address",
     "a bug: please report it", "reload: the old settings stay in force because of the lines above",
     "action=pass, reason=new, sender=a\\x0a, id=0000ABCD and more"],
)  # fmt: skip
def test_trouble_is_not(line: str) -> None:
    assert not is_ordinary(HEADS[0] + line)
