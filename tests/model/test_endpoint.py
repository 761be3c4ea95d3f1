"""What an administrator may write after `listen =` and `--connect`, and what the complaint says."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.endpoint import MAX_PATH, Endpoint, parse_endpoint, parse_host_and_port


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("inet:127.0.0.1:10030", Endpoint("inet", "127.0.0.1", 10030)),
        ("inet:[::1]:10030", Endpoint("inet", "::1", 10030)),
        ("inet:localhost:10023", Endpoint("inet", "localhost", 10023)),
        ("inet:mx-1.example.org:1", Endpoint("inet", "mx-1.example.org", 1)),
        ("inet:0.0.0.0:65535", Endpoint("inet", "0.0.0.0", 65535)),
        ("inet:127.0.0.1:0", Endpoint("inet", "127.0.0.1", 0)),
        ("unix:/run/policyd/policy.sock", Endpoint("unix", path="/run/policyd/policy.sock")),
        ("unix:/a:b", Endpoint("unix", path="/a:b")),
        ("unix:/" + "x" * (MAX_PATH - 1), Endpoint("unix", path="/" + "x" * (MAX_PATH - 1))),
    ],
)
def test_places_and_back(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", 'write "inet:127.0.0.1:10030" or'),
        ("10030", "is no place to listen"),
        ("127.0.0.1:10030", 'is no place to listen: write "inet:127.0.0.1:10030"'),
        ("/run/policy.sock", 'is no place to listen: write "unix:/run/policy.sock"'),
        ("INET:127.0.0.1:10030", "is no place to listen"),
        ("inet:10030", "it needs HOST:PORT"),
        ("inet:127.0.0.1", "it needs HOST:PORT"),
        ("inet:127.0.0.1:", "it needs HOST:PORT"),
        ("inet:127.0.0.1:smtp", "it needs HOST:PORT"),
        ("inet:127.0.0.1:-1", "it needs HOST:PORT"),
        ("inet:127.0.0.1:\u0661", "it needs HOST:PORT"),
        ("inet:::1:10030", "needs brackets"),
        ("inet::10030", "no address or host name"),
        ("inet:*:10030", "or 0.0.0.0 for all"),
        ("inet:[127.0.0.1]:10030", "no address or host name"),
        ("inet:[]:10030", "no address or host name"),
        ("inet:[::1%lo]:10030", "no address or host name"),
        ("inet:127.0.0.300:10030", "no address or host name"),
        ("inet:a b:10030", "no address or host name"),
        ("inet:127.0.0.1:65536", "the last one is 65535"),
        ("inet:127.0.0.1:100300", "the last one is 65535"),
        ("unix:", "a whole path"),
        ("unix:policy.sock", "a whole path"),
        ("unix:/run/policyd/", "a whole path"),
        ("unix:/run/\0", "a whole path"),
        ("unix:/" + "x" * MAX_PATH, "at most 107 bytes"),
        ("unix:/" + "é" * 54, "at most 107 bytes"),
    ],
)
def test_mistakes_say_what_would_be_right(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_endpoint(text)


def test_host_and_port_alone() -> None:
    assert parse_host_and_port("127.0.0.1:9130") == Endpoint("inet", "127.0.0.1", 9130)
    with pytest.raises(ValueError, match="'9130': it needs HOST:PORT"):
        parse_host_and_port("9130")


@given(st.text(max_size=40) | st.text("inetux:[]./127", max_size=40).map("inet:".__add__))
def test_any_text_is_an_endpoint_that_reads_back_or_a_value_error(text: str) -> None:
    try:
        endpoint = parse_endpoint(text)
    except ValueError:
        return
    assert parse_endpoint(str(endpoint)) == endpoint
