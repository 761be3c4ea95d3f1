"""Law tested: reasons are few and printable, because they are metric labels and words of the log."""

import re
from typing import get_args

from policyd.model.action import DUNNO
from policyd.model.verdict import NO_OPINION, Reason, Verdict

POSTGREY_REASONS = {"new", "early-retry", "triplet found", "client AWL", "client whitelist", "recipient whitelist"}


def test_reasons_are_a_small_set_of_printable_words() -> None:
    reasons = get_args(Reason)
    assert len(reasons) == len(set(reasons)) < 50
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z -]{0,31}", reason) for reason in reasons)


def test_scripts_that_read_postgreys_log_find_its_reasons() -> None:
    assert set(get_args(Reason)) >= POSTGREY_REASONS


def test_no_opinion_leaves_the_mail_to_the_next_check() -> None:
    assert (NO_OPINION.action, NO_OPINION.final) == (DUNNO, False)


def test_a_verdict_is_final_and_waits_for_nothing_unless_it_says_so() -> None:
    verdict = Verdict(DUNNO, "client AWL")
    assert (verdict.final, verdict.delay, verdict.commit) == (True, 0, None)
    assert (verdict.exempt, verdict.match) == (frozenset(), "")
