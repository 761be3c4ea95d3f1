from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.spf.judgement import HARMFUL, STRICTEST_FIRST, Opinion, deciding, opinion, shown
from policyd.checks.spf.settings import Actions, DomainSettings, Sentence, Settings
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfAnswer

FAIL = SpfAnswer("fail", "a.example", "-all")
SENTENCES = st.sampled_from(get_args(Sentence))


def test_a_fail_is_rejected_and_may_be_left_to_dmarc() -> None:
    assert opinion(Settings(), "mailfrom", FAIL) == Opinion("mailfrom", FAIL, "reject", may_leave_to_dmarc=True)
    assert not opinion(Settings(leave_to_dmarc=False), "mailfrom", FAIL).may_leave_to_dmarc
    assert not opinion(Settings(), "helo", FAIL).may_leave_to_dmarc
    tagged = Settings(mail_from=Actions(fail="tag"))
    assert not opinion(tagged, "mailfrom", FAIL).may_leave_to_dmarc, "nothing is to be softened"


@pytest.mark.parametrize("result", get_args(SpfResult))
def test_only_a_fail_may_be_left_to_dmarc(result: SpfResult) -> None:
    strict = Settings(mail_from=Actions(*["reject"] * 7))  # type: ignore[arg-type]
    assert opinion(strict, "mailfrom", SpfAnswer(result, "a.example")).may_leave_to_dmarc is (result == "fail")


def test_a_domain_that_never_sends_is_always_refused() -> None:
    nobody = FAIL._replace(is_no_mail=True)
    lax = Settings(mail_from=Actions(fail="none"), domain=(DomainSettings(("a.example",), fail="tag"),))
    assert opinion(lax, "mailfrom", nobody) == Opinion("mailfrom", nobody, "reject")
    spared = Settings(mail_from=Actions(fail="none"), reject_no_mail=False)
    assert opinion(spared, "mailfrom", nobody).sentence == "none"


def test_an_override_outranks_everybody_and_dmarc() -> None:
    settings = Settings(
        domain=(DomainSettings(("a.example",), softfail="reject"), DomainSettings((".example",), fail="tag"))
    )
    soft = SpfAnswer("softfail", "a.example")
    assert opinion(settings, "mailfrom", soft) == Opinion("mailfrom", soft, "reject")
    assert opinion(settings, "mailfrom", FAIL).sentence == "reject"  # the first that covers it says nothing of a fail
    assert opinion(settings, "mailfrom", FAIL._replace(domain="b.example")).sentence == "tag"


def test_helo_stands_in_for_the_null_sender_under_both_sections() -> None:
    settings = Settings(helo=Actions(fail="tag"), mail_from=Actions(fail="defer"))
    assert opinion(settings, "helo", FAIL).sentence == "tag"
    assert opinion(settings, "helo", FAIL, is_null=True).sentence == "defer"


@given(st.lists(SENTENCES, min_size=1, max_size=2))
def test_the_strictest_sentence_counts(sentences: list[Sentence]) -> None:
    opinions = [Opinion("helo", FAIL, sentence) for sentence in sentences]
    assert STRICTEST_FIRST.index(deciding(opinions).sentence) == min(map(STRICTEST_FIRST.index, sentences))


@given(SENTENCES)
def test_softening_never_hardens(sentence: Sentence) -> None:
    before = Opinion("mailfrom", FAIL, sentence)
    after = before.softened()
    assert after.sentence not in HARMFUL
    assert STRICTEST_FIRST.index(after.sentence) >= STRICTEST_FIRST.index(sentence)


def test_the_header_is_about_the_sender_unless_he_has_no_record() -> None:
    helo, mail = Opinion("helo", SpfAnswer("pass", "h.example"), "tag"), Opinion("mailfrom", FAIL, "tag")
    nothing = Opinion("mailfrom", SpfAnswer("none", "a.example"), "tag")
    assert shown([helo, mail]) == mail
    assert shown([helo, nothing]) == helo
    assert shown([helo._replace(answer=SpfAnswer("none", "h.example")), nothing]) == nothing
    assert shown([helo, mail._replace(sentence="none")]) == helo
    assert shown([helo._replace(sentence="none"), nothing._replace(sentence="none")]) is None
