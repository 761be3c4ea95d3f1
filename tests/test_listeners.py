"""All or nothing: what a reload does to the listening sockets."""

import asyncio
import socket
from pathlib import Path

import pytest

from policyd.listeners import Listeners
from policyd.sockets import SocketOptions


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
