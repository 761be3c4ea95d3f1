from typing import get_args

import pytest

from policyd.checks.spf.judgement import Opinion
from policyd.checks.spf.reply import MAX_REPLY, reason_of, refusal
from policyd.checks.spf.settings import Sentence, Settings
from policyd.model.evidence import SpfResult
from policyd.model.spf import SpfAnswer, SpfIdentity
from tests.checks.spf.house import request

NOT_ALLOWED = "192.0.2.1 is not allowed to send mail from a.example"
NO_RECORD = "the SPF record of a.example cannot be evaluated"


def reply(answer: SpfAnswer, sentence: Sentence = "reject", identity: SpfIdentity = "mailfrom", **options: str) -> str:
    action = refusal(Settings(**options), Opinion(identity, answer, sentence), request("u@a.example", "h.example"))  # type: ignore[arg-type]
    return f"{action.verb} {action.text}"


@pytest.mark.parametrize(
    ("answer", "sentence", "expected"),
    [
        (SpfAnswer("fail", "a.example"), "reject", f"550 5.7.23 SPF fail, {NOT_ALLOWED}"),
        (SpfAnswer("fail", "a.example"), "defer", f"451 4.7.23 SPF fail, {NOT_ALLOWED}"),
        (SpfAnswer("softfail", "a.example"), "reject", f"550 5.7.23 SPF softfail, {NOT_ALLOWED}"),
        (
            SpfAnswer("permerror", "a.example", problem="Unknown mechanism found: foo:bar"),
            "reject",
            f"550 5.7.24 SPF error, {NO_RECORD}; Unknown mechanism found: foo:bar",
        ),
        (
            SpfAnswer("temperror", "a.example", problem="DNS: timeout for TXT of a.example"),
            "defer",
            f"451 4.7.24 SPF temporary error, {NO_RECORD}; DNS: timeout for TXT of a.example",
        ),
    ],
)  # fmt: skip
def test_the_phrase_comes_first_and_the_code_is_that_of_rfc_7372(
    answer: SpfAnswer, sentence: Sentence, expected: str
) -> None:
    assert reply(answer, sentence) == expected


def test_the_owners_words_are_marked_as_his() -> None:
    answer = SpfAnswer("fail", "a.example", explanation="see https://a.example/why")
    assert reply(answer).endswith("; a.example explains: see https://a.example/why")


def test_what_is_wrong_is_told_of_errors_only() -> None:
    assert reply(SpfAnswer("fail", "a.example", problem="odd")).endswith(NOT_ALLOWED)
    assert reply(SpfAnswer("permerror", "a.example")).endswith(NO_RECORD)


def test_who_has_no_name_is_nobody() -> None:
    opinion = Opinion("helo", SpfAnswer("none", ""), "reject")
    action = refusal(Settings(text="%d/%h"), opinion, request("", ""))
    assert action.text == "5.7.23 SPF none, nobody/nobody"


def test_placeholders_are_filled_in_one_pass() -> None:
    text = reply(SpfAnswer("fail", "%c.example"), text="%c/%d/%i/%h/100%")
    assert text == "550 5.7.23 SPF fail, 192.0.2.1/%c.example/MAIL FROM <u@a.example>/h.example/100%"
    assert reply(SpfAnswer("fail", "h.example"), identity="helo", text="%i").endswith("HELO h.example")


@pytest.mark.parametrize("result", get_args(SpfResult))
@pytest.mark.parametrize("sentence", ["reject", "defer"])
def test_every_result_can_be_refused_within_the_line(result: SpfResult, sentence: Sentence) -> None:
    answer = SpfAnswer(result, "d" * 253, problem="p" * 160, explanation="e" * 300)
    text = reply(answer, sentence, text="%i %c %d", error_text="%h %d")
    assert len(text) <= MAX_REPLY + 4
    assert text.startswith("451 4.7.2" if sentence == "defer" else "550 5.7.2")


def test_reasons_tell_a_fail_from_an_error() -> None:
    assert [reason_of(result) for result in ("fail", "softfail", "permerror", "temperror")] == [  # type: ignore[arg-type]
        "spf fail", "spf fail", "spf error", "spf temporary error",
    ]  # fmt: skip
