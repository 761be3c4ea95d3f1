"""What a daemon says of itself, from figures."""

import asyncio

import pytest

from policyd.admin import SHOWN, Admin, config_condition, lists_condition, store_condition
from policyd.health import Health
from policyd.lists import Figures, Lists
from policyd.metrics import Metrics
from policyd.model.errors import Refused
from policyd.model.health import Condition
from policyd.stores.store import StoreStats
from policyd.watch import Watch


class FakeLists(Lists):
    def __init__(self, *mistakes: str) -> None:
        super().__init__()
        self._texts = mistakes

    def mistakes(self) -> list[tuple[str, ...]]:
        return [self._texts]

    def figures(self) -> list[Figures]:
        return [Figures("a", 2, 0, 0.0), Figures("b", 3, 0, 0.0)]


def admin(health: Health, *mistakes: str, of_lists: tuple[str, ...] = ()) -> Admin:
    async def reload() -> tuple[str, ...]:
        return mistakes

    watch = Watch()
    watch.lists = FakeLists(*of_lists)
    watch.close()
    return Admin(Metrics("1", lambda: 0.0), health, watch, lambda: "inet:127.0.0.1:10030", reload)


def test_status_names_every_part() -> None:
    health = Health()
    health.add(lambda: Condition("store", ("full",), "3 entries"))
    status = admin(health).status({})
    assert (status["state"], status["why"]) == ("degraded", "store: full")
    assert status["parts"] == [{"part": "store", "troubles": ("full",), "detail": "3 entries"}]
    assert status["places"] == "inet:127.0.0.1:10030"


def test_a_reload_that_is_not_taken_is_refused_with_its_mistakes() -> None:
    with pytest.raises(Refused, match="the old settings stay in force") as caught:
        asyncio.run(admin(Health(), "policyd.toml:2: wrong").reload({}))
    assert caught.value.mistakes == ("policyd.toml:2: wrong",)


def test_a_reload_that_is_taken_names_the_mistakes_of_lists() -> None:
    assert asyncio.run(admin(Health(), of_lists=("l:1: wrong",)).reload({})) == {
        "generation": 1,
        "mistakes": ["l:1: wrong"],
    }


@pytest.mark.parametrize(
    ("figures", "troubles"),
    [
        (StoreStats("ok", 7), ()),
        (StoreStats("degraded", 7), ("what is new cannot be written",)),
        (StoreStats("degraded", 7, trouble="disk I/O error"), ("disk I/O error",)),
        (StoreStats("ok", 7, trouble="database is locked"), ("database is locked",)),
    ],
)
def test_the_store_says_why(figures: StoreStats, troubles: tuple[str, ...]) -> None:
    assert store_condition("memory:", figures) == Condition("store", troubles, "memory:, 7 entries")


def test_lists_name_some_of_their_mistakes() -> None:
    assert lists_condition(FakeLists()) == Condition("lists", (), "5 entries")
    mistakes = [f"l:{line}: wrong" for line in range(SHOWN + 2)]
    assert lists_condition(FakeLists(*mistakes)).troubles == (
        *mistakes[:SHOWN], "and 2 more; `policyd check` shows all",
    )  # fmt: skip


def test_the_configuration_says_what_was_not_taken() -> None:
    assert config_condition("p.toml", (), 2) == Condition("config", (), "p.toml, generation 2")
    assert config_condition("p.toml", ("p.toml:1: no",), 2).troubles == ("not taken at the last reload: p.toml:1: no",)
