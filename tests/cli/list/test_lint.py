"""`policyd list lint`: one line for each thing found, in the lists of the configuration or in any file."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.list.house import House

ROOT = Path(__file__).parents[3]


def test_nothing_found_says_where(house: House) -> None:
    house.write("senders", "example.com\n# example.net\n")
    house.write("senders.local", "example.org\na@example.net\n")
    (house.home / "postmasters").unlink()
    assert house.run("lint") == (0, "nothing found: 3 entries in 6 files\n", "")
    assert house.run("lint", "--kind", "helo") == (0, "nothing found: 0 entries in 0 files\n", "")
    assert house.run("lint", "--json") == (0, "[]\n", "")


def test_a_file_that_is_read_twice_is_counted_once(house: House) -> None:
    file = house.write("senders", "example.com\n")
    assert house.run("lint", str(file), str(file)).out == "nothing found: 1 entry in 1 file\n"


def test_all_lists_in_their_order(house: House) -> None:
    house.write("welcome_clients", "*.example.org\n")
    house.write("senders", "exa mple\n[until=2020-01-01] a@example.com\n")
    house.write("senders.local", "example.com\n")
    house.write("sender_access", "b@example.com OK\n")
    said = house.run("lint")
    assert said.status == 1
    places = [line.split(": ")[0].removeprefix(f"{house.home}/") for line in said.out.splitlines()]
    assert places == ["welcome_clients:1", "senders:1", "senders:2", "sender_access:1", "sender_access:1"]


def test_notes_may_be_left_out(house: House) -> None:
    house.write("welcome_clients", "*.example.org\n")
    assert house.run("lint").status == 1
    assert house.run("lint", "--no-notes") == (0, "nothing found: 1 entry in 6 files\n", "")


def test_json(house: House) -> None:
    house.write("senders", "a@example.com\nA@example.com\n")
    assert json.loads(house.run("lint", "--json").out) == [
        {
            "file": f"{house.home}/senders",
            "line": 2,
            "level": "mistake",
            "message": f"a@example.com stands there already: {house.home}/senders:1 is asked first; remove one of them",
        }
    ]


def test_a_file_without_a_configuration(house: House) -> None:
    file = house.write("elsewhere", "10.1\n")
    said = house.run("lint", "--kind", "client", str(file))
    assert said.status == 1
    assert said.out == (f"{file}:1: 10.1 is 10.1.0.0/24 in postgrey; here it is 10.1.0.0/16; write the one you mean\n")


def test_a_file_of_the_configuration_has_its_kind_and_form(house: House) -> None:
    house.write("sender_access", "a@example.com OK\n")
    said = house.run("lint", f"{house.home}/sender_access")
    note = "OK becomes DUNNO: no opinion, Postfix's next restriction is asked; write DUNNO"
    assert said.out == f"{house.home}/sender_access:1: {note}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{home}/elsewhere"], "no option names this file; say what it is a list of, as in --kind sender"),
        (["{home}/none", "--kind", "sender"], "no such file"),
        (["--kind", "client", "{home}/senders"], "is a list of kind 'sender' ([blacklist] senders)"),
        (["mysql:/x", "--kind", "client"], "mysql"),
    ],
)
def test_what_cannot_be_read(arguments: list[str], sentence: str, house: House) -> None:
    said = house.run("lint", *(argument.format(home=house.home) for argument in arguments))
    assert said.status == 1
    assert said.err.startswith("policyd list lint: ")
    assert sentence in said.err


@pytest.mark.parametrize("name", ["whitelist_clients", "whitelist_recipients"])
def test_the_shipped_lists_have_nothing_to_find(name: str, house: House) -> None:
    kind = "client" if "client" in name else "recipient"
    said = house.run("lint", "--kind", kind, str(ROOT / "conf" / name))
    assert said.status == 0
    assert re.fullmatch(r"nothing found: [1-9][0-9]* entries in 1 file\n", said.out)


def test_a_file_that_cannot_be_read_hides_no_other(house: House) -> None:
    (house.home / "senders.d/sub").mkdir(parents=True)
    house.write("senders", "exa mple\n")
    said = house.run("lint")
    assert said.status == 1
    assert [line.partition(": ")[0] for line in said.out.splitlines()] == [
        f"{house.home}/senders.d/sub",
        f"{house.home}/senders:1",
    ]
    assert json.loads(house.run("lint", "--json").out)[0]["message"] == "cannot be read: Is a directory"
