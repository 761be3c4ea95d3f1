import asyncio
from typing import get_args

import pytest

from policyd.model.dns import NO_RESOLVER, DnsUnavailable, UnavailableReason
from policyd.model.errors import Unavailable


@pytest.mark.parametrize("reason", get_args(UnavailableReason))
def test_no_answer_is_a_check_that_cannot_answer(reason: UnavailableReason) -> None:
    error = DnsUnavailable(reason)
    assert isinstance(error, Unavailable)
    assert error.reason == reason
    assert str(error) == f"DNS: {reason}"


def test_who_may_ask_nothing_has_no_answer() -> None:
    assert NO_RESOLVER.cached("example.org", "A") is None
    with pytest.raises(DnsUnavailable):
        asyncio.run(NO_RESOLVER.resolve("example.org", "A"))
