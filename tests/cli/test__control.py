"""The client, against daemons that answer, end, dawdle and talk nonsense."""

import errno
import json
import socket
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from policyd.cli import NotRunning, _control
from policyd.cli._control import add_options, ask, find_socket
from policyd.config import ControlSettings
from policyd.model.errors import ConfigError, Refused

Serve = Callable[[socket.socket], None]


def options(*arguments: str) -> Namespace:
    parser = ArgumentParser()
    add_options(parser)
    return parser.parse_args(list(arguments))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[[Serve], str]]:
    """A socket behind which a function serves one client; its path."""
    threads = []

    def start(serve: Serve) -> str:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "s"))
        listener.listen()

        def accept() -> None:
            with closing(listener), listener.accept()[0] as connection:
                serve(connection)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return str(tmp_path / "s")

    yield start
    for thread in threads:
        thread.join(5)


def answering(*pieces: bytes) -> Serve:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        for piece in pieces:
            connection.sendall(piece)

    return serve


def test_an_answer_in_pieces(daemon: Callable[[Serve], str]) -> None:
    path = daemon(answering(b'{"resu', b'lt": {"a": 1}}', b"\n"))
    assert ask(options("--socket", path), "status") == {"a": 1}


def test_the_question(daemon: Callable[[Serve], str]) -> None:
    seen = []

    def serve(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(b'{"result": null}\n')

    ask(options("--socket", daemon(serve)), "why", what="ü\n")
    assert json.loads(seen[0]) == {"verb": "why", "arguments": {"what": "ü\n"}}
    assert seen[0].count(b"\n") == 1


def test_what_the_daemon_refuses(daemon: Callable[[Serve], str]) -> None:
    path = daemon(answering(b'{"error": "no", "mistakes": ["a:1: wrong"]}\n'))
    with pytest.raises(Refused, match="no") as caught:
        ask(options("--socket", path), "reload")
    assert caught.value.mistakes == ("a:1: wrong",)


@pytest.mark.parametrize("nonsense", [b"220 mx ESMTP\n", b"\xff\n", b"[]\n", b"{}\n", b"7\n", b'{"result": {}\n'])
def test_what_is_no_policyd(daemon: Callable[[Serve], str], nonsense: bytes) -> None:
    path = daemon(answering(nonsense))
    with pytest.raises(Refused, match="is no policyd"):
        ask(options("--socket", path), "status")


def test_a_daemon_that_ends_meanwhile(daemon: Callable[[Serve], str]) -> None:
    path = daemon(answering(b'{"result"'))
    with pytest.raises(NotRunning, match="ended before it answered"):
        ask(options("--socket", path), "status")


def test_a_daemon_that_dawdles(
    daemon: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = threading.Event()
    path = daemon(lambda _: bool(done.wait(5)) and None)
    monkeypatch.setattr(_control, "MOMENT", 0.02)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with pytest.raises(Refused, match=r"did not answer within 0\.1 s"):
        ask(options("--socket", path, "--timeout", "0.1"), "reload")
    done.set()
    assert "reload: 0 s" in capsys.readouterr().err


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_wait_is_shown_to_who_sees_it_and_wiped_away(
    daemon: Callable[[Serve], str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_terminal: bool,
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        time.sleep(0.1)
        connection.sendall(b'{"result": 1}\n')

    monkeypatch.setattr(_control, "MOMENT", 0.02)
    monkeypatch.setattr("sys.stderr.isatty", lambda: is_terminal)
    assert ask(options("--socket", daemon(serve)), "reload") == 1
    said = capsys.readouterr().err
    assert said.startswith("\r\033[Kreload: 0 s") is is_terminal
    assert said.endswith("\r\033[K") is is_terminal
    assert is_terminal or not said


def test_an_answer_without_an_end_is_nobodys(daemon: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_control, "MAX_ANSWER", 100)
    path = daemon(answering(b" " * 101))
    with pytest.raises(Refused, match="is no policyd"):
        ask(options("--socket", path), "status")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="no daemon runs behind"):
        ask(options("--socket", str(tmp_path / "s")), "status")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (PermissionError(errno.EACCES, "denied"), "/s: only root and the user of the daemon may ask it"),
        (ConnectionRefusedError(), "no daemon runs behind /s; start it, or name its socket with --socket or --config"),
        (OSError(errno.ENOTSOCK, "Not a socket"), "/s: Not a socket"),
        (ValueError("embedded null byte"), "/s: embedded null byte"),
    ],
)
def test_why_nobody_can_be_asked(error: Exception, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(socket.socket):
        def connect(self, _: object) -> None:
            raise error

    monkeypatch.setattr("socket.socket", Closed)
    with pytest.raises(NotRunning) as caught:
        ask(options("--socket", "/s"), "status")
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[control]\nsocket = "/x/s"', "/x/s"),
        ("", ControlSettings().socket),
        ("[control\n", ControlSettings().socket),
        ("control = 1", ControlSettings().socket),
        ("[control]\nsocket = 1", ControlSettings().socket),
        ('[greylist]\ndelay = 240\n[control]\nsocket = "/x/s"', "/x/s"),
        ('[control]\n# ours\nsocket = "/x/s"\n[greylist\n', "/x/s"),
        ('[greylist]\ndelay = 240s\n [control] # ours\n  socket = "/x/s"\n', "/x/s"),
        ('[greylist]\ntext = "\xfc\n[control]\nsocket = "/x/s"\n', "/x/s"),
        ('[greylist\n[log]\nsocket = "/x/s"\n[control]\n[log]\nsocket = "/x/s"', ControlSettings().socket),
    ],
)
def test_a_configuration_with_mistakes_does_not_hide_the_daemon(tmp_path: Path, text: str, path: str) -> None:
    (tmp_path / "policyd.toml").write_text(text, encoding="latin-1")
    assert find_socket(str(tmp_path / "policyd.toml")) == path


def test_a_daemon_that_cannot_be_asked(tmp_path: Path) -> None:
    (tmp_path / "policyd.toml").write_text('[control]\nsocket = ""')
    with pytest.raises(NotRunning, match="cannot be asked"):
        find_socket(str(tmp_path / "policyd.toml"))


def test_without_a_configuration_the_socket_is_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_control, "DEFAULT_PATH", str(tmp_path / "none"))
    assert find_socket(str(tmp_path / "none")) == ControlSettings().socket


@pytest.mark.parametrize("name", ["none", ".", "", "a\0b"])
def test_a_configuration_that_was_named_and_cannot_be_read_is_not_another_daemons(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"no such file|cannot be read"):
        find_socket(str(tmp_path / name) if name else "")


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "0", "1e300", "3601", "soon"])
def test_a_timeout_is_a_time(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(f"--timeout={text}")
    assert f"{text!r} is no time between 0 and 3600 seconds" in capsys.readouterr().err
