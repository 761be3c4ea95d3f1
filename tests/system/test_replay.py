"""Law tested: postgrey, as the replay simulates it, is Debian's postgrey."""

import time
from collections.abc import Iterator

import pytest

from bench.replay.__main__ import RULES, delivered
from bench.replay.rules import Rule
from bench.replay.senders import SENDERS, Attempt, Sender
from tests.system.postgrey import Postgrey, run_postgrey

pytestmark = pytest.mark.system

# postgrey's housekeeping runs on the real clock: entries of the future are never old.
T0 = int(time.time()) + 10 * 86400


@pytest.fixture(scope="module", params=["postgrey", "postgrey by address"])
def rules(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Postgrey]]:
    """One column of the table, and a postgrey that is started for it."""
    options = ["--lookup-by-host"] if request.param == "postgrey by address" else []
    with run_postgrey(tmp_path_factory.mktemp("postgrey"), *options) as running:
        yield request.param, running


def rule_of(peer: Postgrey, recipient: str) -> Rule:
    def accepts(attempt: Attempt) -> bool:
        request = {
            "request": "smtpd_access_policy",
            "protocol_state": "RCPT",
            "client_address": attempt.client,
            "client_name": attempt.host,
            "helo_name": attempt.host,
            "sender": f"someone@{attempt.sender.name}",
            "recipient": recipient,
            "instance": f"1.{attempt.at}.0.0",
            "etrn_domain": "",
        }
        return not peer.ask(request, T0 + attempt.at).startswith("DEFER")

    return accepts


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_the_simulated_postgrey_is_the_real_one(sender: Sender, scattered: bool, rules: tuple[str, Postgrey]) -> None:
    column, peer = rules
    real = delivered(sender, rule_of(peer, f"{scattered}@example.org"), scattered=scattered)
    assert real == delivered(sender, RULES[column](), scattered=scattered)
