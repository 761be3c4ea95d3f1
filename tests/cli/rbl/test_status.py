"""How the lists of a daemon are shown, and the exit status."""

import json
from typing import Any

import pytest

from policyd.cli import main
from policyd.cli.rbl import status

NOW = 1_700_000_000
GOOD: dict[str, Any] = {
    "zone": "bl.example", "state": "asked", "finding": "", "since": 0, "good_at": NOW - 61,
    "answered": 200, "listed": 3, "unknown": 1, "latency": 0.0123,
}  # fmt: skip
NEW = GOOD | {"zone": "new.example", "state": "new", "good_at": None, "answered": 0, "listed": 0, "latency": 0.0}
PARKED = GOOD | {"zone": "dead.example", "state": "parked", "since": NOW - 3600, "finding": "it does not answer"}


def test_a_line_for_each_list_and_the_reason_of_the_parked_ones() -> None:
    assert list(status.lines([GOOD, NEW, PARKED], NOW)) == [
        "list          state     answers   listed  unknown   latency  last good probe",
        "bl.example    asked         200     1.5%        1   12.3 ms  0:01:01 ago",
        "new.example   new             0        -        1         -  never",
        "dead.example  parked        200     1.5%        1   12.3 ms  0:01:01 ago",
        "              for 1:00:00: it does not answer",
    ]


@pytest.mark.parametrize(("lists", "code"), [([GOOD], 0), ([GOOD, NEW], 0), ([GOOD, PARKED], 1), ([], 0)])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_exit_status(
    lists: list[dict[str, Any]], code: int, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(status, "ask", lambda *_: lists)
    assert main(["rbl", "status", *options]) == code
    out = capsys.readouterr().out
    if options:
        assert json.loads(out) == {"lists": lists}
    elif not lists:
        assert "no list is asked" in out
