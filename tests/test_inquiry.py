"""What is answered about single decisions, with and without privacy."""

import asyncio
from typing import Any

import pytest

from policyd.config import parse
from policyd.inquiry import MAX_WORDS, Inquiry
from policyd.logbook import Logbook
from policyd.metrics import Metrics
from policyd.model.action import DUNNO, Action
from policyd.model.errors import Refused
from policyd.model.verdict import Decision, Would
from policyd.wire.request import parse_request
from tests.loop import HandLoop

WOULD = Would(Action("REJECT", "no"), "blacklist", "blacklist")


def inquiry(log: str = "") -> tuple[Inquiry, Logbook]:
    metrics = Metrics("1", lambda: 7.0)
    book = Logbook(parse(f"[log]\n{log}\n", "f"), metrics, HandLoop(), str)
    for number, sender in enumerate(("alice@example.org", 'bob"x@example.org')):
        raw = f"protocol_state=RCPT\nclient_address=192.0.2.{number}\nsender={sender}\nrecipient=r@example.net"
        decision = Decision(DUNNO, "blacklist", "blacklist", 0, "0" * 8, would=WOULD)
        book.recorder([(parse_request(raw.encode()), decision)], 0.1)
    book.recent.tick()
    return Inquiry(book, metrics, lambda: parse("", "f"), lambda: None), book


@pytest.mark.parametrize("log", ["", "privacy = true", 'format = "json"'])
@pytest.mark.parametrize("word", ["alice@example.org", "ALICE@example.org", "192.0.2.0"])
def test_an_address_is_found_in_every_form(log: str, word: str) -> None:
    found = asyncio.run(inquiry(log)[0].find({"words": [word]}))
    assert len(found["decisions"]) == 1
    assert (found["kept"], found["oldest"] > 0) == (True, True)


def test_a_part_of_one_is_found_unless_hashed() -> None:
    assert len(asyncio.run(inquiry()[0].find({"words": ["example.org"]}))["decisions"]) == 2
    assert asyncio.run(inquiry("privacy = true")[0].find({"words": ["example.org"]}))["decisions"] == []


def test_a_word_that_is_escaped_in_the_log_is_found() -> None:
    assert len(asyncio.run(inquiry()[0].find({"words": ['bob"x@example.org']}))["decisions"]) == 1


@pytest.mark.parametrize("words", [None, [], [""], ["x"] * (MAX_WORDS + 1), "x", {"x": 1}])
def test_what_is_no_question(words: Any) -> None:
    with pytest.raises(Refused):
        asyncio.run(inquiry()[0].find({"words": words}))


def test_recent() -> None:
    answer = inquiry()[0].recent({})
    assert (len(answer["decisions"]), answer["left_out"]) == (2, 0)
    assert inquiry()[0].recent({"after": 1 << 40})["decisions"] == []
    with pytest.raises(Refused):
        inquiry()[0].recent({"after": "now"})


def test_without_lines_it_is_said_that_none_are_kept() -> None:
    assert inquiry('level = "warning"')[0].recent({}) == {"decisions": [], "oldest": 0, "kept": False, "left_out": 0}


def test_shadow() -> None:
    assert inquiry()[0].shadow({}) == {
        "since": 7, "requests": 2,
        "would": [{"action": "REJECT", "check": "blacklist", "reason": "blacklist", "count": 2}],
    }  # fmt: skip


def test_privacy_hides_what_a_refusal_would_have_named() -> None:
    _, book = inquiry("privacy = true")
    assert all("would=REJECT, would_by=blacklist" in kept.line for kept in book.recent.last(9))


@pytest.mark.parametrize("attributes", [None, {}, [], {"a": "b"}])
def test_what_is_no_request_or_comes_too_early_is_not_explained(attributes: Any) -> None:
    with pytest.raises(Refused):
        asyncio.run(inquiry()[0].explain({"attributes": attributes}))
