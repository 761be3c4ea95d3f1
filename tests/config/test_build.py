"""Tables to settings: all mistakes at once, each with its place, in the order of the file."""

from collections.abc import Mapping
from typing import Any

import pytest

from policyd.config.build import build
from policyd.config.settings import Settings
from policyd.model.errors import ConfigError


def where(section: str, key: str) -> str:
    return f"<{section}.{key}>"


def mistakes(tables: Mapping[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build(tables, "x", where)
    return caught.value.mistakes


def test_nothing_gives_the_defaults() -> None:
    assert build({}, "x", where) == Settings(source="x")


def test_values_reach_their_section_and_their_check() -> None:
    settings = build({"server": {"backlog": 7}, "greylist": {"delay": "5m"}}, "x", where)
    assert settings.server.backlog == 7
    assert settings.checks["greylist"].delay == 300
    assert settings.checks["greylist"].ipv4_prefix == 24


@pytest.mark.parametrize(
    ("tables", "mistake"),
    [
        ({"gerylist": {}}, "<gerylist.>: [gerylist]: no such section, did you mean 'greylist'?"),
        ({"rbl": {}}, "<rbl.>: [rbl]: not in this version; remove it or put # before its lines"),
        ({"delay": "5m"}, "<.delay>: delay: stands outside of every section; it belongs under [greylist]"),
        ({"privacy": True}, "<.privacy>: privacy: stands outside of every section; it belongs under [store] or [log]"),
        ({"dely": "5m"}, "<.dely>: dely: stands outside of every section, did you mean 'delay'?"),
        ({"store": 3}, "<.store>: store: is a section; write [store] on a line of its own, and its options below it"),
        ({"store": {"backlog": 3}}, "<store.backlog>: [store] backlog: no such option here; it belongs under [server]"),
        ({"store": {"frob": 3}}, "<store.frob>: [store] frob: no such option"),
        ({"store": {"ulr": "memory:"}}, "<store.ulr>: [store] ulr: no such option, did you mean 'url'?"),
        ({"log": {"format": 1}}, '<log.format>: [log] format: is a whole number; write a text, in quotes: "..."'),
        (
            {"greylist": {"delay": "1h", "retry_window": "30m"}},
            "<greylist.delay>: [greylist] delay: longer than retry_window, so no retry could ever pass; shorten it",
        ),
    ],
)  # fmt: skip
def test_one_mistake(tables: Mapping[str, Any], mistake: str) -> None:
    assert mistakes(tables) == (mistake,)


def test_all_mistakes_come_at_once_in_the_order_of_the_file() -> None:
    found = mistakes({"greylist": {"delay": 240, "x": 1}, "spf": {}, "store": {"url": ""}})
    assert [mistake.split(":")[0] for mistake in found] == ["<greylist.delay>", "<greylist.x>", "<spf.>", "<store.url>"]


def test_an_option_is_not_blamed_for_the_mistake_of_another() -> None:
    # retry_window is wrong, so its default stands in for it; delay, compared with that, would look wrong too.
    found = mistakes({"greylist": {"delay": "1d", "retry_window": "1s"}})
    assert [mistake.split(":")[0] for mistake in found] == ["<greylist.retry_window>"]
