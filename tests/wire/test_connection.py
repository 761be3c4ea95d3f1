"""The parser against everything that a socket may give it: the named killers of other daemons, and any chunking."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model.errors import ProtocolError
from policyd.model.request import PolicyRequest
from policyd.wire.connection import MAX_REQUEST, PolicyConnection
from policyd.wire.request import _ORDER, parse_one
from tests.examples import thorough

WHOLE = "".join(f"{word.rstrip('*?')}=\n" for word in _ORDER.split()).encode() + b"\n"
"""A request as Postfix writes it, without values."""


def ask(*pieces: bytes) -> list[PolicyRequest]:
    connection = PolicyConnection()
    return [request for piece in pieces for request in connection.receive_data(piece)]


def one(raw: bytes) -> PolicyRequest:
    (request,) = ask(raw)
    return request


def test_a_request_of_postfix() -> None:
    request = one(
        b"request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\nclient_name=mx.example\n"
        b"reverse_client_name=ptr.example\nhelo_name=helo.example\nsender=a@example\nrecipient=b@example\n"
        b"instance=1.2.3\nsasl_username=alice\npolicy_context=mx\nsize=12\n\n"
    )
    assert request.protocol_state == "RCPT"
    assert request.client_address is not None
    assert request.client_address.text == "192.0.2.1"
    assert request[1:10] == (
        "mx.example", "ptr.example", "helo.example", "a@example", "b@example", "", "1.2.3", "alice", "mx",
    )  # fmt: skip
    assert request.attributes["size"] == "12"


def test_what_stands_for_postfix_here_is_what_it_writes() -> None:
    assert parse_one(WHOLE) is not None


def test_client_address_unknown_which_kills_postgrey() -> None:
    assert one(b"client_address=unknown\n\n").client_address is None


def test_equal_signs_in_values_which_modoboa_drops() -> None:
    assert (
        one(b"sender=SRS0=HHH=TT=orig.example=user@fwd.example\n\n").sender
        == "SRS0=HHH=TT=orig.example=user@fwd.example"
    )


def test_character_cut_by_a_chunk_border_which_kills_policyd_rate_limit() -> None:
    (request,) = ask(b"sender=caf\xc3", b"\xa9@example\n\n")
    assert request.sender == "café@example"


def test_invalid_utf8_survives_the_way_in_and_out() -> None:
    sender = one(b"sender=\xff\xfe@example\n\n").sender
    assert sender.encode("utf-8", "surrogateescape") == b"\xff\xfe@example"


def test_line_in_two_segments_which_iredapd_truncates() -> None:
    (request,) = ask(b"sender=alice@exa", b"mple.org\n", b"\n")
    assert request.sender == "alice@example.org"


def test_nothing_survives_into_the_next_request_as_in_iredapd() -> None:
    first, second = ask(b"sasl_username=alice\n\nsender=x\n\n")
    assert (first.sasl_username, second.sasl_username) == ("alice", "")


def test_fifty_pipelined_requests_come_out_in_order() -> None:
    requests = ask(b"".join(b"sender=%d\n\n" % n for n in range(50)))
    assert [request.sender for request in requests] == [str(n) for n in range(50)]


def test_crlf_line_ends_are_accepted() -> None:
    (request,) = ask(b"sender=a\r\nrecipient=b\r", b"\n\r\n")
    assert (request.sender, request.recipient) == ("a", "b")


def test_an_empty_line_is_a_request_of_nothing() -> None:
    assert [len(request.attributes) for request in ask(b"\n", b"\r\n", b"sender=a\n\n")] == [0, 0, 1]


def test_lines_without_equals_and_unknown_attributes_are_ignored() -> None:
    request = one(b"what\nfuture_attribute=1\nsender=a\n=nameless\n\n")
    assert request.sender == "a"


def test_of_a_repeated_attribute_the_last_counts() -> None:
    assert one(b"sender=first\nsender=last\n\n").sender == "last"


def test_nul_and_control_characters_are_values() -> None:
    assert one(b"sender=a\x00b\x1b[31m@example\n\n").sender == "a\x00b\x1b[31m@example"


@pytest.mark.parametrize("size", [MAX_REQUEST, MAX_REQUEST - 1])
def test_up_to_64_kib_is_a_request(size: int) -> None:
    value = b"x" * (size - len(b"sender="))
    for pieces in ([b"sender=" + value + b"\n\n"], [b"sender=" + value, b"\n\n"]):
        (request,) = ask(*pieces)
        assert len(request.sender) == len(value)


@pytest.mark.parametrize("end", [b"", b"\n\n", b"\r\n\r\n"])
def test_beyond_64_kib_is_an_error_whether_it_ends_or_not(end: bytes) -> None:
    with pytest.raises(ProtocolError, match="65536 bytes"):
        ask(b"sender=" + b"x" * MAX_REQUEST + end)


def test_beyond_64_kib_is_an_error_also_if_postfix_could_have_written_it() -> None:
    with pytest.raises(ProtocolError, match=f"^a request of more than {MAX_REQUEST} bytes$"):
        ask(WHOLE.replace(b"sender=", b"sender=" + b"x" * MAX_REQUEST))


def test_what_looks_whole_belongs_to_what_came_before() -> None:
    (request,) = ask(b"future_attribute=1\n", WHOLE)
    assert request.attributes["future_attribute"] == "1"


def test_endless_attributes_are_an_error_in_small_pieces_too() -> None:
    pieces = [b"a%d=b\n" % n for n in range(20_000)]
    with pytest.raises(ProtocolError):
        ask(*pieces)


def test_a_begun_request_is_partial_a_whole_one_is_not() -> None:
    connection = PolicyConnection()
    connection.receive_data(b"sender=a\n")
    assert connection.buffer
    connection.receive_data(b"\n")
    assert not connection.buffer


LINES = st.lists(
    st.sampled_from([b"sender=a", b"recipient=\xc3\xa9", b"\r", b"", b"x=\xff", b"=", b"client_address=::1"])
)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.data())
@thorough
def test_any_chunking_gives_the_same_requests(lines: list[bytes], end: bytes, data: st.DataObject) -> None:
    stream = b"".join(line + end for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert ask(*pieces) == ask(stream)


@given(st.binary(max_size=2000))
@thorough
def test_any_bytes_never_raise_anything_else(data: bytes) -> None:
    for request in ask(data):
        assert isinstance(request, PolicyRequest)
