"""All or nothing: what a reload does to the listening sockets."""

import asyncio
import shutil
import socket
import stat
from pathlib import Path

import pytest

from policyd.listeners import Listeners
from policyd.sockets import SocketOptions


class HangsUp(asyncio.Protocol):
    """Nobody stays."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.abort()  # type: ignore[attr-defined]


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
        return True


def test_new_places_are_opened_and_old_ones_closed(tmp_path: Path) -> None:
    async def run() -> None:
        one, two, three = (tmp_path / name for name in ("one", "two", "three"))
        listeners = Listeners(asyncio.Protocol, [])
        await listeners.listen([f"unix:{one}", f"unix:{two}"], SocketOptions())
        kept = two.stat().st_ino
        await listeners.listen([f"unix:{two}", f"unix:{three}"], SocketOptions())
        assert (connects(one), connects(two), connects(three)) == (False, True, True)
        assert two.stat().st_ino == kept
        assert str(listeners) == f"unix:{two}, unix:{three}"
        listeners.close()
        assert not connects(two)
        assert list(tmp_path.iterdir()) == []

    asyncio.run(run())


def test_one_place_that_cannot_be_had_changes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        old, new, bad = tmp_path / "old", tmp_path / "new", tmp_path / "missing" / "bad"
        listeners = Listeners(asyncio.Protocol, [])
        await listeners.listen([f"unix:{old}"], SocketOptions())
        with pytest.raises(OSError, match="create the directory"):
            await listeners.listen([f"unix:{new}", f"unix:{bad}"], SocketOptions())
        assert connects(old)
        assert not new.exists()
        listeners.close()

    asyncio.run(run())


def test_inherited_sockets_are_kept_and_their_files_are_systemds(tmp_path: Path) -> None:
    async def run() -> None:
        path = tmp_path / "inherited"
        inherited = socket.socket(socket.AF_UNIX)
        inherited.bind(str(path))
        inherited.listen()
        inherited.setblocking(False)
        listeners = Listeners(asyncio.Protocol, [inherited])
        await listeners.listen(["inet:127.0.0.1:1"], SocketOptions())
        await listeners.listen(["inet:127.0.0.1:1"], SocketOptions())
        assert str(listeners) == f"unix:{path}"
        assert connects(path)
        listeners.close()
        assert path.exists()

    asyncio.run(run())


def test_a_socket_file_that_was_removed_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        home = tmp_path / "home"
        home.mkdir()
        listeners = Listeners(HangsUp, [])
        await listeners.listen([f"unix:{home}/one", f"unix:{home}/two", "inet:127.0.0.1:0"], SocketOptions(mode=0o600))
        kept = (home / "two").stat().st_ino
        await listeners.look_after()
        (home / "one").unlink()
        await listeners.look_after()
        assert connects(home / "one")
        await asyncio.sleep(0.01)  # it is accepted, and hung up on
        assert stat.S_IMODE((home / "one").stat().st_mode) == 0o600
        assert (home / "two").stat().st_ino == kept
        shutil.rmtree(home)
        for _ in range(3):
            await listeners.look_after()
        home.mkdir()
        await listeners.look_after()
        assert connects(home / "one")
        assert connects(home / "two")
        listeners.close()
        await asyncio.sleep(0.01)
        assert list(home.iterdir()) == []

    asyncio.run(run())
    missing = [record.message for record in caplog.records if "create the directory" in record.message]
    assert len(missing) == 2, "once for each socket, however often it is tried"
    assert sum("its file was removed or replaced; it is made anew" in record.message for record in caplog.records) == 3


def test_a_place_that_another_daemon_has_taken_is_left_to_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        place = f"unix:{tmp_path}/s"
        first, second = Listeners(asyncio.Protocol, []), Listeners(asyncio.Protocol, [])
        await first.listen([place], SocketOptions())
        (tmp_path / "s").unlink()
        await second.listen([place], SocketOptions())
        taken = (tmp_path / "s").stat().st_ino
        await first.look_after()
        first.close()
        assert (tmp_path / "s").stat().st_ino == taken
        second.close()

    asyncio.run(run())
    assert "another policyd or another policy service runs there" in caplog.text


def test_a_file_of_systemds_that_we_cannot_see_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        inherited = socket.socket(socket.AF_UNIX)
        inherited.bind(str(tmp_path / "s"))
        inherited.listen()
        inherited.setblocking(False)
        (tmp_path / "s").unlink()  # as PrivateTmp= hides it
        listeners = Listeners(asyncio.Protocol, [inherited])
        await listeners.listen([], SocketOptions())
        await listeners.look_after()
        listeners.close()

    asyncio.run(run())
    assert not caplog.records


def test_of_a_file_of_systemds_that_was_removed_it_is_said_once_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        inherited = socket.socket(socket.AF_UNIX)
        inherited.bind(str(tmp_path / "s"))
        inherited.listen()
        inherited.setblocking(False)
        listeners = Listeners(asyncio.Protocol, [inherited])
        await listeners.listen([], SocketOptions())
        await listeners.look_after()
        assert not caplog.records
        (tmp_path / "s").unlink()
        await listeners.look_after()
        await listeners.look_after()
        assert not (tmp_path / "s").exists()
        listeners.close()

    asyncio.run(run())
    (record,) = caplog.records
    assert record.message == (
        f"unix:{tmp_path}/s: its file was removed or replaced, and Postfix finds nobody there; it is systemd's: "
        "systemctl restart policyd.socket"
    )
