"""Law tested: people are shown what counts and what does not, and never a key."""

import pytest

from policyd.checks.rbl import Rbl, Said, Settings, ZoneSettings, examine
from tests.checks.rbl.world import FAULTS, NOW, World, found, request
from tests.lookups.virtual import run_virtually

SETTINGS = Settings(sites=("bl.example*3 list.dnswl.org=127.0.[0..255].[1..3]*-2",))
CLIENT = "9.113.0.203"


def said(settings: Settings, here: World) -> dict[str, Said]:
    async def run() -> tuple[Said, ...]:
        check = Rbl(settings, here, str)
        await check.prober.round(NOW)
        return await examine(check.lists, here, request(), 5.0)

    return {each.zone: each for each in run_virtually(run())}


def test_a_listing_has_points_and_the_lists_own_words() -> None:
    here = World(zones=("bl.example", "list.dnswl.org"))
    here.listed[f"{CLIENT}.bl.example"] = found("127.0.0.2", "127.0.0.9")
    here.txt[f"{CLIENT}.bl.example"] = found(b"see\x1b[31m https://bl.example/")
    answers = said(SETTINGS, here)
    listed, clean = answers["bl.example"], answers["list.dnswl.org"]
    assert (listed.answer, listed.points, listed.problem) == (("127.0.0.2", "127.0.0.9"), 3.0, "")
    assert listed.text.startswith("see")
    assert listed.text.isprintable()
    assert (clean.answer, clean.points, clean.problem, clean.finding) == ((), 0.0, "", "good")
    assert (clean.look_up, clean.subject) == ("client address", CLIENT)


def test_an_answer_that_the_filter_does_not_take_has_no_points() -> None:
    here = World(zones=("bl.example",))
    here.listed[f"{CLIENT}.bl.example"] = found("127.0.0.9")
    answer = said(Settings(sites=("bl.example=127.0.0.2",)), here)["bl.example"]
    assert (answer.answer, answer.points, answer.problem) == (("127.0.0.9",), 0.0, "")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_no_points_and_a_reason(fault: str) -> None:
    here = World(zones=("bl.example", "list.dnswl.org"), faults={"bl.example": FAULTS[fault]})
    answer = said(SETTINGS, here)["bl.example"]
    assert answer.points == 0.0
    assert answer.problem
    assert len(answer.answer) <= 8


@pytest.mark.parametrize(
    ("fault", "problem"),
    [("SERVFAIL", "no answer: servfail"), ("public resolver", "no list's answer: 127.255.255.254")],
)
def test_a_fault_of_a_list_that_was_well_is_its_own_reason(fault: str, problem: str) -> None:
    here = World(zones=("bl.example", "list.dnswl.org"))

    async def run() -> tuple[Said, ...]:
        check = Rbl(SETTINGS, here, str)
        await check.prober.round(NOW)
        here.faults["bl.example"] = FAULTS[fault]
        return await examine(check.lists, here, request(), 5.0)

    (answer,) = (each for each in run_virtually(run()) if each.zone == "bl.example")
    assert answer.problem == problem


def test_a_list_that_was_never_probed_is_not_believed() -> None:
    here = World(zones=("bl.example",))
    said = run_virtually(examine(Rbl(SETTINGS, here, str).lists, here, request(), 5.0))
    assert {each.problem for each in said} == {"not believed: it was not probed"}


def test_only_who_lists_is_asked_for_words_and_a_rule_counts_for_what_it_looks_up() -> None:
    here = World(zones=("bl.example",))
    here.listed["mx.spam.example.bl.example"] = found("127.0.0.2")
    tables = tuple(ZoneSettings("bl.example", look_up=(word,), weight=weight)  # type: ignore[arg-type]
                   for word, weight in (("helo", 2.0), ("client name", 4.0)))  # fmt: skip

    async def run() -> tuple[Said, ...]:
        check = Rbl(Settings(sites=(), zones=tables), here, str)
        await check.prober.round(NOW)
        return await examine(check.lists, here, request(helo="mx.spam.example", name="other.example"), 5.0)

    assert {each.look_up: each.points for each in run_virtually(run())} == {"helo": 2.0, "client name": 0.0}
    assert [name for name, kind in here.asked if kind == "TXT"] == ["mx.spam.example.bl.example"]


def test_a_list_whose_probe_failed_is_said_to_be_so_in_words() -> None:
    here = World(zones=("list.dnswl.org",))  # bl.example answers, and lists nothing, its test point neither
    assert said(SETTINGS, here)["bl.example"].problem == "not believed: it does not list its test point"


def test_a_key_is_not_shown() -> None:
    here = World(faults={"bl.example": FAULTS["hang"]})
    settings = Settings(sites=(), zones=(ZoneSettings("bl.example", "secretkey"),))
    assert "secretkey" not in str(said(settings, here))
