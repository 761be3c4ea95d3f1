"""Law tested: what cannot be is refused with a sentence; what is shipped is what it says."""

from typing import Any

import pytest

from policyd.checks.greylist.reply import TEXT_LIMIT
from policyd.checks.greylist.settings import PROVIDERS, Settings, check_provider, check_trap
from policyd.model.greylist import Rules

DAY = 86400


def test_the_providers_that_are_shipped_are_domains_each_once() -> None:
    for provider in PROVIDERS:
        check_provider(provider)
    assert len(set(PROVIDERS)) == len(PROVIDERS)


@pytest.mark.parametrize("text", ["Gmail.com", ".gmail.com", "gmail", "a b.example", "", "@gmail.com"])
def test_what_is_no_domain_is_no_provider(text: str) -> None:
    with pytest.raises(ValueError, match="is no domain"):
        check_provider(text)


@pytest.mark.parametrize("text", ["trap@y.example", "trap@", "@y.example"])
def test_a_trap_is_a_mailbox_a_user_or_a_domain(text: str) -> None:
    check_trap(text)


@pytest.mark.parametrize("text", ["", "@", "trap", "tr ap@y.example", "trap@y.example\n"])
def test_what_names_no_mailbox_is_no_trap(text: str) -> None:
    with pytest.raises(ValueError, match="names no mailbox"):
        check_trap(text)


def test_a_trapped_network_can_always_come_back_in_time() -> None:
    assert Settings(retry_window=600, delay=60).rules().trap_delay == 600  # type: ignore[arg-type]


def test_without_replies_nobody_looks_for_them() -> None:
    assert Settings().rules().replies_for == 0
    assert Settings(replies="address").rules().replies_for == 30 * DAY


def test_replies_cannot_outlive_everything_else() -> None:
    with pytest.raises(ValueError, match=r"^replies_for: longer than max_age"):
        Settings(replies_for=36 * DAY)  # type: ignore[arg-type]


def test_defaults_are_those_of_the_documentation() -> None:
    settings = Settings()
    assert (settings.delay, settings.retry_window, settings.max_age) == (240, 2 * DAY, 35 * DAY)
    assert (settings.auto_whitelist_clients, settings.auto_whitelist_interval) == (5, 3600)
    assert settings.rules() == Rules(group_after=3, trap_delay=7200, max_new=1000)


@pytest.mark.parametrize(
    ("options", "mistake"),
    [
        ({"delay": 601, "retry_window": 600}, "delay: "),
        ({"auto_whitelist_interval": 2 * DAY, "max_age": DAY}, "auto_whitelist_interval: "),
        ({"action": "OK"}, "action: "),
        ({"action": "550"}, "action: "),
        ({"action": "REJECT"}, "action: "),
        ({"action": "DEFER_IF_REJECT"}, "action: "),
        ({"action": "451 4.7.1"}, "action: "),
        ({"action": "45"}, "action: "),
        ({"action": ""}, "action: "),
        ({"text": ""}, "text: "),
        ({"text": "schön"}, "text: "),
        ({"text": "a\nb"}, "text: "),
        ({"text": "4.2.0"}, "text: "),
        ({"text": "5.7.1 go away"}, "text: "),
        ({"text": "Service unavailable, greylisted"}, "text: "),
        ({"text": "4.7.1 service UNAVAILABLE"}, "text: "),
        ({"text": "x" * (TEXT_LIMIT + 1)}, "text: "),
        ({"header_text": "no header"}, "header_text: "),
        ({"header_text": "X-A: b\nX-C: d"}, "header_text: "),
        ({"header_text": ""}, "header_text: "),
        ({"header_text": "X-A: " + "%h" * 4}, "header_text: "),
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValueError, match=f"^{mistake}"):
        Settings(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"delay": 0},
        {"delay": 600, "retry_window": 600},
        {"auto_whitelist_clients": 0, "auto_whitelist_interval": 0},
        {"text": "Greylisted, see https://y.example/%r.html"},
        {"action": "421"},
        {"auto_whitelist_interval": DAY, "max_age": DAY, "replies_for": DAY},
        {"text": "x" * (TEXT_LIMIT - len("4.2.0 "))},
    ],
)
def test_unusual_settings_are_allowed(options: dict[str, Any]) -> None:
    Settings(**options)
