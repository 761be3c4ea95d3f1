import sys
import tomllib
from pathlib import Path

import pytest

from bench.driver import Driver
from bench.servers import ECHO, POLICYD, ServerFailed, free_address, running, unwatched, with_identities, with_lists
from bench.triplets import Population


def test_a_server_is_started_watched_and_stopped(tmp_path: Path) -> None:
    address = free_address(tmp_path, unix=True)
    with running(ECHO.command(tmp_path, address), address, tmp_path / "log") as server:
        assert 0 < server.started_in < 10
        assert server.cpu() >= 0
        rss, peak = server.memory()
        assert 0 < rss <= peak
        assert server.log_lines() == 0
    with pytest.raises(OSError, match="refused"):
        Driver(address, 1)


def test_a_server_that_dies_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such database')"]
    with (
        pytest.raises(ServerFailed, match="no such database"),
        running(command, free_address(tmp_path, unix=False), tmp_path / "log"),
    ):
        pytest.fail("it never answered")


def test_it_is_stopped_even_if_the_measurement_fails(tmp_path: Path) -> None:
    address = free_address(tmp_path, unix=False)
    with pytest.raises(ZeroDivisionError), running(ECHO.command(tmp_path, address), address, tmp_path / "log"):
        raise ZeroDivisionError
    with pytest.raises(ConnectionRefusedError):
        Driver(address, 1)


def test_lists_lie_beside_the_database_and_name_nobody_of_a_workload(tmp_path: Path) -> None:
    kind = with_lists(ECHO, 400)
    kind.prepare(tmp_path, Population(1000))
    assert kind.name == "echo, 400 listed"
    lines = [line for file in ("clients", "senders") for line in (tmp_path / f"listed_{file}").read_text().splitlines()]
    assert len(set(lines)) == 400
    keys = {line.split()[0] for line in lines}
    assert not [key for key in keys if key.endswith(".test")]
    assert not [key for key in keys if key[0].isdigit() and not key.startswith(("10.", "2001:db8:"))]


def test_names_are_identities_only_where_that_is_measured(tmp_path: Path) -> None:
    settings = []
    for kind in (POLICYD, with_identities(POLICYD)):
        kind.command(tmp_path, ("127.0.0.1", 1))
        settings.append(tomllib.loads((tmp_path / "policyd.toml").read_text())["greylist"]["identities"])
    assert settings == [[], ["spf", "name"]]


def test_who_is_unwatched_writes_and_shows_nothing(tmp_path: Path) -> None:
    unwatched(POLICYD).command(tmp_path, ("127.0.0.1", 1))
    settings = tomllib.loads((tmp_path / "policyd.toml").read_text())
    assert settings["metrics"]["listen"] == settings["control"]["socket"] == ""
    assert settings["log"]["level"] == "warning"
    POLICYD.command(tmp_path, ("127.0.0.1", 1))
    assert tomllib.loads((tmp_path / "policyd.toml").read_text())["control"]["socket"].startswith(str(tmp_path))
