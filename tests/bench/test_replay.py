"""Law tested: our real check meets the figures that the documentation promises, and loses nobody's mail."""

from statistics import median
from typing import Any

import pytest

from bench.replay.__main__ import RULES, delivered, table
from bench.replay.ours import ours
from bench.replay.senders import POOL, PROVIDERS, SENDERS, Sender, attempts
from policyd.checks.greylist import Settings

WORST, MEDIAN = 1155, 336


@pytest.mark.parametrize("known", ["name", "spf", "both"])
@pytest.mark.parametrize("scattered", [False, True])
def test_with_any_identity_known_no_sender_restarts_its_clock(known: str, scattered: bool) -> None:
    times = [delivered(sender, ours(known), scattered=scattered) for sender in PROVIDERS]  # type: ignore[arg-type]
    assert None not in times
    assert max(times) <= WORST  # type: ignore[type-var]
    assert median(times) <= MEDIAN  # type: ignore[type-var]
    # The first try after the delay is the one that passes, whatever address it came from.
    assert times == [next(at for at in sender.tries if at >= 240) for sender in PROVIDERS]


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.name)
def test_with_nothing_known_we_are_no_slower_than_postgrey(sender: Sender) -> None:
    for scattered in (False, True):
        theirs = delivered(sender, RULES["postgrey"](), scattered=scattered)
        mine = delivered(sender, ours("nothing"), scattered=scattered)
        assert mine is not None
        assert theirs is not None
        assert mine <= theirs


def test_without_identities_a_scattered_pool_waits_for_hours() -> None:
    """The negative control: the identities make the difference, nothing else."""
    gmail = PROVIDERS[0]
    rule = ours("both", Settings(identities=()))
    assert delivered(gmail, rule, scattered=True) == delivered(gmail, RULES["postgrey"](), scattered=True) == 18545


@pytest.mark.parametrize("known", ["name", "spf", "both"])
def test_where_only_the_suspicious_wait_no_provider_does(known: Any) -> None:
    settings = Settings(when="suspicious")
    assert {delivered(sender, ours(known, settings), scattered=True) for sender in PROVIDERS} == {0}
    # The negative control: of whom nothing is known, not even a name, everything is suspicious.
    assert delivered(PROVIDERS[0], ours("nothing", settings), scattered=False) == 362


def test_the_pool_of_2007_passes_at_its_first_try_after_the_delay() -> None:
    assert delivered(POOL, ours("nothing"), scattered=False) == 3065
    assert delivered(POOL, RULES["postgrey by address"](), scattered=False) is None


def test_scattered_addresses_share_no_network() -> None:
    for sender in PROVIDERS:
        tries = list(attempts(sender, scattered=True))
        networks = {attempt.client.rpartition(".")[0] for attempt in tries}
        assert len(networks) == len({attempt.client for attempt in tries}) == min(sender.addresses, len(sender.tries))
        together = {attempt.client.rpartition(".")[0] for attempt in attempts(sender, scattered=False)}
        assert len(together) == 1


def test_a_table_has_a_row_for_each_sender() -> None:
    rows = list(table(PROVIDERS[:2], scattered=True))
    assert [row.split("|")[1].strip() for row in rows[2:]] == [
        "gmail.com (7)",
        "yahoo.co.uk (1)",
        "**median**",
        "**worst**",
    ]
