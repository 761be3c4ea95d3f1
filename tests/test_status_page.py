"""The page as text: everything that is known stands in it, and nothing of a client's does anything."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.history import Minute
from policyd.status_page import Picture, render, shortened
from tests.examples import thorough

STATUS = {
    "state": "degraded", "why": "store: the disk is full", "version": "1.0", "places": "inet:127.0.0.1:10030",
    "uptime": 61, "requests": 7, "connections": 2,
    "parts": [{"part": "store", "troubles": ["the disk is full"], "detail": "9 entries"}],
}  # fmt: skip
ZONE = {"zone": "bl.example", "state": "asked", "answered": 5, "listed": 1, "unknown": 0, "latency": 0.0123}
DECISION = {
    "action": "pass", "reason": "new", "client_address": "192.0.2.77", "client_name": "mx.secret.example.org",
    "sender": "alice.smith@example.org", "recipient": "bob@example.net", "id": "1F2E3D4C", "would": "REJECT no",
}  # fmt: skip
TEXT_TAGS = {"h1", "h2", "p", "small", "span", "table", "tr", "th", "td"}
ALLOWED = TEXT_TAGS | {"html", "head", "meta", "title", "style", "body", "svg", "rect"}


def page(decision: dict[str, str] = DECISION, **changes: object) -> str:
    picture = Picture(
        STATUS, (Minute(1, (3, 1, 0, 0, 0)), Minute(2, (0, 0, 0, 2, 0))), {"new": 4}, (ZONE,), (("rbl", 4, 0.1),),
        ((1_700_000_000, decision),), 1_700_000_060,
    )  # fmt: skip
    return render(picture._replace(**changes))


class Reader(HTMLParser):
    """What a text browser shows, and every element and attribute on the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_a_text_browser_shows_all_of_it() -> None:
    reader = Reader(page())
    for words in (
        "policyd is  degraded", "store: the disk is full", "9 entries", "last 10 min 3 1 0 2 0", "new 4",
        "bl.example asked 5 1 0 12.3 ms", "rbl 4 25.0 ms", "pass (would be REJECT) new 192.0.2.77", "1F2E3D4C",
    ):  # fmt: skip
        assert words in reader.text
    assert reader.open == []


def test_nothing_on_it_can_act_or_lead_elsewhere() -> None:
    reader = Reader(page())
    assert reader.tags <= ALLOWED
    assert not {name for name in reader.attributes if name.startswith("on")} | (
        reader.attributes & {"href", "src", "action"}
    )
    assert "url(" not in page()


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    bars = re.findall(r'<rect x="(\d+)" y="([\d.]+)" width="5" height="([\d.]+)"', page())
    assert bars == [("708", "30.0", "90.0"), ("708", "0.0", "30.0"), ("714", "60.0", "60.0")]


def test_an_idle_daemon_has_a_page_too() -> None:
    text = Reader(page(minutes=(), funnel={}, zones=(), checks=(), decisions=())).text
    assert "Last decisions" not in text
    assert "last 120 min 0 0 0 0 0" in text


@given(st.text(), st.text())
@thorough
def test_whatever_a_client_sends_is_text(sender: str, match: str) -> None:
    reader = Reader(page(DECISION | {"sender": sender + "<script>alert(1)</script>", "reason": match}))
    assert reader.tags <= ALLOWED
    assert reader.open == []


def test_nobody_is_named_in_short() -> None:
    text = page(shortened(DECISION))
    assert not [word for word in ("192.0.2.77", "alice.smith", "bob@", "secret") if word in text]
    assert "a…@example.org" in text


@pytest.mark.parametrize(
    ("address", "short"), [("192.0.2.7", "192.0.2.…"), ("2001:db8:1:2::3", "2001:db8:1:…"), ("unknown", "unknown")]
)
def test_addresses_in_short(address: str, short: str) -> None:
    assert shortened({"client_address": address})["client_address"] == short
