"""Which lists a configuration has, in which order, made of which files."""

from argparse import Namespace

import pytest

from policyd.cli.list import NotDone
from policyd.cli.list.places import find_place, places, section_of
from policyd.config import load
from policyd.tables.lists import Source
from tests.cli.list.house import House


def test_in_the_order_of_the_daemon(house: House) -> None:
    found = places(load(str(house.home / "policyd.toml")))
    assert [place.label for place in found] == [
        "[whitelist] clients",
        "[whitelist] senders",
        "[whitelist] recipients",
        "[[whitelist.lists]] clients",
        "[[whitelist.lists]] helo",
        "[[whitelist.lists]] senders",
        "[[whitelist.lists]] recipients",
        "[blacklist] clients",
        "[blacklist] helo",
        "[blacklist] senders",
        "[blacklist] recipients",
    ]
    assert {place.exempt for place in found if place.label.startswith("[[")} == {("greylist",)}
    assert {section_of(place) for place in found} == {"[whitelist]", "[[whitelist.lists]]", "[blacklist]"}


def test_what_nobody_asks_comes_last(house: House) -> None:
    house.write("policyd.toml", house.read("policyd.toml").replace('"whitelist", ', ""))
    found = places(load(str(house.home / "policyd.toml")))
    assert [(place.check, place.is_asked) for place in found] == [("blacklist", True)] * 4 + [("whitelist", False)] * 7


def test_what_only_a_policy_asks_is_asked(house: House) -> None:
    text = house.read("policyd.toml").replace('"whitelist", ', "")
    house.write("policyd.toml", f'{text}[[policy]]\nrecipients = ["a@example.net"]\non = ["whitelist"]\n')
    assert all(place.is_asked for place in places(load(str(house.home / "policyd.toml"))))


def test_files_in_the_order_in_which_they_are_asked(house: House) -> None:
    for name in ("senders.local", "senders.d/b", "senders.d/a", "senders.d/.hidden", "sender_access.local"):
        house.write(name, "")
    (senders,) = (p for p in places(load(str(house.home / "policyd.toml"))) if p.label == "[blacklist] senders")
    names = ["senders.local", "senders.d/a", "senders.d/b", "senders", "sender_access.local", "sender_access"]
    assert [file.path for file in senders.files] == [f"{house.home}/{name}" for name in names]
    assert [file.form for file in senders.files] == ["policyd"] * 4 + ["access"] * 2


def test_a_file_is_found_in_its_list(house: House) -> None:
    options = Namespace(config=str(house.home / "policyd.toml"))
    place, file = find_place(options, "sender", f"{house.home}/sender_access.local")
    assert place is not None
    assert (place.label, file) == ("[blacklist] senders", Source("access", f"{house.home}/sender_access.local"))
    assert find_place(options, "sender", "cidr:/elsewhere") == (None, Source("cidr", "/elsewhere"))
    with pytest.raises(NotDone, match="is a list of kind 'sender'"):
        find_place(options, "client", f"{house.home}/senders")


def test_no_configuration_is_needed_for_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyd.cli.list.places.DEFAULT_PATH", "/nonexistent/policyd.toml")
    options = Namespace(config="/nonexistent/policyd.toml")
    assert find_place(options, "sender", "/elsewhere") == (None, Source("policyd", "/elsewhere"))
