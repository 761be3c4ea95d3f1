"""One question as Postfix asks it, against services that answer, dawdle, hang up or talk nonsense."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from policyd.cli import main
from policyd.cli.query import MAX_REPLY
from policyd.wire.connection import PolicyConnection, parse_request

TRACE = Path(__file__).parents[1] / "traces/rcpt-ipv4.bin"
WHO = ["--client", "192.0.2.1", "--sender", "alice@example.org", "--recipient", "bob@example.net"]

Serve = Callable[[socket.socket], None]
Answer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Answer]:
    """Ask a service that treats its one connection as it is told; (exit status, stdout, stderr)."""
    threads = []

    def run(serve: Serve, *arguments: str) -> tuple[int, str, str]:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def accept() -> None:
            with closing(listener), listener.accept()[0] as connection:
                serve(connection)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        status = main(["query", "--connect", f"unix:{tmp_path}/s", *WHO, *arguments])
        return status, *capsys.readouterr()

    yield run
    for thread in threads:
        thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n\n"):
        received += connection.recv(65536)
    return received


def answering(*pieces: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        for piece in pieces:
            connection.sendall(piece)

    return serve


def test_the_action_line_is_printed(ask: Answer) -> None:
    assert ask(answering(b"action=DEFER_IF_PERMIT 4.2.0 Greylisted\n\n")) == (
        0, "action=DEFER_IF_PERMIT 4.2.0 Greylisted\n", "",
    )  # fmt: skip


def test_an_answer_in_pieces_with_crlf(ask: Answer) -> None:
    assert ask(answering(b"act", b"ion=DUNNO\r\n\r", b"\n")) == (0, "action=DUNNO\n", "")


def test_json(ask: Answer) -> None:
    _, out, _ = ask(answering(b"action=REJECT no, thanks\n\n"), "--json")
    assert json.loads(out) == {"action": "REJECT", "text": "no, thanks"}


def test_the_question_is_the_one_of_postfix(ask: Answer) -> None:
    seen = []

    def serve(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(b"action=DUNNO\n\n")

    ask(serve, "--client-name", "mx.example.org", "--helo", "", "--sasl-username", "zoë", "--state", "DATA")
    (request,) = PolicyConnection().receive_data(seen[0])
    assert list(request.attributes) == list(parse_request(TRACE.read_bytes().strip()).attributes)
    said = {
        "protocol_state": "DATA",
        "client_address": "192.0.2.1",
        "client_name": "mx.example.org",
        "reverse_client_name": "mx.example.org",
        "helo_name": "",
        "sender": "alice@example.org",
        "recipient": "bob@example.net",
        "sasl_username": "zoë",
    }
    assert {name: request.attributes[name] for name in said} == said
    assert request.instance


def test_an_answer_cannot_command_the_terminal(ask: Answer) -> None:
    _, out, _ = ask(answering(b"action=DUNNO \x1b[31m\xff\xc2\x9b\n\n"))
    assert out == "action=DUNNO \\x1b[31m\\xff\\x9b\n"


@pytest.mark.parametrize(
    ("serve", "sentence"),
    [
        (answering(), "hung up without an answer; its log says why"),
        (answering(b"action=DUNNO\n"), "hung up without an answer"),
        (answering(b"220 mx.example.org ESMTP\n\n"), "is it the right port?"),
        (answering(b"x" * MAX_REPLY * 2), "answers without an end"),
    ],
)
def test_no_answer_is_1(ask: Answer, serve: Serve, sentence: str) -> None:
    def tolerant(connection: socket.socket) -> None:
        try:
            serve(connection)
        except ConnectionError:  # it hangs up on who talks without an end
            return

    status, out, err = ask(tolerant)
    assert (status, out) == (1, "")
    assert err.startswith("policyd query: unix:")
    assert sentence in err


def test_a_service_that_dawdles(ask: Answer) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)  # until the other side has hung up

    status, _, err = ask(serve, "--timeout", "0.05")
    assert status == 1
    assert "gave no answer in 0.05 s; its log may say why" in err


def test_nobody_there_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "--connect", f"unix:{tmp_path}/none", *WHO]) == 3
    err = capsys.readouterr().err
    assert err.startswith(f"policyd query: nobody answers at unix:{tmp_path}/none: No such file or directory; start ")


def test_a_closed_port_is_3(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as bound:  # bound, and not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        place = f"inet:127.0.0.1:{bound.getsockname()[1]}"
        assert main(["query", "--connect", place, *WHO]) == 3
    assert f"nobody answers at {place}: Connection refused; start policyd" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--helo", "a\naction=x"], "a value cannot hold a line end or a NUL"),
        (["--sender", "a\0b"], "a value cannot hold a line end or a NUL"),
        (["--recipient", "a\rb"], "a value cannot hold a line end or a NUL"),
        (["--client", "mx.example.org"], "is no IP address (a host's name goes to --client-name)"),
        (["--connect", "127.0.0.1:10030"], 'write "inet:127.0.0.1:10030"'),
        (["--timeout", "nan"], "'nan' is no time between 0 and 3600 seconds"),
        (["--state", "QUIT"], "invalid choice: 'QUIT'"),
    ],
)
def test_usage_is_2(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", *WHO, *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_client_sender_and_recipient_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query"]) == 2
    assert "--client, --sender, --recipient" in capsys.readouterr().err


def test_an_explanation_follows_the_answer(ask: Answer, tmp_path: Path) -> None:
    config = tmp_path / "policyd.toml"
    config.write_text('[chain]\ntrusted_networks = ["192.0.2.0/24"]\n')
    status, out, _ = ask(answering(b"action=DUNNO\n\n"), "--explain", "--config", str(config))
    assert (status, out) == (0, "action=DUNNO\nno check is asked: trusted network\n")


def test_an_explanation_without_a_configuration(ask: Answer, tmp_path: Path) -> None:
    status, out, err = ask(answering(b"action=DUNNO\n\n"), "--explain", "--config", str(tmp_path / "none"))
    assert (status, out) == (78, "action=DUNNO\n")
    assert "none: no such file" in err


def test_an_explanation_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", *WHO, "--explain", "--json"]) == 2
    assert "programs ask policyd list test --json" in capsys.readouterr().err
