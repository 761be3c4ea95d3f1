"""The limit of open files: raised where that is allowed, and never met by the connections alone."""

import resource

import pytest

from policyd.descriptors import RESERVE, make_room

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "room", "limit"),
    [
        (8192, 8192, 4096, 4096, 8192),  # the shipped unit
        (1024, 524288, 4096, 4096, 4096 + RESERVE),  # systemd's default
        (1024, INFINITE, 4096, 4096, 4096 + RESERVE),
        (INFINITE, INFINITE, 4096, 4096, INFINITE),
        (1024, 4096, 4096, 4096 - RESERVE, 4096),
        (1024, 1024, 4096, 1024 - RESERVE, 1024),
        (64, 64, 4096, 32, 64),
        (64, 64, 8, 8, 64),
        (1, 1, 8, 1, 1),
    ],
)
def test_there_is_room_for_connections_and_for_what_else_is_opened(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    hard: int,
    connections: int,
    room: int,
    limit: int,
) -> None:
    limits = [(soft, hard)]
    monkeypatch.setattr("resource.getrlimit", lambda _: limits[-1])
    monkeypatch.setattr("resource.setrlimit", lambda _, pair: limits.append(pair))
    assert make_room(connections) == room
    assert limits[-1] == (limit, hard)
    told = f"leaves room for {room} connections, not for the {connections} of"
    assert [told in record.message for record in caplog.records] == [True] * (room < connections)


def test_where_the_limit_may_not_be_raised_it_is_lived_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # as the filter of system calls in our unit does

    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr("resource.setrlimit", refuse)
    assert make_room(4096) == 1024 - RESERVE
