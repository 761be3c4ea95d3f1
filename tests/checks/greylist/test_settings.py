"""Law tested: what cannot be is refused with a sentence; what is shipped is what it says."""

import pytest

from policyd.checks.greylist.settings import PROVIDERS, Settings, check_provider, check_trap


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
    assert Settings(replies="address").rules().replies_for == 30 * 86400


def test_replies_cannot_outlive_everything_else() -> None:
    with pytest.raises(ValueError, match=r"^replies_for: longer than max_age"):
        Settings(replies_for=36 * 86400)  # type: ignore[arg-type]
