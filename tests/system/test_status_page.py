"""The status page in a real browser: Debian's chromium, headless, with a profile of its own and nobody to phone."""

import struct
import subprocess
from pathlib import Path

from tests.system.daemon import Policyd
from tests.system.parts import require
from tests.system.policy import PolicyClient

QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-default-apps", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def chromium(lab: Path, *arguments: str) -> str:
    command = [require("chromium"), *QUIET, f"--user-data-dir={lab}/chromium", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=lab, check=True)
    return done.stdout


def ask_a_little(daemon: Policyd) -> None:
    with PolicyClient(daemon.inet) as client:
        for sender in ("alice@example.org", '"<script>document.title=1</script>"@example.org', "alice@example.org"):
            client.ask(sender=sender, client_address="192.0.2.77")


def test_a_browser_shows_the_state_and_the_last_decisions(lab: Path) -> None:
    with Policyd(lab) as daemon:
        ask_a_little(daemon)
        shown = chromium(lab, "--dump-dom", f"http://127.0.0.1:{daemon.metrics_port}/")
    assert "<title>policyd: serving</title>" in shown
    assert 'policyd is <span class="serving">serving</span>' in shown
    assert "<td>early-retry</td>" in shown
    assert "<script" not in shown
    assert "192.0.2.77" not in shown
    assert "alice@" not in shown


def test_it_draws_something(lab: Path) -> None:
    picture = lab / "page.png"
    with Policyd(lab, {"metrics": {"show_addresses": True}}) as daemon:
        ask_a_little(daemon)
        place = f"http://127.0.0.1:{daemon.metrics_port}/"
        shown = chromium(lab, "--window-size=1000,1100", f"--screenshot={picture}", "--dump-dom", place)
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (1000, 1100)
    assert len(data) > 20_000, "an empty page is smaller"
    assert shown == "" or "192.0.2.77" in shown


def test_a_broken_list_is_seen_by_the_next_visitor(lab: Path) -> None:
    (lab / "clients").write_text("192.0.2.300\n")
    with Policyd(lab, {"whitelist": {"clients": [f"{lab}/clients"]}}) as daemon:
        shown = chromium(lab, "--dump-dom", f"http://127.0.0.1:{daemon.metrics_port}/")
    assert "<title>policyd: degraded</title>" in shown
    assert "clients:1: " in shown
