"""The whole daemon in this process, over a real socket, with the store in memory."""

import asyncio
import io
import json
import os
import signal
import stat
from collections.abc import Awaitable, Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import dns.rcode
import pytest

from policyd import app, cli, config, watch
from policyd.stores.memory import MemoryStore
from tests.lookups.faulty import FaultyServer, Via
from tests.lookups.wires import name_of, said

Ask = Callable[..., Awaitable[str]]


class House:
    """A daemon whose configuration file the test rewrites."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "policyd.toml"
        self.clients = directory / "clients"
        self.recipients = directory / "recipients"
        self.senders = directory / "senders"
        for file in (self.clients, self.recipients, self.senders):
            file.write_text("")
        self.configure()

    @property
    def socket(self) -> Path:
        return self.directory / "policy.sock"

    @property
    def control(self) -> Path:
        return self.directory / "control.sock"

    def configure(self, greylist: str = "", server: str = "") -> None:
        self.file.write_text(
            f'[server]\nlisten = ["unix:{self.socket}"]\n{server}\n[store]\nurl = "memory:"\n'
            f'[whitelist]\nclients = ["{self.clients}"]\nrecipients = ["{self.recipients}"]\n'
            f'[blacklist]\nsenders = ["{self.senders}"]\n'
            f'[metrics]\nlisten = ""\n[control]\nsocket = "{self.control}"\n[greylist]\n{greylist}\n'
        )

    def load(self) -> config.Settings:
        return config.load(str(self.file))

    def run(self, story: Callable[["House"], Awaitable[None]]) -> None:
        async def play() -> None:
            daemon = app.Daemon(self.load(), self.load)
            running = asyncio.ensure_future(daemon.run())
            while not (self.socket.exists() and self.control.exists()):
                await asyncio.sleep(0.001)
            try:
                await story(self)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.wait_for(running, 5)
                daemon.flush_log()

        asyncio.run(play())

    async def ask(self, **attributes: str) -> str:
        everything = {
            "request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": "192.0.2.1",
            "client_name": "mx.example", "sender": "a@example", "recipient": "b@example", "instance": "1",
        } | attributes  # fmt: skip
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        writer.write("".join(f"{name}={value}\n" for name, value in everything.items()).encode() + b"\n")
        answer = await reader.readuntil(b"\n\n")
        writer.close()
        return answer.decode().strip().removeprefix("action=")

    async def reload(self) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_first_try_is_deferred_and_the_log_names_its_id(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    async def story(house: House) -> None:
        answer = await house.ask()
        assert answer.startswith("DEFER_IF_PERMIT 4.2.0 Greylisted, please try again later (id ")
        house.id = answer[-9:-1]  # type: ignore[attr-defined]

    house.run(story)
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "action=" in line]
    assert line.endswith(
        "action=greylist, reason=new, client_name=mx.example, client_address=192.0.2.1, sender=a@example, "
        f"recipient=b@example, id={house.id}"  # type: ignore[attr-defined]
    )


def test_reload_takes_new_lists_and_options(house: House) -> None:
    async def story(house: House) -> None:
        assert "Greylisted" in await house.ask()
        house.clients.write_text("mx.example\n")
        house.configure('text = "come back"')
        assert "Greylisted" in await house.ask()
        await house.reload()
        assert await house.ask() == "DUNNO"
        assert "come back" in await house.ask(client_name="other.example")

    house.run(story)


@pytest.mark.parametrize(
    ("file", "text", "mistake"),
    [
        ("policyd.toml", "[greylist]\ndelay = 240\n", "policyd.toml:2: "),
        ("policyd.toml", "[greylist\n", "policyd.toml:1: "),
    ],
)
def test_reload_keeps_everything_on_any_mistake(
    house: House, capfd: pytest.CaptureFixture[str], file: str, text: str, mistake: str
) -> None:
    async def story(house: House) -> None:
        house.configure('text = "never seen"')
        (house.directory / file).write_text(text)
        await house.reload()
        assert "Greylisted, please" in await house.ask()

    house.run(story)
    log = capfd.readouterr().err
    assert mistake in log
    assert "the old settings stay in force" in log


def test_a_reload_takes_settings_and_keeps_a_list_with_a_bad_line(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house.clients.write_text("mx.example\n")

    async def story(house: House) -> None:
        house.configure('text = "come back"')
        house.clients.write_text("other.example\n192.0.2.300\n")
        await house.reload()
        assert await house.ask() == "DUNNO"
        assert "come back" in await house.ask(client_name="other.example")

    house.run(story)
    log = capfd.readouterr().err
    assert f"warning: {house.clients}:2: " in log
    assert f"warning: {house.clients}: not taken; what it said before stays in force, 1 entry" in log
    assert "reload: new settings are in force" in log


def test_an_edit_counts_without_a_signal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK", 0.02)  # that it is soon with its own number is what tests/system shows

    async def story(house: House) -> None:
        assert "Greylisted" in await house.ask()
        house.senders.write_text("a@example 550 not you\n")
        async with asyncio.timeout(2):
            while "Greylisted" in (answer := await house.ask()):
                await asyncio.sleep(0.02)
        assert answer.startswith("550 not you (id ")

    house.run(story)


def test_hits_are_counted_beside_the_database(house: House) -> None:
    house.file.write_text(house.file.read_text().replace('"memory:"', f'"sqlite:{house.directory}/policyd.db"'))
    house.senders.write_text("a@example 550 not you\n")

    async def story(house: House) -> None:
        for _ in range(3):
            await house.ask()
        await house.ask(sender="b@example")

    house.run(story)
    ((file, entries),) = json.loads((house.directory / "list-hits.json").read_text()).items()
    assert file == str(house.senders)
    assert entries["a@example"][0] == 3


def test_open_connections_follow_a_reload(house: House) -> None:
    async def story(house: House) -> None:
        reader, writer = await asyncio.open_unix_connection(str(house.socket))
        house.recipients.write_text("b@example\n")
        await house.reload()
        writer.write(b"protocol_state=RCPT\nclient_address=192.0.2.9\nsender=a@x\nrecipient=b@example\n\n")
        assert await reader.readuntil(b"\n\n") == b"action=DUNNO\n\n"
        writer.close()

    house.run(story)


def test_a_list_with_a_bad_line_does_not_stop_the_start(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.clients.write_text("192.0.2.300\nmx.example\n")

    async def story(house: House) -> None:
        assert await house.ask() == "DUNNO"

    house.run(story)
    assert f"warning: {house.clients}:1: " in capfd.readouterr().err


def test_a_store_that_changes_is_said_to_need_a_restart(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    async def story(house: House) -> None:
        house.file.write_text(house.file.read_text().replace('"memory:"', f'"sqlite:{house.directory}/policyd.db"'))
        await house.reload()
        await house.reload()

    house.run(story)
    assert capfd.readouterr().err.count("[store] changed; that takes effect at the next restart") == 2


def test_a_store_that_hangs_does_not_hold_up_the_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def hang(_: MemoryStore) -> None:
        asked.append(1)
        await asyncio.sleep(3600)

    monkeypatch.setattr(MemoryStore, "ping", hang)
    monkeypatch.setattr(app, "TICK", 0.1)
    monkeypatch.setenv("WATCHDOG_USEC", "200000")

    async def story(house: House) -> None:
        assert "Greylisted" in await house.ask()

    house.run(story)  # fails after five seconds
    assert asked


def test_a_socket_that_cannot_be_had_ends_the_start_with_a_sentence(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house.socket.write_text("no socket")
    settings = house.load()
    assert app.serve(settings, house.load) == 1
    assert f"error: cannot listen on unix:{house.socket}: there is a file that is no socket" in capfd.readouterr().err


def test_a_list_that_cannot_be_read_is_reported_and_does_not_stop_the_start(
    house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    house.clients.unlink()
    house.senders.unlink()
    house.senders.mkdir()

    async def story(house: House) -> None:
        assert "Greylisted" in await house.ask()

    house.run(story)
    log = capfd.readouterr().err
    assert f"warning: {house.clients}: no such file" in log
    assert f"warning: {house.senders}: cannot be read" in log


async def tell(house: House, *arguments: str) -> tuple[int, str, str]:
    """The command line, in a thread beside the running daemon: (exit status, stdout, stderr).

    As a program of its own it would cost 0.2 s each time; that it works as one is what tests/system shows.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):  # the daemon holds its descriptor, and is not redirected
        status = await asyncio.to_thread(cli.main, [*arguments, "--config", str(house.file)])
    return status, out.getvalue(), err.getvalue()


