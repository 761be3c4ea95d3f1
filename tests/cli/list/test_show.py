"""`policyd list show`: the entries with their places, times and hits."""

import json
from datetime import datetime

from tests.cli.list.house import House


def fill(house: House) -> None:
    house.write("welcome_clients", "# ours\n\nmx.example.org   # codes\n")
    house.write("senders", "[until=2020-01-01] old@example.com\n[hours=00:00-24:00 by=anna] a@example.com  REJECT no\n")
    house.write("sender_access", "b@example.com\n  DEFER\n  later\n")


def test_all_in_the_order_of_the_daemon(house: House) -> None:
    fill(house)
    lines = [
        "welcome_clients:3: mx.example.org   # codes",
        "senders:1: [until=2020-01-01] old@example.com",
        "senders:2: [hours=00:00-24:00 by=anna] a@example.com  REJECT no",
        "sender_access:1: b@example.com",
    ]
    assert house.run("show") == (0, "".join(f"{house.home}/{line}\n" for line in lines), "")


def test_selection(house: House) -> None:
    fill(house)

    def shown(*options: str) -> list[str]:
        return [entry["entry"] for entry in json.loads(house.run("show", *options, "--json").out)]

    assert shown("--expired") == ["old@example.com"]
    assert shown("--active") == ["mx.example.org", "a@example.com", "b@example.com"]
    assert shown("client") == ["mx.example.org"]
    assert shown("--list", "blacklist", "--active") == ["a@example.com", "b@example.com"]


def test_hits(house: House) -> None:
    fill(house)
    counts = {
        f"{house.home}/senders": {"a@example.com": [3, 1790000000]},
        f"{house.home}/welcome_clients": {"mx.example.org": [1, 1]},
    }
    house.write("list-hits.json", json.dumps(counts))
    said = house.run("show")
    assert f"REJECT no   (3 hits, the last {datetime.fromtimestamp(1790000000):%Y-%m-%d %H:%M})\n" in said.out
    assert "(1 hit, the last 19" in said.out
    assert sum("hit" in line.partition("   (")[2] for line in said.out.splitlines()) == 2


def test_json(house: House) -> None:
    fill(house)
    house.write("list-hits.json", json.dumps({f"{house.home}/senders": {"a@example.com": [3, 1790000000]}}))
    entries = json.loads(house.run("show", "sender", "--json").out)
    assert entries[1] == {
        "check": "blacklist",
        "list": "[blacklist] senders",
        "kind": "sender",
        "file": f"{house.home}/senders",
        "line": 2,
        "entry": "a@example.com",
        "action": "REJECT no",
        "window": "[hours=00:00-24:00 by=anna]",
        "reason": "",
        "by": "anna",
        "is_active": True,
        "is_expired": False,
        "hits": 3,
        "last_hit": 1790000000,
    }
    assert (entries[0]["action"], entries[0]["is_expired"], entries[0]["last_hit"]) == (None, True, None)
    assert (entries[2]["action"], entries[2]["window"]) == ("DEFER later", None)


def test_broken_hits_are_told_and_left_out(house: House) -> None:
    fill(house)
    house.write("list-hits.json", "{")
    said = house.run("show", "client")
    assert said.status == 0
    assert said.out == f"{house.home}/welcome_clients:3: mx.example.org   # codes\n"
    assert said.err.startswith("policyd list show: no hits: ")


def test_bytes_that_cannot_be_shown_are_escaped(house: House) -> None:
    house.write("welcome_clients", "mx.example.org  # \x1b[2J caf\udce9\n")
    said = house.run("show")
    assert said.out == f"{house.home}/welcome_clients:1: mx.example.org  # \\x1b[2J caf\\udce9\n"


def test_a_configuration_that_is_not_there(house: House) -> None:
    (house.home / "policyd.toml").unlink()
    said = house.run("show")
    assert said.status == 78
    assert said.err == f"{house.home}/policyd.toml: no such file; name the configuration with --config FILE\n"


def test_a_file_that_cannot_be_read_hides_no_other(house: House) -> None:
    (house.home / "senders.d/sub").mkdir(parents=True)
    house.write("senders", "a@example.com\n")
    said = house.run("show", "sender")
    assert said.out == f"{house.home}/senders:1: a@example.com\n"
    assert said.err == f"{house.home}/senders.d/sub: cannot be read: Is a directory\n"
