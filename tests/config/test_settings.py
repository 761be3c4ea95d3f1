"""What may stand in an option that is not a plain number or word; the manual names every option."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from policyd.checks import REGISTRY
from policyd.config import parse
from policyd.config.convert import convert
from policyd.config.settings import ARRAYS, SECTIONS, Common, Facility, ServerSettings, Settings
from policyd.logs.writers import FACILITIES

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "conf/policyd.toml").read_text(encoding="utf-8")
MANUAL = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def option(section: str, name: str, value: object) -> object:
    kind = SECTIONS[section]
    (metadata,) = (field.metadata for field in fields(kind) if field.name == name)
    return convert(value, get_type_hints(kind)[name], metadata)


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("store", "url", "memory:"),
        ("store", "url", "sqlite:/tmp/x.db"),
        ("chain", "checks", []),
        ("chain", "trusted_networks", ["192.0.2.1", "2001:db8::/32"]),
        ("metrics", "listen", ""),
        ("metrics", "listen", "[::1]:9130"),
        ("server", "hostname", "mx-1.example.org"),
        ("server", "request_deadline", "50s"),
        ("server", "max_connections", 1_000_000),
    ],
)
def test_allowed(section: str, name: str, value: object) -> None:
    option(section, name, value)


@pytest.mark.parametrize(
    ("section", "name", "value", "sentence"),
    [
        ("store", "url", "memory:x", "names no store of this version"),
        ("store", "url", "", "names no store of this version"),
        ("store", "url", "sqlite:policyd.db", "needs a whole path behind sqlite:"),
        ("store", "url", "sqlite:///var/lib/x.db", "needs a whole path behind sqlite:"),
        ("store", "url", "redis+sentinel://h/0", "Redis and Valkey are not in this version"),
        (
            "chain",
            "trusted_networks",
            ["10.0.0.1/8"],
            "'10.0.0.1/8' has bits set behind its prefix; write \"10.0.0.0/8\"",
        ),
        ("chain", "trusted_networks", ["example.org"], "'example.org' is no network"),
        ("chain", "checks", ["sfp"], "no check is named 'sfp', did you mean 'spf'?"),
        ("chain", "checks", ["greylsit"], "no check is named 'greylsit', did you mean 'greylist'?"),
        ("metrics", "listen", "inet:127.0.0.1:9130", "write it without inet:"),
        ("metrics", "listen", "9130", "it needs HOST:PORT"),
        ("control", "socket", "control.sock", "'control.sock': write a whole path, as in"),
        ("control", "socket", "/run/policyd/", "'/run/policyd/': write a whole path"),
        ("control", "socket", "unix:/run/x", 'write it without unix:, as in "/run/x"'),
        ("control", "socket", "/" + "x" * 107, "the path of a socket has at most 107 bytes"),
        ("server", "hostname", "mx example", "is no host name"),
        ("server", "hostname", "x" * 254, "is no host name"),
        ("server", "request_deadline", "51s", "Postfix itself gives up after 100 s"),
        ("server", "request_deadline", "0s", "write 1s to 50s"),
        ("server", "max_connections", 0, "write 1 to 1000000"),
        ("store", "max_entries", 999, "write at least 1000"),
    ],
)
def test_refused(section: str, name: str, value: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        option(section, name, value)


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(ValueError, match="this version") as caught:
        option("store", "url", "redis://:geheim@store.example:6379/0")
    assert "geheim" not in str(caught.value)


def test_facilities_are_those_that_the_log_knows() -> None:
    assert set(get_args(Facility)) == set(FACILITIES)


def test_settings_know_every_check_and_cannot_be_changed() -> None:
    settings = Settings()
    assert settings.checks == {name: kind.settings() for name, kind in REGISTRY.items()}
    with pytest.raises(FrozenInstanceError):
        settings.server.backlog = 1  # type: ignore[misc]


def test_the_host_name_is_the_one_of_the_server() -> None:
    assert Settings(server=ServerSettings(hostname="mx.example")).hostname == "mx.example"


def test_the_shipped_file_gives_the_defaults() -> None:
    assert parse(SHIPPED, "f") == Settings(source="f")


def chapter(heading: str) -> str:
    return MANUAL.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def undocumented(kind: type, text: str) -> list[str]:
    return [name for name in (field.name.rstrip("_") for field in fields(kind)) if f"`{name}`" not in text]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_manual_has_every_option_under_its_section(section: str) -> None:
    assert undocumented(SECTIONS[section], chapter(f"`[{section}]`")) == []


@pytest.mark.parametrize("array", ARRAYS)
def test_the_manual_has_every_option_under_its_array(array: str) -> None:
    assert undocumented(ARRAYS[array], chapter(f"`[[{array}]]`")) == []


def test_the_manual_has_the_options_that_all_checks_have() -> None:
    assert undocumented(Common, chapter("The mode and the hours of a check")) == []


def test_no_check_has_an_option_of_the_timetable() -> None:
    common = {field.name for field in fields(Common)}
    assert not any(common & {field.name for field in fields(kind.settings)} for kind in REGISTRY.values())
