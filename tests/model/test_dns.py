from typing import get_args

import pytest

from policyd.model.dns import DnsUnavailable, UnavailableReason
from policyd.model.errors import Unavailable


@pytest.mark.parametrize("reason", get_args(UnavailableReason))
def test_no_answer_is_a_check_that_cannot_answer(reason: UnavailableReason) -> None:
    error = DnsUnavailable(reason)
    assert isinstance(error, Unavailable)
    assert error.reason == reason
    assert reason in str(error)
