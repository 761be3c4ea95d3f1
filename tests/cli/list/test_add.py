"""`policyd list add`: the right line in the right file, or a sentence and nothing written."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from policyd.tables.windows import parse_window, split_window
from tests.cli.list.house import House

ROOT = Path(__file__).parents[3]


def test_an_action_goes_to_the_blacklist(house: House) -> None:
    said = house.run("add", "sender", "spam@example.com", "REJECT", "no thanks")
    assert house.read("senders.local") == "spam@example.com  REJECT no thanks\n"
    place = f"{house.home}/senders.local:1"
    assert said.out == f"{place}: spam@example.com  REJECT no thanks\na running policyd takes it within 2 seconds\n"
    assert (said.status, said.err) == (0, "")


def test_what_was_added_is_what_answers(house: House) -> None:
    house.run("add", "sender", "Spam@Example.COM", "REJECT", "no thanks")
    (answer, *_) = json.loads(house.run("test", "sender", "spam@example.com", "--json").out)["lists"]
    assert answer["match"]["action"] == "REJECT no thanks"


def test_a_whitelist_is_named(house: House) -> None:
    said = house.run(
        "add", "client", "mx.example.org", "--list", "whitelist", "--reason", "codes never come", "--by", "anna"
    )
    assert said.status == 0
    assert house.read("welcome_clients.local") == '[reason="codes never come" by=anna] mx.example.org\n'


def test_without_an_action_the_list_must_be_said(house: House) -> None:
    said = house.run("add", "client", "mx.example.org")
    assert said.status == 1
    assert said.err == (
        "policyd list add: without an ACTION, say which list is meant: --list whitelist or --list blacklist\n"
    )


def test_for_seven_days(house: House) -> None:
    assert house.run("add", "sender", "a@example.com", "DEFER", "later", "--for", "7d").status == 0
    bracket, rest = split_window(house.read("senders.local"))
    assert rest == "a@example.com  DEFER later\n"
    written = os.stat(house.home / "senders.local").st_mtime  # noqa: PTH116
    until = parse_window(bracket).until or 0
    assert 0 <= until - written - 7 * 86400 + 1 <= 62


def test_hours_days_and_a_zone(house: House) -> None:
    times = (
        "--from",
        "2030-01-01",
        "--until",
        "2030-12-31",
        "--hours",
        "22:00-06:00",
        "--days",
        "Mon-Fri",
        "--tz",
        "UTC",
    )
    assert house.run("add", "sender", "a@example.com", "DEFER", "later", *times).status == 0
    assert house.read("senders.local") == (
        "[from=2030-01-01 until=2030-12-31 hours=22:00-06:00 days=Mon-Fri tz=UTC] a@example.com  DEFER later\n"
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--for", "7"], "argument --for: '7' is not a duration"),
        (["--until", "tomorrow"], "argument --until: 'tomorrow' is no date"),
        (["--hours", "22"], "argument --hours: '22' are no hours"),
        (["--days", "Funday"], "argument --days: 'Funday' is no day"),
        (["--tz", "Mars/Base", "--hours", "08:00-09:00"], "argument --tz: there is no time zone 'Mars/Base'"),
        (["--reason", "a\nb"], "argument --reason: "),
        (["--reason", "x" * 999], "argument --reason: "),
        (["--for", "999999999d"], "argument --for: "),
    ],
)
def test_mistyped_times_are_usage(options: list[str], sentence: str, house: House) -> None:
    said = house.run("add", "sender", "a@example.com", "REJECT", "no", *options)
    assert said.status == 2
    assert sentence in said.err
    assert not (house.home / "senders.local").exists()


@pytest.mark.parametrize(
    "words", [["a\nb@example.com"], ["a@example.com", "REJECT", "a\nb"], [" "], ["a@b.example", ""]]
)
def test_nobody_brings_in_a_second_line(words: list[str], house: House) -> None:
    assert house.run("add", "sender", *words, "--list", "blacklist").status == 2
    assert not (house.home / "senders.local").exists()


REFUSED = [
    (["sender", "exa mple", "REJECT"], "'mple' is no action"),
    (["sender", "a@example.com", "permit_mynetworks"], "restriction"),
    (["sender", "a@example.com", "FOO"], "no action"),
    (["sender", "a@example.com", "REJECT", "ticket # 5"], "what stands behind '#' is a comment"),
    (["client", "192.0.2.1", "550"], "550 alone lets pass, as in Postfix: write 550 TEXT"),
    (["sender", "a@example.com", "550"], "550 alone lets pass"),
    (
        ["client", "com", "REJECT"],
        "com cannot be written into a file of the form cidr, and [blacklist] clients names no",
    ),
    (["sender", "new@example.com", "REJECT", "--until", "2020-01-01"], "that time is over already"),
    (["sender", "#a@example.com", "REJECT"], "what stands behind '#' is a comment"),
    (["sender", "/(a+)+\\1$/", "REJECT"], "can be made to run for seconds"),
    (["sender", "com", "REJECT"], "com names the whole top-level domain com; write --force if you mean it"),
    (["sender", "@com", "REJECT"], "names the whole top-level domain com"),
    (["sender", "/./", "REJECT"], "/./ names everybody, or nearly so; write --force if you mean it"),
    (["client", "0.0.0.0/0", "REJECT"], "0.0.0.0/0 names all IPv4 addresses"),
    (["client", "128.0.0.0/1", "REJECT"], "128.0.0.0/1 names 1/2 of all IPv4 addresses"),
    (["recipient", "a@example.com", "REJECT"], "[blacklist] recipients names no file: write recipients = ["),
    (["recipient", "a@example.com", "REJECT", "--list", "whitelist"], "a whitelist lets pass, it cannot REJECT"),
    (
        ["helo", "x", "--list", "whitelist"],
        "[whitelist] has no list of kind 'helo'; write client or sender or recipient",
    ),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED, ids=[" ".join(words) for words, _ in REFUSED])
def test_what_is_refused_writes_nothing(words: list[str], sentence: str, house: House) -> None:
    before = sorted((path.name, path.read_bytes()) for path in house.home.iterdir())
    said = house.run("add", *words)
    assert sentence in said.err
    assert said.err.startswith("policyd list add: ")
    assert said.status == 1
    assert sorted((path.name, path.read_bytes()) for path in house.home.iterdir()) == before


def test_force_names_many(house: House) -> None:
    assert house.run("add", "sender", "com", "REJECT", "--force").status == 0


def test_the_same_twice(house: House) -> None:
    house.run("add", "sender", "a@example.com", "REJECT")
    said = house.run("add", "sender", "A@example.com", "DEFER", "later")
    assert said.status == 1
    assert f"a@example.com stands there already: {house.home}/senders.local:1" in said.err


def test_the_same_at_another_time_is_another_entry(house: House) -> None:
    house.run("add", "sender", "a@example.com", "REJECT", "--hours", "08:00-12:00")
    assert house.run("add", "sender", "a@example.com", "DEFER", "later", "--hours", "12:00-18:00").status == 0
    said = house.run("add", "sender", "a@example.com", "DEFER", "never", "--hours", "12:00-18:00", "--by", "bob")
    assert (said.status, house.read("senders.local").count("\n")) == (1, 2)


def test_what_an_earlier_file_answers_is_told(house: House) -> None:
    house.write("senders.local", "example.com  DEFER later\n")
    said = house.run("add", "sender", "a@example.com", "REJECT", "--file", f"{house.home}/senders")
    assert said.status == 1
    assert f"a@example.com never answers: {house.home}/senders.local:1: example.com is asked first" in said.err
    assert house.read("senders") == "# senders\n"


def test_a_file_with_a_mistake_is_not_added_to(house: House) -> None:
    house.write("senders.local", "exa mple\n")
    said = house.run("add", "sender", "a@example.com", "REJECT")
    assert said.status == 1
    assert f"correct it first: {house.home}/senders.local:1: " in said.err


def test_another_form(house: House) -> None:
    assert house.run("add", "client", "192.0.2.0/24", "REJECT", "no").status == 0
    assert house.read("networks.local") == "192.0.2.0/24  REJECT no\n"
    said = house.run("add", "client", "192.0.2.0/24", "REJECT", "no")
    assert "stands there already" in said.err


def test_a_network_has_no_place_in_an_access_table(house: House) -> None:
    said = house.run("add", "client", "192.0.2.0/24", "REJECT", "--file", f"access:{house.home}/clients_access")
    assert said.status == 1
    assert "192.0.2.0/24" in said.err


def test_a_configuration_that_is_named_must_be_there(house: House) -> None:
    (house.home / "policyd.toml").unlink()
    assert house.run("add", "recipient", "a@example.com", "--file", str(house.write("mine", ""))).status == 78


def test_everything_else_of_the_file_stays(house: House) -> None:
    house.write("senders.local", "\ufeff# caf\udce9\r\nb@example.com  # why\r\n\r\n")
    house.run("add", "sender", "a@example.com", "REJECT")
    added = "a@example.com  REJECT\r\n"
    assert house.read("senders.local") == "\ufeff# caf\udce9\r\nb@example.com  # why\r\n\r\n" + added


def test_a_list_that_nobody_asks_is_told(house: House) -> None:
    config = house.read("policyd.toml").replace('"whitelist", "blacklist"', '"whitelist"')
    house.write("policyd.toml", config)
    said = house.run("add", "sender", "a@example.com", "REJECT")
    assert said.status == 0
    assert "[chain] checks does not name 'blacklist', so nobody asks this list" in said.err


def test_a_file_that_no_option_names_is_told(house: House) -> None:
    said = house.run("add", "sender", "a@example.com", "REJECT", "--file", str(house.home / "mine"))
    assert said.status == 0
    assert house.read("mine") == "a@example.com  REJECT\n"
    assert "2 seconds" not in said.out
    assert f"{house.home}/policyd.toml names this file in no option, so nobody asks it" in said.err
    assert "nobody asks" not in house.run("add", "sender", "a@example.com", "REJECT").err


def test_options_may_stand_anywhere(house: House) -> None:
    assert (
        house.run("add", "--by", "anna", "sender", "--days", "Mon", "a@example.com", "REJECT", "no", "thanks").status
        == 0
    )
    assert house.read("senders.local") == "[days=Mon by=anna] a@example.com  REJECT no thanks\n"


def test_many_at_the_same_time_lose_none(house: House) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "policyd", "list", "add", "sender", f"spam{number}@example.com", "REJECT", "no",
             "--config", str(house.home / "policyd.toml")],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]  # fmt: skip
    said = [program.communicate(timeout=60)[0] for program in programs]
    lines = house.read("senders.local").splitlines()
    assert sorted(lines) == [f"spam{number}@example.com  REJECT no" for number in range(4)]
    for number, text in enumerate(said):
        found = re.match(rf"{house.home}/senders.local:(\d+): (.*)\n", text)
        assert found
        assert lines[int(found[1]) - 1] == found[2] == f"spam{number}@example.com  REJECT no"


def test_the_first_file_that_takes_such_an_entry(house: House) -> None:
    config = house.read("policyd.toml").replace(
        '/networks"]', f'/networks", "pcre:{house.home}/re", "{house.home}/hosts"]'
    )
    house.write("policyd.toml", config)
    said = [house.run("add", "client", key, "REJECT", "no").status for key in ("192.0.2.1", "/^dyn/", "bad.example")]
    assert said == [0, 0, 0]
    for name, key in {"networks": "192.0.2.1", "re": "/^dyn/", "hosts": "bad.example"}.items():
        assert house.read(f"{name}.local") == f"{key}  REJECT no\n"
