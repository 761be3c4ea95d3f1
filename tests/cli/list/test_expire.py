"""`policyd list expire`: what can never count again goes, all else stays byte for byte."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.list.house import House

OVER = '[until=2020-01-01 reason="party"] a@example.com  REJECT'
KEPT = [
    "example.com",
    "# why",
    "",
    "[until=2999-01-01] b@example.com",
    "[hours=08:00-09:00 days=Mon] c@example.com REJECT",
    "  # caf\udce9",
    "[from=2999-01-01] d@example.com",
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([OVER, *KEPT])), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_all_else_stays(house: House, lines: list[str], end: str, bom: bool) -> None:
    mark = "\ufeff" if bom else ""
    house.write("senders", mark + "".join(line + end for line in lines))
    said = house.run("expire")
    assert said.status == 0
    assert house.read("senders") == mark + "".join(line + end for line in lines if line != OVER)
    places = [f"{house.home}/senders:{number}: {OVER}" for number, line in enumerate(lines, 1) if line == OVER]
    assert said.out.splitlines()[:-1] == places


def test_dry_run_only_names_them(house: House) -> None:
    house.write("senders", f"{OVER}\n")
    house.write("welcome_clients", "[until=2020-01-01] example.org\n")
    said = house.run("expire", "--dry-run")
    assert (
        said.out == f"{house.home}/welcome_clients:1: [until=2020-01-01] example.org\n{house.home}/senders:1: {OVER}\n"
    )
    assert house.read("senders") == f"{OVER}\n"


def test_nothing_to_do_touches_nothing(house: House) -> None:
    before = (house.home / "senders").stat()
    assert house.run("expire") == (0, "nothing has expired\n", "")
    assert (house.home / "senders").stat() == before


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--list", "whitelist"], ["senders"]),
        (["--list", "blacklist"], ["welcome_clients"]),
        (["--kind", "client"], ["senders"]),
        (["--kind", "sender", "--file", "{home}/senders"], ["welcome_clients"]),
    ],
)
def test_options_narrow_it(options: list[str], left: list[str], house: House) -> None:
    for name in ("senders", "welcome_clients"):
        house.write(name, "[until=2020-01-01] example.org\n")
    house.run("expire", *(option.format(home=house.home) for option in options))
    assert [name for name in ("senders", "welcome_clients") if house.read(name)] == left


def test_a_file_needs_its_kind(house: House) -> None:
    assert "say what it is a list of" in house.run("expire", "--file", "x").err
