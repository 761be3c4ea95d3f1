"""The one screen: every check's word and the answer, and a mail taken out of the log."""

import json
from typing import Any

import pytest

from policyd.cli import explain, main

WHO = ["--client", "192.0.2.7", "--sender", "news@example.net", "--recipient", "bob@ours.example"]
STEP: dict[str, Any] = {
    "check": "whitelist", "error": "", "seconds": 0.0001, "action": "DUNNO", "reason": "no check objected",
    "final": False, "delay": 0,
    "match": "", "why": "", "exempt": [], "facts": [], "evidence": {}, "reached": True, "shadow": False,
}  # fmt: skip
TOLD: dict[str, Any] = {
    "policy": "ours (f:3)", "not_asked": ["spf"],
    "steps": [
        STEP,
        STEP | {"check": "rbl", "facts": ["zen.example of 7.2.0.192: 127.0.0.2 (3 points)"], "shadow": True,
                "reason": "listed", "action": "550 5.7.1 no\x1b", "final": True,
                "evidence": {"dns_lists": {"points": 3.0, "listed": ["zen.example"], "unknown": [], "is_trusted": 0}}},
        STEP | {"check": "blacklist", "error": "out of order",
                "evidence": {"dns_lists": {"points": 0.0, "listed": []}}},
        STEP | {"check": "greylist", "action": "DEFER_IF_PERMIT 4.2.0 Greylisted", "reason": "early-retry", "delay": 57,
                "final": True, "match": "f:1: x", "reached": False},
    ],
    "answer": {"action": "DEFER_IF_PERMIT 4.2.0 Greylisted", "check": "greylist", "reason": "early-retry", "delay": 57,
               "match": "", "would": "550 5.7.1 no", "would_by": "rbl"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    seen: list[dict[str, str]] = []

    def ask(_: object, verb: str, *, attributes: dict[str, str]) -> dict[str, Any]:
        assert verb == "explain"
        seen.append(attributes)
        return TOLD

    monkeypatch.setattr(explain, "ask", ask)
    return seen


def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *WHO]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "request    192.0.2.7 [unknown] helo unknown  news@example.net -> bob@ours.example",
        "policy     ours (f:3)",
        "whitelist  no opinion, 0.1 ms",
        "rbl        550 5.7.1 no\\x1b (listed) (in shadow: not heard), 0.1 ms",
        "           zen.example of 7.2.0.192: 127.0.0.2 (3 points)",
        "           learned: dns_lists: points=3.0, listed=zen.example",
        "blacklist  cannot say: out of order; mail goes on without it, 0.1 ms",
        "greylist   DEFER_IF_PERMIT 4.2.0 Greylisted (early-retry, 57 s), f:1: x (not reached: decided before), 0.1 ms",
        "spf        not asked: its hours, or a [[policy]]",
        "answer     action=DEFER_IF_PERMIT 4.2.0 Greylisted",
        "           decided by greylist (early-retry)",
        "           without shadow mode: 550 5.7.1 no (by rbl)",
        "           (nothing of this was remembered)",
    ]


def test_a_check_that_another_exempts_from_was_not_decided_before(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [step | {"shadow": step["check"] == "whitelist"} for step in TOLD["steps"]]
    steps[0] |= {"exempt": ["greylist"]}
    monkeypatch.setattr(explain, "ask", lambda *_, attributes: TOLD | {"steps": steps})
    assert main(["explain", *WHO]) == 0
    assert "(not reached: decided before)" in capsys.readouterr().out, "a check in shadow exempts nobody"
    steps[1] |= {"exempt": ["greylist"]}
    assert main(["explain", *WHO]) == 0
    assert "f:1: x (not asked: rbl exempts from it), 0.1 ms" in capsys.readouterr().out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", *WHO, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answer"] == TOLD["answer"]
    assert told["request"]["client_address"] == "192.0.2.7"


def test_a_mail_of_the_log(asked: list[dict[str, str]]) -> None:
    line = "action=pass, reason=client AWL, client_name=mx, client_address=192.0.2.9, recipient=b@x, id=1"
    assert main(["explain", "--from-log", f"Nov 26 mx policyd[1]: {line}"]) == 0
    (attributes,) = asked
    assert [attributes[name] for name in ("client_address", "client_name", "sender", "recipient")] == [
        "192.0.2.9", "mx", "", "b@x",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [[], ["--from-log", "policyd ended"], WHO[:4], ["--client", "x", *WHO[2:]]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert main(["explain", *arguments]) == 2
