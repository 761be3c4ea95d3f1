"""Whether an entry should be written: what the daemon refuses, what could never answer, what names half the world."""

from pathlib import Path

import pytest

from policyd.cli.list import NotDone
from policyd.cli.list.examine import Proposal, examine
from policyd.cli.list.places import Place
from policyd.tables.edit import append
from policyd.tables.lists import Form, ListKind, Source

NOW = 1_790_000_000  # 2026-09-21, a Monday


def propose(
    entry: str,
    before: str = "",
    *,
    form: Form = "policyd",
    kind: ListKind = "sender",
    action: str = "",
    place: Place | None = None,
    path: str = "a",
    force: bool = False,
) -> str:
    """What is said of `entry` at the end of `before`."""
    text, number = append(before, entry)
    try:
        examine(Proposal(kind, place, Source(form, path), text, number, action), NOW, force=force)
    except NotDone as error:
        return str(error)
    return ""


@pytest.mark.parametrize("entry", ["a@example.com", "[hours=08:00-09:00] a@example.com", "/^a@/", "<>"])
def test_a_good_entry(entry: str) -> None:
    assert propose(entry, "# mine\nb@example.com\n") == ""


@pytest.mark.parametrize(
    ("entry", "before"),
    [
        ("a@example.com", "a@example.com\n"),
        ("[reason=x] a@example.com", "A@example.com\n"),
        ("[days=Mon] a@example.com", "[days=Mon by=x] a@example.com\n"),
        ("/^a@/", "/^a@/\n"),
    ],
)
def test_what_stands_there_already(entry: str, before: str) -> None:
    key = entry.split()[-1]
    assert propose(entry, before) == (
        f"{key} stands there already: a:1; change that line, or take it out: policyd list remove sender '{key}'"
    )


def test_an_entry_that_always_counts_hides_a_later_one_with_a_time() -> None:
    said = propose("[hours=08:00-09:00] a@example.com", "a@example.com\n")
    assert said == "a@example.com stands there already: a:1 is asked first; remove one of them"


def test_an_earlier_one_with_a_time_leaves_the_rest_of_the_time() -> None:
    assert propose("a@example.com", "[hours=00:00-24:00] a@example.com\n") == ""


def test_rules_that_come_too_late() -> None:
    said = propose("192.0.2.7 DUNNO", "192.0.2.0/24 REJECT\n", form="cidr", kind="client", action="DUNNO")
    assert said == "192.0.2.7 never answers: a:1: 192.0.2.0/24 is asked first; remove one of them"


def test_a_rule_may_quote_what_was_found() -> None:
    assert propose("/^(.*)@example/ REJECT not $1", form="pcre", action="REJECT not $1") == ""


def test_a_new_file_in_the_place_of_its_companion(tmp_path: Path) -> None:
    (tmp_path / "senders").write_text("example.com DEFER later\n")
    (tmp_path / "first").write_text("example.com DEFER later\n")
    sources = (Source("policyd", f"{tmp_path}/first"), Source("policyd", f"{tmp_path}/senders"))
    place = Place("blacklist", "[blacklist] senders", "sender", sources, is_asked=True)
    local = f"{tmp_path}/senders.local"
    assert propose("a@example.com", place=place, path=f"{tmp_path}/first.local") == ""
    assert f"{tmp_path}/first:1: example.com is asked first" in propose("a@example.com", place=place, path=local)
    assert propose("a@example.net", place=place, path=local) == ""


def test_force_is_for_many_only() -> None:
    assert propose("com") == "com names the whole top-level domain com; write --force if you mean it"
    assert propose("com", force=True) == ""
    assert "stands there already" in propose("com", "com\n", force=True)


def test_many_are_many_at_any_time() -> None:
    assert "names all IPv4" in propose("[hours=08:00-09:00] 0.0.0.0/0", kind="client")
    assert "names all IPv4" in propose("0.0.0.0/0", "\ufeff", kind="client")


def test_mistakes_are_the_daemons() -> None:
    assert "has address bits behind its prefix" in propose("192.0.2.1/24", kind="client")
    assert propose("a@example.com", "b c\n").startswith(
        "the daemon keeps its older version of a file that has a mistake; correct it first: a:1: "
    )
