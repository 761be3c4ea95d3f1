"""One request: the quick way and the long way say the same."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.model.request import PolicyRequest
from policyd.wire.request import _ORDER, _POSTFIX, _parse_any, parse_one, parse_request
from tests.examples import thorough

NAMES = [word.rstrip("*?") for word in _ORDER.split()]
OLDER = [word.rstrip("*") for word in _ORDER.split() if not word.endswith("?")]


def raw(names: list[str], value: str = "") -> str:
    return "".join(f"{name}={value or name[::-1]}\n" for name in names)


def test_every_field_has_its_own_attribute() -> None:
    for names in (NAMES, OLDER):
        request = parse_request(raw(names).encode())
        for field in PolicyRequest._fields[:-2]:
            assert getattr(request, field) == field[::-1]
        assert dict(request.attributes) == {name: name[::-1] for name in names}
        assert _POSTFIX.fullmatch(raw(names))


def test_one_whole_request_is_seen_at_once_if_it_is_as_postfix_writes_it() -> None:
    for names in (NAMES, OLDER):
        assert parse_one(raw(names).encode() + b"\n") == parse_request(raw(names).encode())
    whole = raw(NAMES).encode() + b"\n"
    for other in (whole[:-1], whole * 2, whole.replace(b"\n", b"\r\n"), whole.replace(b"\nsize", b"\r\nsize")):
        assert parse_one(other) is None


def test_the_address_is_an_address_in_both_ways() -> None:
    for names in (NAMES, NAMES[::-1]):
        address = parse_request(raw(names, "192.0.2.1").encode()).client_address
        assert address is not None
        assert address.text == "192.0.2.1"


@given(st.permutations(NAMES), st.lists(st.sampled_from(NAMES), max_size=3), st.text("ab=@!%\r\n\udcff ", max_size=4))
@example(NAMES, [], "=")
@example(NAMES, [], "a!b")
def test_the_quick_way_says_what_the_long_way_says(names: list[str], more: list[str], value: str) -> None:
    for text in (raw([*names, *more], value), raw(NAMES, value), raw([*NAMES, *more], value)):
        assert parse_request(text.encode("utf-8", "surrogateescape")) == _parse_any(text)


@pytest.mark.parametrize("names", [NAMES, NAMES[::-1]])
@pytest.mark.parametrize("said", ["user%a.example", "a.example!user", "user@a.example"])
def test_mail_addresses_are_those_that_postfix_delivers_for(said: str, names: list[str]) -> None:
    request = parse_request(raw(names, said).encode())
    assert (request.sender, request.recipient, request.helo_name) == ("user@a.example", "user@a.example", said)
    assert request.attributes["sender"] == said


@given(st.binary(max_size=300))
@thorough
def test_any_bytes_are_some_request(data: bytes) -> None:
    assert len(parse_request(data)) == len(PolicyRequest._fields)


@given(st.dictionaries(st.sampled_from(["sender", "recipient", "helo_name"]), st.binary(max_size=40)))
def test_what_is_written_is_read(attributes: dict[str, bytes]) -> None:
    clean = {name: value.replace(b"\n", b"").replace(b"\r", b"") for name, value in attributes.items()}
    request = parse_request(b"".join(name.encode() + b"=" + value + b"\n" for name, value in clean.items()))
    for name, value in clean.items():
        assert request.attributes[name].encode("utf-8", "surrogateescape") == value


def test_attributes_are_a_mapping_that_can_be_printed() -> None:
    attributes = parse_request(b"sender=a\nrecipient=b\n").attributes
    assert (len(attributes), "size" in attributes, repr(attributes)) == (2, False, "{'sender': 'a', 'recipient': 'b'}")
