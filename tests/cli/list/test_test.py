"""`policyd list test`: what each list would say, in the daemon's order, with what does not count at the moment."""

import json

import pytest

from tests.cli.list.house import House

SPAM = 'spam@example.com: REJECT no thanks [until=2026-12-31 tz=UTC reason="ticket 5"]'


def fill(house: House) -> None:
    house.write("welcome_clients", "mx.example.org\n192.0.2\n")
    house.write("postmasters", "postmaster@\n")
    house.write("networks", "192.0.2.0/24 REJECT bad network\n")
    house.write(
        "senders", '[until=2026-12-31 tz=UTC reason="ticket 5"] spam@example.com  REJECT no thanks\nexample.com\n'
    )
    house.write("sender_access", "<> DUNNO\n")


def test_one_sender(house: House) -> None:
    fill(house)
    said = house.run("test", "sender", "Spam@example.com", "--at", "2026-12-24T12:00")
    assert said == (
        0,
        f"[blacklist] senders: {house.home}/senders:1: {SPAM}\n",
        "",
    )


def test_what_does_not_count_at_that_time_is_told(house: House) -> None:
    fill(house)
    said = house.run("test", "sender", "spam@example.com", "--at", "2027-01-02T12:00")
    assert said.out.splitlines() == [
        f"[blacklist] senders: {house.home}/senders:2: example.com: listed, [blacklist] says with which text",
        f"[blacklist] senders: not at that time: {house.home}/senders:1: {SPAM}",
    ]


def test_a_whole_mail_in_the_order_of_the_daemon(house: House) -> None:
    fill(house)
    said = house.run(
        "test",
        "--client",
        "192.0.2.1",
        "--client-name",
        "unknown",
        "--sender",
        "",
        "--recipient",
        "postmaster@example.net",
    )
    assert said.out.splitlines() == [
        f"[whitelist] clients: {house.home}/welcome_clients:2: 192.0.2.0/24: welcome, no other check is asked",
        "[whitelist] recipients: no entry",
        f"[[whitelist.lists]] recipients: {house.home}/postmasters:1: postmaster@: exempt from greylist",
        f"[blacklist] clients: {house.home}/networks:1: 192.0.2.0/24: REJECT bad network",
        f"[blacklist] senders: {house.home}/sender_access:1: <>: DUNNO, the other entries of this list do not count",
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["client", "mx.example.org"], 1),
        (["client", "192.0.2.77"], 2),
        (["client", "192.0.3.1", "--client-name", "a.mx.example.org"], 1),
        (["client", "192.0.3.1"], None),
        (["--client-name", "mx.example.org"], 1),
    ],
)
def test_clients(arguments: list[str], line: int | None, house: House) -> None:
    fill(house)
    answer = json.loads(house.run("test", *arguments, "--json").out)["lists"][0]
    assert (answer["match"] and answer["match"]["line"]) == line


def test_json(house: House) -> None:
    fill(house)
    said = json.loads(house.run("test", "sender", "spam@example.com", "--json", "--at", "2026-12-24T12:00").out)
    assert said["lists"][0] == {
        "check": "blacklist",
        "list": "[blacklist] senders",
        "kind": "sender",
        "is_asked": True,
        "exempt": [],
        "match": {
            "file": f"{house.home}/senders",
            "line": 1,
            "entry": "spam@example.com",
            "action": "REJECT no thanks",
            "window": '[until=2026-12-31 tz=UTC reason="ticket 5"]',
            "reason": "ticket 5",
            "by": "",
        },
        "inactive": [],
        "mistakes": [],
    }


POLICIES = """
[[policy]]
name = "nights"
recipients = ["example.net"]
hours = "22:00-23:00"
off = ["greylist"]
[[policy]]
name = "friends"
recipients = ["example.net"]
senders = ["friend.example"]
off = ["greylist"]
[[policy]]
name = "all"
off = ["blacklist"]
"""


def test_the_policy_that_counts(house: House) -> None:
    house.write("policyd.toml", house.read("policyd.toml") + POLICIES)
    said = house.run("test", "--sender", "a@b.example", "--recipient", "c@example.net", "--at", "2026-12-24T12:00")
    policies = [line.partition(": ") for line in said.out.splitlines() if line.startswith("[[policy]]")]
    assert [(name.split()[1], what) for name, _, what in policies] == [
        ("nights", "names example.net, but not at that time"),
        ("friends", "names example.net, but not for that sender"),
        ("all", "counts, it names everybody; asked are whitelist, greylist"),
    ]


def test_without_a_sender_a_policy_for_some_is_open(house: House) -> None:
    house.write("policyd.toml", house.read("policyd.toml") + POLICIES)
    said = house.run("test", "recipient", "c@example.net", "--at", "2026-12-24T22:30")
    policies = [line.partition(": ")[2] for line in said.out.splitlines() if line.startswith("[[policy]]")]
    assert policies == [
        "counts, it names example.net; asked are whitelist, blacklist",
        "names example.net, but one above counts",
        "names everybody, but one above counts",
    ]
    (_, friends, _) = json.loads(
        house.run("test", "recipient", "c@example.net", "--at", "2026-12-24T12:00", "--json").out
    )["policies"]
    assert (friends["counts"], friends["why_not"]) == (False, "nobody")


def test_hours_of_a_check_are_told(house: House) -> None:
    house.write(
        "policyd.toml", house.read("policyd.toml").replace("[blacklist]\n", '[blacklist]\nhours = "22:00-23:00"\n')
    )
    said = house.run("test", "sender", "a@b.example", "--at", "2026-12-24T12:00")
    assert "[blacklist] senders (not asked at that time, only [hours=22:00-23:00]): no entry" in said.out


def test_a_list_that_nobody_asks_is_told(house: House) -> None:
    house.write("policyd.toml", house.read("policyd.toml").replace('"blacklist", ', ""))
    said = house.run("test", "sender", "a@b.example")
    assert "[blacklist] senders (nobody asks: [chain] checks does not name it): no entry" in said.out


def test_mistakes_are_told_because_the_daemon_may_have_an_older_version(house: House) -> None:
    house.write("senders", "a@b.example\nexa mple\n")
    said = house.run("test", "sender", "a@b.example")
    assert said.out.startswith(f"[blacklist] senders: {house.home}/senders:1: a@b.example: listed")
    assert said.err.startswith(f"{house.home}/senders:2: 'mple' is no action")
    assert said.err.endswith("; a running policyd keeps the version before that\n")


@pytest.mark.parametrize("arguments", [[], ["sender"]])
def test_nobody_named_is_usage(arguments: list[str], house: House) -> None:
    said = house.run("test", *arguments)
    assert said.status == 2
    assert "nobody is named: write KIND VALUE" in said.err


def test_a_time_is_checked(house: House) -> None:
    assert "'noon' is no date" in house.run("test", "sender", "a@b.example", "--at", "noon").err


def test_hostile_values_are_escaped(house: House) -> None:
    house.write("senders", "/./ WARN seen\n")
    said = house.run("test", "sender", "\x1b[2J@example.com")
    assert said.status == 0
    assert "\x1b" not in said.out


def test_a_file_that_cannot_be_read_hides_no_other(house: House) -> None:
    (house.home / "senders.d/sub").mkdir(parents=True)
    house.write("senders", "a@example.com\n")
    said = house.run("test", "sender", "a@example.com")
    assert said.out.startswith(f"[blacklist] senders: {house.home}/senders:1: a@example.com: listed")
    why = (
        f"{house.home}/senders.d/sub: cannot be read: Is a directory; a running policyd keeps the version before that\n"
    )
    assert said.err == why
