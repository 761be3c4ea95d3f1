"""Sockets on a real file system and a real loopback."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest

from policyd.model.endpoint import parse_endpoint
from policyd.sockets import FileServer, SocketOptions, close_socket, describe, open_socket, remove_file, socket_file


def test_an_inet_socket_listens_and_says_where() -> None:
    listener = open_socket(parse_endpoint("inet:127.0.0.1:0"), SocketOptions())
    port = listener.getsockname()[1]
    assert describe(listener) == f"inet:127.0.0.1:{port}"
    socket.create_connection(("127.0.0.1", port)).close()
    close_socket(listener)


def test_an_ipv6_socket_is_written_with_brackets() -> None:
    listener = open_socket(parse_endpoint("inet:[::1]:0"), SocketOptions())
    assert describe(listener) == f"inet:[::1]:{listener.getsockname()[1]}"
    close_socket(listener)


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on inet:127.0.0.1:{port}: Address already in use; another"):
            open_socket(parse_endpoint(f"inet:127.0.0.1:{port}"), SocketOptions())


@pytest.mark.parametrize("mode", [0o660, 0o600, 0o666])
def test_a_unix_socket_has_its_mode_whatever_the_umask(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "policy.sock"
    before = os.umask(0o077)
    try:
        listener = open_socket(parse_endpoint(f"unix:{path}"), SocketOptions(mode=mode))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert describe(listener) == f"unix:{path}"
    close_socket(listener)
    assert not path.exists()


def test_the_socket_of_a_killed_daemon_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "policy.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    close_socket(open_socket(parse_endpoint(f"unix:{path}"), SocketOptions()))


def test_the_socket_of_a_living_daemon_is_not(tmp_path: Path) -> None:
    path = tmp_path / "policy.sock"
    alive = open_socket(parse_endpoint(f"unix:{path}"), SocketOptions())
    with pytest.raises(OSError, match="already in use"):
        open_socket(parse_endpoint(f"unix:{path}"), SocketOptions())
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    close_socket(alive)


def test_a_file_that_is_no_socket_is_never_removed(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(OSError, match="a file that is no socket; remove it"):
        open_socket(parse_endpoint(f"unix:{path}"), SocketOptions())
    assert path.read_text() == "data"


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"create the directory {tmp_path}/missing first"):
        open_socket(parse_endpoint(f"unix:{tmp_path}/missing/policy.sock"), SocketOptions())


@pytest.mark.parametrize("options", [SocketOptions(user="no-such-user"), SocketOptions(group="no-such-group")])
def test_an_unknown_owner_is_named(tmp_path: Path, options: SocketOptions) -> None:
    with pytest.raises(OSError, match="no-such-"):
        open_socket(parse_endpoint(f"unix:{tmp_path}/policy.sock"), options)


def test_the_file_of_our_successor_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "policy.sock"
    ours = open_socket(parse_endpoint(f"unix:{path}"), SocketOptions())
    file = socket_file(ours)
    assert file is not None
    path.rename(tmp_path / "elsewhere")  # so that its inode is not given to the successor
    successor = open_socket(parse_endpoint(f"unix:{path}"), SocketOptions())
    remove_file(file)
    assert path.exists()
    ours.close()
    close_socket(successor)


def test_a_server_on_a_file_takes_its_own_file_away_and_not_a_successor_s(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async def scenario() -> None:
        endpoint = parse_endpoint(f"unix:{path}")
        first = await FileServer.open(endpoint, SocketOptions(), greet, 64)
        reader, writer = await asyncio.open_unix_connection(str(path))
        assert await reader.read() == b"hello"
        writer.close()
        path.rename(tmp_path / "old")
        second = await FileServer.open(endpoint, SocketOptions(), greet, 64)
        first.close()
        assert path.exists()
        second.close()
        assert not path.exists()

    asyncio.run(scenario())
