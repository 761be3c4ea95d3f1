"""Law tested: a sentence says what is wrong, what it means and what to do, and never a key."""

import pytest

from policyd.checks.rbl.points import Found
from policyd.checks.rbl.sayings import sentence, silence
from policyd.checks.rbl.zones import ZoneSettings, compile_zones

ZEN, WL, DQS = compile_zones(["zen.spamhaus.org wl.example*-1"], [ZoneSettings("zen.dq.spamhaus.net", "secretkey")])


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        (Found("refused", "127.255.255.254"), ["127.255.255.254", "your resolver is refused by Spamhaus", "DQS key"]),
        (Found("lists all", "1.0.0.127"), ["1.0.0.127", "lists everybody"]),
        (Found("strange", "192.0.2.1"), ["192.0.2.1", "domain may be lost"]),
        (Found("empty", "2.0.0.127"), ["2.0.0.127", "test_points = false"]),
        (Found("silent", "timeout"), ["timeout", "resolver"]),
    ],
)
def test_what_is_said_of_a_list_that_is_parked(found: Found, parts: list[str]) -> None:
    text = sentence(ZEN, "parked", found)
    assert text.startswith("rbl: zen.spamhaus.org is parked: ")
    assert all(part in text for part in parts)
    assert "no refusal is final" not in text
    assert "no refusal is final" in sentence(WL, "parked", found)


def test_a_list_that_is_back() -> None:
    assert "again" in sentence(ZEN, "back", Found("good"))


def test_no_key_and_no_foreign_character() -> None:
    text = sentence(DQS, "parked", Found("strange", "x.SecretKey.zen\n\u2028"))
    assert "secretkey" not in text.lower()
    assert text.isprintable()
    assert text.isascii()


def test_silence_of_all_is_one_sentence() -> None:
    assert "none of the 7 lists" in silence(7)