def test_status_says_serving_and_why_not(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK", 0.02)

    async def story(house: House) -> None:
        status, out, _ = await tell(house, "status")
        assert (status, out.split(":")[0]) == (0, "serving")
        assert stat.S_IMODE(house.control.stat().st_mode) == 0o600
        house.clients.write_text("192.0.2.300\n")
        async with asyncio.timeout(5):
            while (await tell(house, "status"))[0] == 0:
                await asyncio.sleep(0.01)
        status, out, _ = await tell(house, "status", "--json")
        report = json.loads(out)
        assert (status, report["state"]) == (1, "degraded")
        assert report["why"].startswith(f"lists: {house.clients}:1: ")
        house.clients.write_text("192.0.2.30\n")
        async with asyncio.timeout(5):
            while (await tell(house, "status"))[0] == 1:
                await asyncio.sleep(0.01)

    house.run(story)


def test_reload_waits_and_names_every_mistake(house: House) -> None:
    async def story(house: House) -> None:
        house.configure('text = "come back"')
        status, out, _ = await tell(house, "reload")
        assert (status, out) == (0, "new settings are in force (generation 2)\n")
        assert "come back" in await house.ask()
        house.configure("delay = 240\nipv4_prefix = 99")
        status, _, err = await tell(house, "reload")
        assert status == 1
        assert [line.split(": ")[1] for line in err.splitlines()] == [
            "[greylist] delay", "[greylist] ipv4_prefix", "the old settings stay in force",
        ]  # fmt: skip
        assert "not taken at the last reload" in (await tell(house, "status"))[1]
        house.configure()
        assert (await tell(house, "reload"))[0] == 0
        assert (await tell(house, "status"))[0] == 0

    house.run(story)


def test_a_reload_may_move_the_control_socket_and_is_still_answered(house: House) -> None:
    async def story(house: House) -> None:
        before = house.control
        house.file.write_text(house.file.read_text().replace("control.sock", "moved.sock"))
        status, out, _ = await tell(house, "reload", "--socket", str(before))
        assert (status, out) == (0, "new settings are in force (generation 2)\n")
        assert not before.exists()
        assert (await tell(house, "status"))[0] == 0

    house.run(story)
    assert not (house.directory / "moved.sock").exists()


def test_without_a_control_socket_mail_is_served(house: House, capfd: pytest.CaptureFixture[str]) -> None:
    house.control.mkdir()

    async def story(house: House) -> None:
        assert "Greylisted" in await house.ask()
        assert (await tell(house, "status"))[0] == 3

    house.run(story)
    assert (
        f"warning: cannot listen on unix:{house.control}: there is a file that is no socket" in capfd.readouterr().err
    )


def test_what_was_done_and_what_would_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "TICK", 0.05)

    async def story(house: House) -> None:
        who = ["--client", "192.0.2.1", "--sender", "a@example", "--recipient", "b@example"]
        assert "(new, 240 s)" in (await tell(house, "explain", *who))[1]
        answer = await house.ask()
        status, out, _ = await tell(house, "why", answer[-9:-1])
        assert (status, out.count("greylist  new")) == (0, 1)
        status, out, _ = await tell(house, "explain", *who)
        assert status == 0
        assert "early-retry, 240 s)" in out or "early-retry, 239 s)" in out
        assert "answer     action=DEFER_IF_PERMIT 4.2.0 Greylisted, please try again later" in out
        house.configure('mode = "shadow"')
        assert (await tell(house, "reload"))[0] == 0
        assert await house.ask(sender="c@example") == "DUNNO"
        status, out, _ = await tell(house, "why", "c@example", "--json")
        (decision,) = json.loads(out)["decisions"]
        assert (decision["action"], decision["would_by"]) == ("pass", "greylist")
        async with asyncio.timeout(5):
            while '"what": []' in (out := (await tell(house, "report", "--shadow", "--json"))[1]):
                await asyncio.sleep(0.02)  # until the second of the decisions is over
        assert json.loads(out)["since_start"]["would"] == [
            {"action": "DEFER_IF_PERMIT", "check": "greylist", "reason": "new", "count": 1}
        ]
        assert json.loads(out)["what"] == [{"name": "DEFER_IF_PERMIT by greylist", "count": 1}]
        status, _, err = await tell(house, "why", "nobody@example")
        assert (status, "no decision about" in err) == (1, True)

    house.run(story)


