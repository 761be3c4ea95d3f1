"""The control socket, spoken to over a real one, by clients that behave and by others."""

import asyncio
import json
import shutil
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from policyd import control
from policyd.control import Arguments, Control
from policyd.model.errors import ConfigError, Refused


async def later(arguments: Arguments) -> object:
    await asyncio.sleep(0)
    return {"later": arguments["n"]}


def refuse(_: Arguments) -> object:
    raise Refused("not today", ["lists:3: wrong"])


def mistaken(_: Arguments) -> object:
    raise ConfigError(["policyd.toml:1: wrong"])


HANDLERS: dict[str, control.Handler] = {
    "echo": dict,
    "later": later,
    "refuse": refuse,
    "mistaken": mistaken,
    "bug": lambda _: 1 // 0,
    "endless": lambda _: "x" * control.MAX_ANSWER,
    "unserializable": lambda _: object(),
    "hang": lambda _: asyncio.sleep(3600),
}


def run(path: Path, story: Callable[[Control], Awaitable[None]]) -> None:
    async def play() -> None:
        server = Control(HANDLERS)
        await server.listen(str(path))
        try:
            await story(server)
        finally:
            await asyncio.wait_for(server.close(), 5)
        assert not path.exists()

    asyncio.run(play())


async def exchange(path: Path, *lines: bytes) -> list[Any]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=control.MAX_ANSWER)
    writer.write(b"".join(lines))
    writer.write_eof()
    answers = [json.loads(line) async for line in reader]
    writer.close()
    return answers


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ('{"verb": "echo", "arguments": {"a": "\\u00fc"}}', {"result": {"a": "ü"}}),
        ('{"verb": "echo"}', {"result": {}}),
        ('{"verb": "later", "arguments": {"n": 1}}', {"result": {"later": 1}}),
        ('{"verb": "refuse"}', {"error": "not today", "mistakes": ["lists:3: wrong"]}),
        ('{"verb": "mistaken"}', {"error": "the configuration has mistakes", "mistakes": ["policyd.toml:1: wrong"]}),
    ],
)
def test_a_line_asks_and_a_line_answers(tmp_path: Path, question: str, answer: object) -> None:
    async def story(_: Control) -> None:
        assert await exchange(tmp_path / "s", question.encode() + b"\n", b'{"verb": "echo"}\n') == [
            answer,
            {"result": {}},
        ]

    run(tmp_path / "s", story)


@pytest.mark.parametrize(
    "question",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"verb": 1}', b'{"verb": "none"}', b'{"verb": {}}', b"\xff",
        b"[" * 9999,
        b'{"verb": "echo", "arguments": []}', b'{"verb": "__class__"}',
    ],
)  # fmt: skip
def test_what_is_no_question_gets_a_sentence(tmp_path: Path, question: bytes) -> None:
    async def story(_: Control) -> None:
        (answer,) = await exchange(tmp_path / "s", question + b"\n")
        assert set(answer) == {"error", "mistakes"}

    run(tmp_path / "s", story)


@pytest.mark.parametrize("verb", ["bug", "unserializable"])
def test_a_bug_is_answered_and_logged(tmp_path: Path, verb: str, caplog: pytest.LogCaptureFixture) -> None:
    async def story(_: Control) -> None:
        (answer, _alive) = await exchange(tmp_path / "s", b'{"verb": "%s"}\n{"verb": "echo"}\n' % verb.encode())
        assert answer["error"].startswith("a bug of policyd")

    run(tmp_path / "s", story)
    assert "Traceback" in caplog.text


def test_an_answer_without_an_end_is_not_sent(tmp_path: Path) -> None:
    async def story(_: Control) -> None:
        (answer,) = await exchange(tmp_path / "s", b'{"verb": "endless"}\n')
        assert answer["error"].endswith("ask for less")

    run(tmp_path / "s", story)


def test_a_question_without_an_end_is_hung_up_on(tmp_path: Path) -> None:
    async def story(_: Control) -> None:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b"x" * (2 * control.MAX_QUESTION + 1))
        assert await reader.read() == b""
        writer.close()

    run(tmp_path / "s", story)


def test_no_more_clients_than_there_may_be(tmp_path: Path) -> None:
    async def story(_: Control) -> None:
        others = [await asyncio.open_unix_connection(str(tmp_path / "s")) for _ in range(control.MAX_CLIENTS)]
        await asyncio.sleep(0.05)
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        assert "others are asking" in json.loads(await reader.read())["error"]
        for _, other in [*others, (reader, writer)]:
            other.close()
        await asyncio.sleep(0.05)
        assert await exchange(tmp_path / "s", b'{"verb": "echo"}\n') == [{"result": {}}]

    run(tmp_path / "s", story)


def test_the_end_does_not_wait_for_a_verb_that_hangs(tmp_path: Path) -> None:
    async def story(_: Control) -> None:
        _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b'{"verb": "hang"}\n')
        await asyncio.sleep(0.05)
        writer.close()

    run(tmp_path / "s", story)


def test_a_client_that_is_silent_for_too_long_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "IDLE", 0.05)

    async def story(_: Control) -> None:
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()

    run(tmp_path / "s", story)


def test_a_verb_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.05)

    async def story(_: Control) -> None:
        (answer,) = await exchange(tmp_path / "s", b'{"verb": "hang"}\n')
        assert answer["error"].startswith("not answered within")

    run(tmp_path / "s", story)


def test_only_root_and_the_daemons_user_may_ask(tmp_path: Path) -> None:
    async def story(_: Control) -> None:
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600

    run(tmp_path / "s", story)


def test_the_socket_of_a_killed_daemon_is_taken_over_and_that_of_a_living_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(_: Control) -> None:
        second = Control(HANDLERS)
        await second.listen(str(tmp_path / "s"))
        assert "choose another [control] socket" in caplog.text
        await second.close()
        assert await exchange(tmp_path / "s", b'{"verb": "echo"}\n') == [{"result": {}}]

    run(tmp_path / "s", story)


def test_a_socket_that_was_removed_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    home = tmp_path / "home"
    home.mkdir()

    async def story(server: Control) -> None:
        await server.look_after()
        shutil.rmtree(home)
        for _ in range(3):
            await server.look_after()
        home.mkdir()
        await server.look_after()
        assert await exchange(home / "s", b'{"verb": "echo"}\n') == [{"result": {}}]

    run(home / "s", story)
    assert [record.message.partition("; ")[0] for record in caplog.records] == [
        f"unix:{home}/s: its file was removed or replaced",
        f"cannot listen on unix:{home}/s: No such file or directory",
    ]


def test_nowhere_nothing_is_looked_after() -> None:
    async def play() -> None:
        server = Control(HANDLERS)
        await server.listen("")
        await server.look_after()
        await server.close()

    asyncio.run(play())
