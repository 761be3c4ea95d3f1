"""Every request that a real Postfix was seen to send parses to exactly the attributes it holds."""

import json
from pathlib import Path

import pytest

from policyd.model.address import parse_address
from policyd.model.mailbox import as_delivered
from policyd.model.request import PolicyRequest
from policyd.wire.connection import PolicyConnection

TRACES = Path(__file__).parent.parent / "traces"
INDEX: dict[str, list[dict[str, str]]] = json.loads((TRACES / "index.json").read_text("utf-8"))
NAMES = sorted(INDEX)


def feed(data: bytes, size: int) -> list[PolicyRequest]:
    connection = PolicyConnection()
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    requests = [request for piece in pieces for request in connection.receive_data(piece)]
    assert not connection.buffer
    return requests


def test_every_trace_is_in_the_index_and_the_index_in_the_traces() -> None:
    assert sorted(path.name for path in TRACES.glob("*.bin")) == NAMES
    assert sum(map(len, INDEX.values())) == 150


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 575, 1 << 16], ids=lambda size: f"{size}-bytes-a-time")
def test_a_trace_has_the_attributes_of_the_index(name: str, size: int) -> None:
    requests = feed((TRACES / name).read_bytes(), size)
    assert [dict(request.attributes) for request in requests] == INDEX[name]


@pytest.mark.parametrize("name", NAMES)
def test_the_fields_of_a_request_are_the_attributes_of_the_same_name(name: str) -> None:
    for request, attributes in zip(feed((TRACES / name).read_bytes(), 1 << 16), INDEX[name], strict=True):
        for field in set(PolicyRequest._fields) - {"client_address", "attributes", "sender", "recipient"}:
            assert getattr(request, field) == attributes[field]
        assert (request.sender, request.recipient) == (
            as_delivered(attributes["sender"]), as_delivered(attributes["recipient"]),
        )  # fmt: skip
        assert request.client_address == parse_address(attributes["client_address"])