def test_a_reload_in_the_middle_of_dns_questions_loses_no_mail(house: House) -> None:
    def listed(message: bytes, via: Via) -> list[bytes]:
        name, kind = name_of(message)
        if kind == "A" and (".113.0.203." in name or name.startswith("2.0.0.127.")):
            return [said(message, f"{name} 60 A 127.0.0.2")]
        return [said(message, code=dns.rcode.NXDOMAIN, minimum=60)]

    def configure(server: FaultyServer, more: str) -> None:
        house.configure()
        text = house.file.read_text()
        house.file.write_text(
            f'{text}[chain]\nchecks = ["rbl"]\n[dns]\nnameservers = ["{server.address}"]\n{more}'
            '[rbl]\nsites = ["bl.example*3"]\n'
        )

    async def story(house: House) -> None:
        async with FaultyServer(listed, delay=0.1) as server:
            for more in ("", "tries = 2\n", "tries = 2\n"):  # another resolver, the same one with other checks
                configure(server, more)
                asked = [asyncio.create_task(house.ask(client_address=f"203.0.113.{n}")) for n in range(20)]
                await asyncio.sleep(0.05)
                await house.reload()
                answers = await asyncio.wait_for(asyncio.gather(*asked), 5)
                assert all(answer.startswith(("550 5.7.1 ", "DEFER_IF", "DUNNO")) for answer in answers)
            assert (await house.ask(client_address="203.0.113.99")).startswith("550 5.7.1 Service unavailable; Client")

    house.run(story)


def test_the_checks_have_the_share_of_a_requests_time_that_the_configuration_was_judged_by(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    class Seen(app.Chain):
        def __init__(self, *arguments: Any, patience: float, **options: Any) -> None:
            given.append(patience)
            super().__init__(*arguments, patience=patience, **options)

    async def story(house: House) -> None:
        assert "Greylisted" in await house.ask()

    monkeypatch.setattr(app, "Chain", Seen)
    house.configure(server='request_deadline = "10s"')
    house.run(story)
    assert given == [9.0]
