"""Law tested: a request's fields are Postfix's attribute names, and it is a value that cannot be changed."""

import pytest

from policyd.model.address import parse_address
from policyd.model.request import PolicyRequest
from policyd.wire.request import parse_request

# SMTPD_POLICY_README
POSTFIX_NAMES = {
    "protocol_state", "client_address", "client_name", "reverse_client_name", "helo_name", "sender", "recipient",
    "queue_id", "instance", "sasl_username", "policy_context",
}  # fmt: skip


def test_fields_are_named_as_postfix_names_them() -> None:
    assert set(PolicyRequest._fields) == POSTFIX_NAMES | {"attributes"}


def test_a_request_is_a_value() -> None:
    request = PolicyRequest(client_address=parse_address("192.0.2.1"))
    assert request == request._replace()
    with pytest.raises(AttributeError):
        request.sender = ""  # type: ignore[misc]


def test_what_postfix_did_not_send_is_empty() -> None:
    assert PolicyRequest() == parse_request(b"")
