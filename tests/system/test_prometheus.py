"""The metrics page and the alert rules, judged by Prometheus's own promtool (Debian's package prometheus)."""

import random
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.system.daemon import ROOT, Policyd
from tests.system.parts import require
from tests.system.policy import PolicyClient
from tests.system.test_metrics import get
from tests.test_monitoring import documented

MOST_SERIES = 300
HOSTILE = 20_000
"""Requests here; with a million the page is the same, because labels are words of ours (docs/metrics.md)."""


def promtool(*arguments: str, text: str = "") -> str:
    done = subprocess.run(
        [require("promtool"), *arguments], input=text, capture_output=True, text=True, cwd=ROOT / "conf/prometheus",
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def exercise(client: PolicyClient) -> None:
    """Requests that touch every check and every kind of answer."""
    for sender in ("a@example.org", "spam@example.org", "a@example.org", "tagged@example.org"):
        client.ask(sender=sender)
    client.ask(client_address="127.0.0.1")
    client.ask(protocol_state="VRFY")


def everything(home: Path) -> dict[str, dict[str, object]]:
    (home / "senders").write_text(
        "spam@example.org REJECT no\ntagged@example.org PREPEND X-Tag: yes\nbad line here 1\n"
    )
    return {
        "chain": {"checks": ["whitelist", "blacklist", "rbl", "spf", "greylist"]},
        "blacklist": {"senders": [f"{home}/senders"]},
        "dns": {"nameservers": ["127.0.0.1:9"], "timeout": "1s"},
        "rbl": {"sites": ["list.example"], "deadline": "1s"},
        "spf": {"deadline": "1s", "mode": "shadow"},
    }


def test_the_page_is_as_prometheus_wants_it_and_as_it_is_documented(lab: Path) -> None:
    with Policyd(lab, everything(lab)) as daemon, PolicyClient(daemon.inet) as client:
        exercise(client)
        page = get(daemon)[1]
    promtool("check", "metrics", text=page)
    known = documented()
    seen = set()
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            seen.add(sample.name)
            if not sample.name.startswith("policyd_"):
                continue
            assert sample.name in known, f"{sample.name} is not in docs/metrics.md"
            assert set(sample.labels) - {"le"} == known[sample.name], f"{sample.name}: other labels are documented"
    # What is documented and has no labels stands on the page of any daemon; the others come with their first event.
    missing = {name for name, labels in known.items() if not labels and name.startswith("policyd_")} - seen
    assert missing == set()


def test_hostile_requests_make_no_series(lab: Path) -> None:
    random.seed(20)
    with Policyd(lab, everything(lab) | {"log": {"level": "warning"}}) as daemon, PolicyClient(daemon.inet) as client:
        exercise(client)
        for number in range(HOSTILE):
            word = random.randbytes(6).hex()
            client.ask(
                sender=f'{word}"{{x="y"}}@{word}.example',
                recipient=f"{word}@{number}.example",
                helo_name=f"\xa0{word}",
                client_address=f"203.0.{number % 250}.{number // 250 % 250}",
                client_name=word,
                protocol_state="RCPT" if number % 3 else word[:5],
                policy_context=word,
            )
        page = get(daemon)[1]
        series = [line for line in page.splitlines() if line and not line.startswith("#")]
        assert len(series) <= MOST_SERIES
        promtool("check", "metrics", text=page)


def test_the_rules_are_right_and_their_tests_pass() -> None:
    assert "SUCCESS" in promtool("check", "rules", "policyd.rules.yml")
    assert "SUCCESS" in promtool("test", "rules", "policyd.rules.test.yml")


def test_promtool_can_say_no() -> None:
    with pytest.raises(AssertionError, match="counter metrics should have"):
        promtool("check", "metrics", text="# HELP a b\n# TYPE a counter\na 1\n")
