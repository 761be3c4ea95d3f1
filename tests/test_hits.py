"""Counts of list entries: bounded, merged over restarts, and never worth a crash."""

import asyncio
import json
from pathlib import Path

import pytest

from policyd import hits
from policyd.hits import Hits, hits_file, read_hits

NOW = 1_700_000_000


def saved(path: Path | None, *matches: str, now: int = NOW) -> Hits:
    async def live() -> Hits:
        counts = Hits(path)
        await counts.load()
        for match in matches:
            counts.count(match, now)
        await counts.save()
        return counts

    return asyncio.run(live())


def test_counts_are_kept_by_file_and_entry_and_go_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "list-hits.json"
    saved(path, "/etc/a:3: spam@example.com", "/etc/a:3: spam@example.com", "/etc/b:1: 192.0.2.0/24")
    # An edit above the entry moved it to another line.
    saved(path, "/etc/a:5: spam@example.com", "/etc/a:9: /^x: y/", now=NOW + 60)
    assert json.loads(path.read_text()) == {
        "/etc/a": {"spam@example.com": [3, NOW + 60], "/^x: y/": [1, NOW + 60]},
        "/etc/b": {"192.0.2.0/24": [1, NOW]},
    }
    assert read_hits(path)["/etc/a", "spam@example.com"] == (3, NOW + 60)
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_where_nothing_was_counted(tmp_path: Path) -> None:
    saved(tmp_path / "list-hits.json")
    assert not list(tmp_path.iterdir())


def test_without_a_path_nothing_is_kept() -> None:
    saved(None, "/etc/a:3: spam@example.com")


@pytest.mark.parametrize("damage", ["", "[", "[]", '{"/etc/a": 3}', '{"/etc/a": {"x": ["y", 1]}}', "[" * 100_000])
def test_what_is_damaged_is_begun_anew(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "list-hits.json"
    path.write_text(damage)
    saved(path, "/etc/a:3: spam@example.com")
    assert read_hits(path) == {("/etc/a", "spam@example.com"): (1, NOW)}
    assert caplog.messages == [f"{path}: holds no counts of list entries; it is begun anew"]


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "list-hits.json"
    path.mkdir()
    asyncio.run(Hits(path).load())
    assert caplog.messages == [f"the counts of list entries cannot be read: {path}: Is a directory; they begin anew"]


def test_what_cannot_be_written_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "later" / "list-hits.json"

    async def story() -> None:
        counts = Hits(path)
        counts.count("/etc/a:3: spam@example.com", NOW)
        await counts.save()
        path.parent.mkdir()
        await counts.save()

    asyncio.run(story())
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.messages[0]
    assert read_hits(path) == {("/etc/a", "spam@example.com"): (1, NOW)}


def test_the_number_of_entries_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "MAX_ENTRIES", 3)
    path = tmp_path / "list-hits.json"
    saved(path, *(f"/etc/a:{number}: old{number}" for number in range(5)))
    assert len(read_hits(path)) == 3
    saved(path, "/etc/a:7: new", now=NOW + 1)
    assert len(read_hits(path)) == 3
    assert ("/etc/a", "new") in read_hits(path)


def test_the_file_lies_beside_the_database() -> None:
    assert hits_file("sqlite:/var/lib/policyd/policyd.db") == Path("/var/lib/policyd/list-hits.json")
    assert hits_file("memory:") is None


def test_counts_are_written_every_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits, "INTERVAL", 0.001)
    path = tmp_path / "list-hits.json"

    async def story() -> None:
        counts = Hits(path)
        counts.count("/etc/a:3: spam@example.com", NOW)
        task = asyncio.create_task(counts.keep())
        async with asyncio.timeout(5):
            while not path.exists():
                await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(story())
