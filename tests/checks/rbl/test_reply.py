"""Law tested: what a client is told is Postfix's own sentence when it is final, another one when it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.checks.rbl.answers import Listing
from policyd.checks.rbl.judgement import score
from policyd.checks.rbl.profiles import LookUp
from policyd.checks.rbl.reply import (
    MAX_SHOWN,
    MAX_TXT,
    TEXT_LIMIT,
    clean_txt,
    deferral,
    header,
    rejection,
    summary,
    text_of,
)
from policyd.checks.rbl.zones import ZoneSettings, compile_zones
from policyd.model.dns import Answer
from tests.checks.rbl.world import request
from tests.examples import thorough

(ZEN,) = compile_zones(["zen.spamhaus.org*3"], [])
REQUEST = request(name="mx.example", reverse="rev.example", helo="helo.example", sender="joe@spam.example")


def listing(look_up: LookUp = "client address") -> Listing:
    return Listing(ZEN, ZEN.rules[0], look_up, "x")


@pytest.mark.parametrize(
    ("look_up", "subject"),
    [
        ("client address", "Client host [203.0.113.9]"),
        ("client name", "Client host [mx.example]"),
        ("reverse name", "Unverified Client host [rev.example]"),
        ("helo", "Helo command [helo.example]"),
        ("sender domain", "Sender address [joe@spam.example]"),
        ("recipient domain", "Recipient address [jane@example.test]"),
    ],
)
def test_the_words_are_postfixs(look_up: LookUp, subject: str) -> None:
    assert rejection(listing(look_up), REQUEST, "See https://x.example/").reply.decode() == (
        f"action=550 5.7.1 Service unavailable; {subject} blocked using zen.spamhaus.org; See https://x.example/\n\n"
    )


def test_without_a_text_there_is_none() -> None:
    assert rejection(listing(), REQUEST, "").text.endswith("blocked using zen.spamhaus.org")


def test_a_temporary_answer_is_not_what_fail2ban_bans_for() -> None:
    action = deferral(listing(), REQUEST, "See x")
    assert action.reply == (
        b"action=450 4.7.1 Try again later; Client host [203.0.113.9] is listed by zen.spamhaus.org; See x\n\n"
    )
    assert "ervice unavailable" not in action.text
    assert "blocked" not in action.text


@given(st.text(max_size=600), st.text(max_size=600))
@thorough
def test_nothing_that_anybody_says_breaks_a_reply(said: str, txt: str) -> None:
    hostile = request(helo=said, sender=said)
    for look_up in ("helo", "sender domain"):
        text = clean_txt(listing(look_up).zone, txt)
        for action in (rejection(listing(look_up), hostile, text), deferral(listing(look_up), hostile, text)):
            assert len(action.text) <= TEXT_LIMIT
            assert action.reply.isascii()
            assert action.reply.count(b"\n") == 2


def test_a_key_in_the_text_of_a_list_is_hidden() -> None:
    (zone,) = compile_zones([], [ZoneSettings("zen.dq.spamhaus.net", "AbCdEf123")])
    hit = Listing(zone, zone.rules[0], "client address", "x")
    assert clean_txt(hit.zone, "see /?zone=aBcDeF123.zen&q=2") == "see /?zone=....zen&q=2"
    assert "abcdef123" not in rejection(hit, REQUEST, "").text.lower()
    assert clean_txt(hit.zone, " \t") == ""


def test_all_texts_of_a_list_are_joined_but_not_too_many() -> None:
    texts = tuple(f"t{number}".encode() for number in range(MAX_TXT + 2))
    assert text_of(ZEN, Answer((*texts[:2], "127.0.0.2"), 60, "found")) == "t0 / t1"
    assert text_of(ZEN, Answer(texts, 60, "found")).endswith(f" / t{MAX_TXT - 1}")
    assert text_of(ZEN, "timeout") == ""


def test_the_header_names_the_lists_and_stays_short() -> None:
    zones = compile_zones([f"{'l' * 60}{number}.{'m' * 60}.example*0.5" for number in range(20)], [])
    assert header(score([listing()], [])).text == "X-DNSBL: 3 points; zen.spamhaus.org 3"
    many = header(score([replace_zone(zone) for zone in zones], [])).text
    assert many.startswith("X-DNSBL: 10 points; ")
    assert many.endswith(" and 12 more")
    few = compile_zones([f"l{number}.example*0.5" for number in range(MAX_SHOWN + 1)], [])
    shown = ", ".join(f"l{number}.example 0.5" for number in range(MAX_SHOWN))
    assert summary(score([replace_zone(zone) for zone in few[:-1]], [])) == f"4 points; {shown}"
    assert summary(score([replace_zone(zone) for zone in few], [])) == f"4.5 points; {shown} and 1 more"


def replace_zone(zone: object) -> Listing:
    return listing()._replace(zone=zone, rule=zone.rules[0])  # type: ignore[attr-defined]
