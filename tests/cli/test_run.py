"""`policyd run` hands the settings to the daemon, and reads the same file again when it is asked to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from policyd import app
from policyd.cli import main
from policyd.config import Settings
from policyd.model.errors import ConfigError


def test_the_daemon_gets_the_settings_and_the_way_to_new_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "policyd.toml"
    config.write_text("[server]\nbacklog = 7\n")
    seen = []

    def serve(settings: Settings, load: Callable[[], Settings]) -> int:
        config.write_text("[server]\nbacklog = 8\n")
        seen.extend([settings.server.backlog, load().server.backlog])
        return 1

    monkeypatch.setattr(app, "serve", serve)
    assert main(["run", "--config", str(config)]) == 1
    assert seen == [7, 8]


def test_a_file_that_a_full_disk_emptied_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "policyd.toml"
    config.touch()

    def serve(_: Settings, load: Callable[[], Settings]) -> int:
        with pytest.raises(ConfigError, match="is empty"):
            load()
        return 0

    monkeypatch.setattr(app, "serve", serve)
    assert main(["run", "--config", str(config)]) == 0


def test_mistakes_are_all_on_stderr_and_nothing_is_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "policyd.toml"
    config.write_text("[server]\nbacklog = 0\nfrob = 1\n")
    monkeypatch.setattr(app, "serve", lambda *_: pytest.fail("served"))
    assert main(["run", "-c", str(config)]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"{config}:2: [server] backlog: 0 is out of range, write 1 to 65535",
        f"{config}:3: [server] frob: no such option",
        "policyd: not started",
    ]


def test_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "/nonexistent/policyd.toml"]) == 78
    assert capsys.readouterr().err.startswith("/nonexistent/policyd.toml: no such file; name the configuration with")
