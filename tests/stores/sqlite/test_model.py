"""The sqlite store against a reference written another way, in virtual time, through restarts, kills and merges."""

import asyncio
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from policyd.model.greylist import Rules, Triplet
from policyd.stores import StoreOptions
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.store import SqliteStore

TINY = Limits(generation=4, hard_limit=1000, commits=3, retry=0.005, file_check=3600, chores=0.005)
WINDOW, AGE = 10_000, 50_000
STEPS = [0, 1, 59, 60, 61, 3599, 3600, 3601, WINDOW - 60, WINDOW, WINDOW + 1, AGE - 3600, AGE, AGE + 1, -1, -4000]


@dataclass
class Trying:
    """One triplet's story since it was new."""

    since: int
    used: int = 0
    through: bool = False


@dataclass
class Client:
    passes: int
    counted: int
    used: int


def noted(used: int, time: int) -> int:
    """When something was last used, as it is noted: at most once an hour, on a clock that may be set back."""
    return used if used - 3600 < time < used + 3600 else time


class Reference:
    """Greylisting told as stories: every answer is found by telling the whole past again."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._past: list[tuple[int, Triplet]] = []

    def ask(self, triplet: Triplet, now: int) -> tuple[str, int]:
        self._past.append((now, triplet))
        stories: dict[Triplet, Trying] = {}
        clients: dict[str, Client] = {}
        answer = ("", 0)
        for time, tried in self._past:
            answer = self._tell(stories, clients, tried, time)
        return answer

    def _tell(
        self, stories: dict[Triplet, Trying], clients: dict[str, Client], tried: Triplet, time: int
    ) -> tuple[str, int]:
        rules = self._rules
        client = clients.get(tried.client)
        if client and time - client.used > rules.max_age:
            client = None
        if client and rules.auto_whitelist_clients and client.passes >= rules.auto_whitelist_clients:
            client.used = noted(client.used, time)
            return "auto-whitelisted", 0
        story = stories.get(tried)
        if story and (time > story.used + rules.max_age if story.through else time > story.since + rules.retry_window):
            story = None
        if story is None:
            stories[tried] = story = Trying(time)
            if rules.delay:
                return "new", rules.delay
        if story.through:
            story.used = noted(story.used, time)
            return "known", 0
        story.since = min(story.since, time)
        if time < story.since + rules.delay:
            return "early", story.since + rules.delay - time
        story.through, story.used = True, time
        if client is None:
            clients[tried.client] = Client(1, time, time)
        elif not client.counted <= time < client.counted + rules.auto_whitelist_interval:
            client.passes, client.counted, client.used = client.passes + 1, time, time
        return "passed", time - story.since


class Life(RuleBasedStateMachine):
    """A store's life. Kills are copies of the files, made between two commits while the store is open."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.place = Path(tempfile.mkdtemp())
        self.now = 1_700_000_000
        self.purged = 0

    @initialize(delay=st.sampled_from([0, 60]), clients=st.sampled_from([0, 2, 3]), interval=st.sampled_from([0, 3600]))
    def begin(self, delay: int, clients: int, interval: int) -> None:
        self.rules = Rules(delay, WINDOW, AGE, clients, interval)
        self.reference = Reference(self.rules)
        self.open()

    def open(self) -> None:
        async def opened() -> SqliteStore:
            store = SqliteStore(self.place / "policyd.db", StoreOptions(clock=lambda: self.now), TINY)
            await store.start()
            return store

        self.store = self.loop.run_until_complete(opened())

    @rule(
        number=st.integers(0, 5),
        client=st.integers(0, 1),
        step=st.sampled_from(STEPS),
        rest=st.booleans(),
    )
    def ask(self, number: int, client: int, step: int, *, rest: bool) -> None:
        self.now = max(self.now + step, self.purged)
        triplet = Triplet(f"192.0.{client}.0/24", f"sender{number}@example.com", "recipient@example.org")
        observation = self.store.observe(triplet, self.rules, self.now)
        assert (observation.outcome, observation.seconds) == self.reference.ask(triplet, self.now)
        told: list[bool] = []
        if observation.commit is not None:
            observation.commit.then(told.append)
        if rest:
            self.loop.run_until_complete(asyncio.sleep(0.002))
            assert told == [True] * (observation.commit is not None)

    @rule()
    def rest(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0.01))

    @rule()
    def purge(self) -> None:
        """Purging is never seen; unless the clock is set back behind it, and what had expired has not."""
        self.purged = self.now
        self.loop.run_until_complete(self.store.purge())

    @rule()
    def restart(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.open()

    @rule()
    def kill(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))  # what nobody waits for may be lost: let it be written
        before, self.place = self.place, self._copied()
        self.loop.run_until_complete(self.store.close())
        shutil.rmtree(before)
        self.open()

    def _copied(self) -> Path:
        """The files as they are at one moment: not while a segment's are just being made or removed."""
        while True:
            place = Path(tempfile.mkdtemp())
            try:
                return shutil.copytree(self.place, place, dirs_exist_ok=True)
            except shutil.Error:
                shutil.rmtree(place)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.loop.run_until_complete(self.store.close())
        self.loop.close()
        shutil.rmtree(self.place)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=int(os.environ.get("POLICYD_LIVES", "10")), stateful_step_count=30, deadline=None
)
