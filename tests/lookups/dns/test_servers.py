import asyncio
from pathlib import Path

import pytest

from policyd.lookups.dns.servers import GRACE, LOOK_EVERY, Servers, system_places
from policyd.lookups.dns.settings import Place
from tests.lookups.doubles import FakeLink
from tests.lookups.virtual import run_virtually


def link_to(place: Place) -> FakeLink:
    return FakeLink(lambda message: [], place=place)


def hosts(servers: Servers, now: float) -> list[str]:
    return [server.place.host for server in servers.current(now)]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("nameserver 192.0.2.53\n", ["192.0.2.53"]),
        ("# nameserver 192.0.2.1\nsearch example\nnameserver\t::1  # ours\noptions ndots:5\n", ["::1"]),
        ("nameserver fe80::1%eth0\r\nnameserver fe80::1%eth0\r\n", ["fe80::1%eth0"]),
        ("nameserver example\nnameserver\nnameserver 192.0.2.300\n", []),
        ("".join(f"nameserver 192.0.2.{n}\n" for n in range(9)), ["192.0.2.0", "192.0.2.1", "192.0.2.2"]),
        ("", []),
    ],
)
def test_the_systems_servers_are_read_as_glibc_reads_them(text: str, places: list[str]) -> None:
    assert system_places(text) == [Place(host) for host in places]


def test_those_of_the_settings_come_first_and_once(tmp_path: Path) -> None:
    async def run() -> None:
        servers = Servers(["192.0.2.1:5353", "::1", "[::1]:53"], link_to, tmp_path / "none")
        assert [server.place for server in servers.current(0)] == [Place("192.0.2.1", 5353), Place("::1")]
        assert servers.current(10_000) is servers.current(0)
        servers.close()
        assert not servers.current(20_000)

    run_virtually(run())


@pytest.mark.parametrize("text", [None, "", "nonsense\n", "\xff\0"])
def test_without_any_the_local_host_is_asked(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    if text is not None:
        file.write_text(text, "latin-1")

    async def run() -> None:
        assert hosts(Servers([], link_to, file), 0) == ["127.0.0.1"]

    run_virtually(run())


def test_a_changed_file_is_read_again_and_who_stays_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")

    async def run() -> None:
        servers = Servers([], link_to, file)
        first, second = servers.current(0)
        file.write_text("nameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n")
        assert hosts(servers, LOOK_EVERY - 1) == ["192.0.2.1", "192.0.2.2"]
        assert hosts(servers, LOOK_EVERY) == ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
        assert servers.current(LOOK_EVERY)[0] is second
        assert isinstance(first.link, FakeLink)
        await asyncio.sleep(GRACE - 1)
        assert not first.link.is_closed  # questions that are on their way to it come home
        await asyncio.sleep(2)
        assert first.link.is_closed
        file.unlink()
        assert hosts(servers, 2 * LOOK_EVERY) == ["127.0.0.1"]
        servers.close()
        assert not servers.current(20_000)

    run_virtually(run())
