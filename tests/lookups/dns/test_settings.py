import pytest

from policyd.lookups.dns.settings import DnsSettings, Place, parse_nameserver


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[2001:db8::53]:5353", ("2001:db8::53", 5353)),
        ("fe80::1%eth0", ("fe80::1%eth0", 53)),
    ],
)
def test_places_are_written_as_people_write_them(text: str, place: Place) -> None:
    parsed = parse_nameserver(text)
    assert parsed == place
    assert parse_nameserver(str(parsed)) == parsed


@pytest.mark.parametrize(
    "text", ["", "localhost", "127.0.0.300", "127.0.0.1:", "[127.0.0.1:53", "[::1", "::1]:53", "1.1.1.1 "]
)
def test_what_is_no_place_is_refused_with_the_right_form(text: str) -> None:
    with pytest.raises(ValueError, match=r'write its address, as in "127\.0\.0\.1"'):
        parse_nameserver(text)


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:65536"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no such port"):
        parse_nameserver(text)


def test_one_question_is_over_long_before_a_check_is() -> None:
    assert DnsSettings().timeout == 2
