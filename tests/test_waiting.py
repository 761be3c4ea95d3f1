"""Law tested: an administrator sees each mail that waits once, under all its names; what he changes is changed."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from policyd.checks.greylist import Settings
from policyd.model.errors import Refused, Unavailable
from policyd.model.greylist import Triplet, client_key
from policyd.model.recognition import trapped
from policyd.stores import Wanted
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.waiting import MOST, Waiting

T0 = 1_800_000_000
OPTIONS = Settings()
MAIL = Triplet("192.0.2.0/24", "a@x.example", "b@y.example")


class Desk:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore(StoreOptions())
        self.now = T0
        settings: Any = SimpleNamespace(checks={"greylist": OPTIONS})
        self.verbs = Waiting(self.store, lambda: settings, lambda: self.now).verbs()

    def try_(self, mail: Triplet = MAIL, others: tuple[str, ...] = (), at: int = 0) -> str:
        return self.store.observe(mail, OPTIONS.rules(), T0 + at, lambda: others).outcome

    async def ask(self, verb: str, **arguments: Any) -> Any:
        answer: Any = self.verbs[f"greylist {verb}"](arguments)
        return await answer if isinstance(answer, Awaitable) else answer


def run(scenario: Callable[[Desk], Awaitable[None]], desk: Desk | None = None) -> None:
    async def whole() -> None:
        await scenario(desk or Desk())

    asyncio.run(whole())


def test_a_mail_that_waits_is_shown_once_under_all_its_identities() -> None:
    async def scenario(desk: Desk) -> None:
        desk.try_(others=("x.example",))
        desk.try_(MAIL._replace(recipient="c@y.example"), at=5)
        first, second = (await desk.ask("list"))["waiting"]
        assert (first["recipient"], first["since"], first["until"]) == ("c@y.example", T0 + 5, T0 + 245)
        assert second["identities"] in (["192.0.2.0/24", "x.example"], ["x.example", "192.0.2.0/24"])
        assert (await desk.ask("list", most=1))["left_out"]

    run(scenario)


@pytest.mark.parametrize("what", ["a@x.example", "A@X.example", "a+tag@x.example", "b@y.example", "x.example",
                                  "@y.example", "192.0.2.0/24", "192.0.2.77"])  # fmt: skip
def test_release_lets_pass_and_forget_begins_anew(what: str) -> None:
    async def scenario(desk: Desk) -> None:
        desk.try_()
        stranger = Triplet("198.51.100.0/24", "o@z.example", "p@z.example")
        desk.try_(stranger)
        assert len((await desk.ask("release", what=what))["released"]) == 1
        assert desk.try_(at=1) == "known"
        assert desk.try_(stranger, at=1) == "early"
        assert [row["kind"] for row in (await desk.ask("forget", what=what))["forgotten"]] == ["known"]
        assert desk.try_(at=2) == "new"

    run(scenario)


def test_a_change_of_more_than_one_answer_holds_says_so() -> None:
    async def scenario(desk: Desk) -> None:
        for number in range(MOST + 1):
            desk.try_(MAIL._replace(client=f"2001:db8:{number:x}::/64", recipient=f"r{number}@y.example"))
        for verb, name in (("release", "released"), ("forget", "forgotten")):
            first = await desk.ask(verb, what="x.example")
            assert (len(first[name]), first["left_out"]) == (MOST, True)
            rest = await desk.ask(verb, what="x.example")
            assert (len(rest[name]), rest["left_out"]) == (1, False)

    run(scenario)


def test_nothing_is_found_of_others() -> None:
    async def scenario(desk: Desk) -> None:
        desk.try_()
        for what in ("a@y.example", "xx.example", "192.0.3.1"):
            assert await desk.ask("show", what=what) == {"entries": [], "left_out": False}

    run(scenario)


def test_every_kind_has_its_word() -> None:
    async def scenario(desk: Desk) -> None:
        desk.try_()
        desk.try_(at=240)
        desk.try_(MAIL._replace(recipient="c@y.example"), at=241)
        desk.store.amend([Triplet("", "f@x.example", "b@y.example")], lambda entry: trapped(0, T0)._replace(passes=1))
        desk.store.amend([Triplet("198.51.100.0/24", "", "")], lambda entry: trapped(T0 + 9, T0))
        desk.store.amend([Triplet("198.51.100.0/24", "", "*")], lambda entry: trapped(0, T0)._replace(passes=0))
        desk.now = T0 + 300
        kinds = {"known": 1, "waiting": 1, "client": 1, "domain": 1, "reply": 1, "spam trap": 1, "network limit": 1}
        assert (await desk.ask("stats"))["kinds"] == kinds
        desk.now = T0 + 400 * 86400
        assert (await desk.ask("stats"))["kinds"] == {"expired": 7}

    run(scenario)


def test_trust_that_is_forgotten_is_gone() -> None:
    async def scenario(desk: Desk) -> None:
        for number in range(5):
            mail = MAIL._replace(sender=f"a@x{number}.example")
            desk.try_(mail, at=number * 3600)
            desk.try_(mail, at=number * 3600 + 240)
        desk.now = T0 + 5 * 3600
        (row,) = [r for r in (await desk.ask("show", what="192.0.2.1"))["entries"] if r["kind"] == "client AWL"]
        assert row["passes"] == 5
        await desk.ask("forget", what="192.0.2.1")
        assert desk.try_(MAIL, at=5 * 3600) == "new"
        assert client_key(MAIL).recipient == ""

    run(scenario)


class Broken(MemoryStore):
    async def search(self, wanted: Wanted) -> Any:
        raise Unavailable("no archive")


@pytest.mark.parametrize("verb", ["list", "show", "release", "forget"])
def test_a_store_that_cannot_be_read_says_so(verb: str) -> None:
    async def scenario(desk: Desk) -> None:
        with pytest.raises(Refused, match="no archive"):
            await desk.ask(verb, what="x.example")

    run(scenario, Desk(Broken(StoreOptions())))


@pytest.mark.parametrize("arguments", [{}, {"what": ""}, {"what": 3}])
def test_a_question_about_nothing_is_refused(arguments: dict[str, Any]) -> None:
    async def scenario(desk: Desk) -> None:
        with pytest.raises(Refused):
            await desk.ask("forget", **arguments)

    run(scenario)
