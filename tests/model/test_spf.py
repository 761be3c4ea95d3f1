from typing import get_args

from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfAnswer, SpfLimits


def test_the_results_are_those_of_the_rfc() -> None:
    assert get_args(SpfResult) == (
        "pass", "fail", "softfail", "neutral", "none", "temperror", "permerror",
    )  # fmt: skip


def test_an_answer_claims_nothing_by_itself() -> None:
    answer = SpfAnswer("none", "a.example")
    assert (answer.is_no_mail, answer.is_wide, answer.is_secure) == (False, False, False)


def test_the_limits_are_those_of_the_rfc() -> None:  # RFC 7208 4.6.4
    assert (SpfLimits().terms, SpfLimits().voids) == (10, 2)
