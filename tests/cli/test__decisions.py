"""Decisions out of a daemon's answer and out of files, and how they stand on a terminal."""

import gzip
from pathlib import Path

import pytest

from policyd.cli._decisions import Seen, domain_of, from_daemon, from_logs, network_of
from policyd.model.errors import Refused

LINE = (
    "action=greylist, reason=early-retry (9s missing), client_name=mx, client_address=192.0.2.1, recipient=b@y, id=00"
)
ROW = "greylist  early-retry, 9 s       192.0.2.1 [mx]  <> -> b@y  id 00"


def test_what_a_daemon_says() -> None:
    (seen,) = from_daemon({"decisions": [[1_700_000_000, LINE], [1, "no decision"]]})
    assert seen.at == 1_700_000_000
    assert seen.row().endswith(ROW)
    assert seen.as_json()["delay"] == "9"


@pytest.mark.parametrize("packed", [False, True])
def test_files_packed_or_not(tmp_path: Path, packed: bool) -> None:
    text = f"Nov 26 mx postfix/smtpd[1]: connect\nNov 26 mx policyd[2]: {LINE}\n\xff reason\n".encode("latin-1")
    (tmp_path / "log").write_bytes(gzip.compress(text) if packed else text)
    (seen,) = from_logs([str(tmp_path / "log")])
    assert seen.row() == ROW


@pytest.mark.parametrize(
    ("before", "when"),
    [
        ("Nov  6 14:02:11 mx policyd[2]: ", "Nov  6 14:02:11  "),
        ("Nov 26 14:02:11 mx policyd[2]: 4XyZ12: ", "Nov 26 14:02:11  "),
        ("2026-11-26T14:02:11.123456+01:00 mx policyd[2]: ", "2026-11-26 14:02:11  "),
        ("2026-11-26T14:02:11+0000 ", "2026-11-26 14:02:11  "),
        ("", ""),
        ("somewhen, Nov 26 14:02:11 ", ""),
    ],
)
def test_when_a_line_of_a_file_was_written(tmp_path: Path, before: str, when: str) -> None:
    (tmp_path / "log").write_text(f"{before}{LINE}\n")
    (seen,) = from_logs([str(tmp_path / "log")])
    assert seen.row() == when + ROW
    assert seen.as_json()["logged"] == when.strip()


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="none: No such file"):
        list(from_logs([str(tmp_path / "none")]))
    (tmp_path / "broken").write_bytes(gzip.compress(LINE.encode())[:-9])
    with pytest.raises(Refused, match="broken"):
        list(from_logs([str(tmp_path / "broken")]))


def test_a_terminal_sees_no_control() -> None:
    row = Seen(0, {"sender": "\x1b[2J\u202e", "match": "f:1: \x1b", "would": "REJECT \x07", "recipient": "b"}, "").row()
    assert row.isascii()
    assert "\x1b" not in row
    assert 'match: "f:1: \\x1b"' in row


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8::1", "2001:db8::/64"), ("unknown", "unknown"), ("\x1b", '"\\x1b"')],
)
def test_networks(address: str, network: str) -> None:
    assert network_of({"client_address": address}) == network


def test_domains() -> None:
    assert domain_of({"sender": "a@b@Example.ORG"}, "sender") == "example.org"
    assert domain_of({}, "sender") == "<>"
    assert domain_of({"sender": "root"}, "sender") == "root"
