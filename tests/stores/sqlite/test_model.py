"""The sqlite store against a reference written another way, in virtual time, through restarts, kills and merges."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from policyd.model.greylist import Entry, Rules, Triplet
from policyd.model.recognition import FORGOTTEN, distrusted, reply_key, trapped
from policyd.model.verdict import Commit
from policyd.stores import StoreOptions
from policyd.stores.sqlite.limits import Limits
from policyd.stores.sqlite.store import SqliteStore
from tests.scratch import scratch

TINY = Limits(generation=4, hard_limit=1000, commits=3, retry=0.005, file_check=3600, chores=0.005)
WINDOW, AGE = 10_000, 50_000
NETWORKS = ["192.0.0.0/24", "192.0.1.0/24"]
DOMAINS = ["x.example", "y.example"]
SENDERS = ["a@example.com", "b@example.com", "c@example.net", "d@example.net"]
STEPS = [0, 1, 59, 60, 61, 3599, 3600, 3601, WINDOW - 60, WINDOW, WINDOW + 1, AGE - 3600, AGE, AGE + 1, -1, -4000]


@dataclass
class Story:
    """What one name (a network or a domain) knows of one mail since it was new."""

    since: int
    used: int = 0
    through: bool = False


@dataclass
class Trust:
    """What a name, or a name and a sender's domain, have earned. `void`: taken away, or never there."""

    since: int
    passes: int
    counted: int
    used: int
    trapped_until: int | None = None


def noted(used: int, time: int) -> int:
    """When something was last used, as it is noted: at most once an hour, on a clock that may be set back."""
    return used if used - 3600 < time < used + 3600 else time


Happening = Callable[["Reference", int], tuple[str, int]]


class Reference:
    """Greylisting told as stories: every answer is found by telling the whole past again."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._past: list[tuple[int, Happening]] = []
        self._begin()

    def _begin(self) -> None:
        self.stories: dict[tuple[str, str, str], Story] = {}
        self.trust: dict[tuple[str, str], Trust] = {}
        self.replies: dict[tuple[str, str], int] = {}

    def happens(self, happening: Happening, now: int) -> tuple[str, int]:
        self._past.append((now, happening))
        self._begin()
        answer = ("", 0)
        for time, each in self._past:
            answer = each(self, time)
        return answer

    def tries(self, names: Sequence[str], sender: str, recipient: str, time: int) -> tuple[str, int]:
        rules = self.rules
        network, *_ = names
        alone = self._by_network(network, sender, recipient, time)
        if alone is not None:
            return alone
        trapped = (known := self.trust.get((network, ""))) is not None and (known.trapped_until or -1) >= time
        if not trapped:
            for name in names:
                if self._is_trusted((name, ""), rules.auto_whitelist_clients, time):
                    self.trust[name, ""].used = noted(self.trust[name, ""].used, time)
                    return "auto-whitelisted", 0
        live = {name: story for name in names if (story := self._live(name, sender, recipient, time)) is not None}
        if (
            not any(story.through for story in live.values())
            and not trapped
            and self._is_favoured(names, sender, recipient, time)
        ):
            return self._favour, 0
        delay = max(rules.delay, rules.trap_delay) if trapped else rules.delay
        outcome = self._waits(names, live, sender, recipient, time, delay)
        if outcome[0] == "passed" and not trapped:
            for name in names:
                self._earns(name, sender, time)
        return outcome

    def _by_network(self, network: str, sender: str, recipient: str, time: int) -> tuple[str, int] | None:
        """What the network alone settles."""
        if self._is_trusted((network, ""), self.rules.auto_whitelist_clients, time):
            self.trust[network, ""].used = noted(self.trust[network, ""].used, time)
            return "auto-whitelisted", 0
        story = self._live(network, sender, recipient, time)
        record = self.trust.get((network, ""))
        if (
            story is not None
            and story.through
            and noted(story.used, time) == story.used
            and (record is None or record.trapped_until is None)
        ):
            return "known", 0
        return None

    def _is_trusted(self, key: tuple[str, str], enough: int, time: int) -> bool:
        trust = self.trust.get(key)
        return bool(enough) and trust is not None and trust.passes >= enough and time - trust.used <= self.rules.max_age

    def _live(self, name: str, sender: str, recipient: str, time: int) -> Story | None:
        story = self.stories.get((name, sender, recipient))
        if story is None:
            return None
        old = time > story.used + self.rules.max_age if story.through else time > story.since + self.rules.retry_window
        return None if old else story

    def _is_favoured(self, names: Sequence[str], sender: str, recipient: str, time: int) -> bool:
        domain = sender.partition("@")[2]
        for name in names:
            mine, ours = self.trust.get((name, "")), self.trust.get((name, domain))
            if mine is None or ours is None or mine.passes <= 0 or ours.since < mine.since:
                continue
            if self._is_trusted((name, domain), self.rules.group_after, time):
                mine.used, ours.used = noted(mine.used, time), noted(ours.used, time)
                self._favour = "group"
                return True
        self._favour = "reply"
        written = self.replies.get((sender, recipient))
        return written is not None and time - written <= self.rules.replies_for and self.rules.replies_for > 0

    def _waits(
        self, names: Sequence[str], live: dict[str, Story], sender: str, recipient: str, time: int, delay: int
    ) -> tuple[str, int]:
        through = [story for story in live.values() if story.through]
        if through:
            latest = max(story.used for story in through)
            since = max((story for story in through if story.used == latest), key=lambda story: 0).since
            self._tell(names, sender, recipient, Story(since, noted(latest, time), True), live)
            return "known", 0
        began = min((story.since for story in live.values()), default=time)
        since = min(began, time)
        if time - since < delay:
            for name in names:
                story = live.get(name)
                if story is None or story.since > since or since != began:
                    self.stories[name, sender, recipient] = Story(since)
            return ("new", delay) if not live else ("early", delay - (time - since))
        self._tell(names, sender, recipient, Story(since, time, True), {})
        return "passed", time - since

    def _tell(self, names: Sequence[str], sender: str, recipient: str, told: Story, live: dict[str, Story]) -> None:
        """All names learn what is true of a mail; who knows that it passed keeps his own dates until they are noted."""
        everybody = not live or told.used not in {story.used for story in live.values()}
        for name in names:
            if everybody or name not in live or not live[name].through:
                self.stories[name, sender, recipient] = replace(told)

    def _earns(self, name: str, sender: str, time: int) -> None:
        rules, domain = self.rules, sender.partition("@")[2]
        mine, ours = self.trust.get((name, "")), self.trust.get((name, domain))
        if mine is not None and mine.passes <= 0:
            mine = None
        if ours is not None and (mine is None or ours.since < mine.since):
            ours = None
        if rules.auto_whitelist_clients or rules.group_after:
            self._credit((name, ""), mine, time)
        if rules.group_after:
            self._credit((name, domain), ours, time)

    def _credit(self, key: tuple[str, str], trust: Trust | None, time: int) -> None:
        if trust is None or time - trust.used > self.rules.max_age:
            self.trust[key] = Trust(time, 1, time, time)
        elif not trust.counted <= time < trust.counted + self.rules.auto_whitelist_interval:
            self.trust[key] = Trust(trust.since, trust.passes + 1, time, time)

    def distrusts(self, names: Sequence[str], time: int) -> tuple[str, int]:
        for name in names:
            if (trust := self.trust.get((name, ""))) is not None and trust.passes > 0:
                self.trust[name, ""] = Trust(time, 0, 0, time)
        return "", 0

    def traps(self, network: str, until: int, time: int) -> tuple[str, int]:
        self.trust[network, ""] = Trust(time, -1, until, time, until)
        return "", 0

    def writes(self, sender: str, recipient: str, time: int) -> tuple[str, int]:
        self.replies[sender, recipient] = time
        return "", 0

    def forgets(self, key: tuple[str, str, str], time: int) -> tuple[str, int]:
        self.stories.pop(key, None)
        return "", 0


class Life(RuleBasedStateMachine):
    """A store's life. Kills are copies of the files, made between two commits while the store is open."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.place = Path(tempfile.mkdtemp(dir=scratch()))
        self.now = 1_700_000_000
        self.purged = 0

    @initialize(
        delay=st.sampled_from([0, 60]),
        clients=st.sampled_from([0, 2, 3]),
        interval=st.sampled_from([0, 3600]),
        group=st.sampled_from([0, 1, 2]),
        replies=st.sampled_from([0, 5000]),
    )
    def begin(self, delay: int, clients: int, interval: int, group: int, replies: int) -> None:
        self.rules = Rules(delay, WINDOW, AGE, clients, interval, group, replies, trap_delay=600)
        self.reference = Reference(self.rules)
        self.open()

    def open(self) -> None:
        async def opened() -> SqliteStore:
            store = SqliteStore(self.place / "policyd.db", StoreOptions(max_entries=1000, clock=lambda: self.now), TINY)
            await store.start()
            return store

        self.store = self.loop.run_until_complete(opened())

    @rule(
        number=st.integers(0, 3),
        client=st.integers(0, 1),
        others=st.lists(st.sampled_from(DOMAINS), max_size=2, unique=True),
        step=st.sampled_from(STEPS),
        rest=st.booleans(),
    )
    def ask(self, number: int, client: int, others: list[str], step: int, *, rest: bool) -> None:
        self.now = max(self.now + step, self.purged)
        triplet = Triplet(NETWORKS[client], SENDERS[number], "recipient@example.org")
        observation = self.store.observe(triplet, self.rules, self.now, (lambda: others) if others else None)
        names, sender, recipient = [triplet.client, *others], triplet.sender, triplet.recipient
        wanted = self.reference.happens(lambda r, time: r.tries(names, sender, recipient, time), self.now)
        assert (observation.outcome, observation.seconds) == wanted
        self._written(observation.commit, rest=rest)

    def _written(self, commit: Commit | None, *, rest: bool) -> None:
        told: list[bool] = []
        if commit is not None:
            commit.then(told.append)
        if rest:
            self.loop.run_until_complete(asyncio.sleep(0.002))
            assert told == [True] * (commit is not None)

    @rule(names=st.lists(st.sampled_from([*NETWORKS, *DOMAINS]), min_size=1, max_size=3, unique=True))
    def distrust(self, names: list[str]) -> None:
        """A list refused a client that has these identities."""
        now = self.now
        commit = self.store.amend([Triplet(name, "", "") for name in names], lambda entry: distrusted(entry, now))
        self.reference.happens(lambda r, time: r.distrusts(names, time), now)
        self._written(commit, rest=True)

    @rule(client=st.integers(0, 1), seconds=st.sampled_from([0, 3600]))
    def trap(self, client: int, seconds: int) -> None:
        """A network mailed a spam trap."""
        network, until, now = NETWORKS[client], self.now + seconds, self.now
        commit = self.store.amend([Triplet(network, "", "")], lambda entry: trapped(until, now))
        self.reference.happens(lambda r, time: r.traps(network, until, time), now)
        self._written(commit, rest=True)

    @rule(number=st.integers(0, 3))
    def write(self, number: int) -> None:
        """A user of ours writes to somebody."""
        sender, recipient, now = SENDERS[number], "recipient@example.org", self.now
        commit = self.store.amend([reply_key(sender, recipient)], lambda entry: Entry(now, now, 1))
        self.reference.happens(lambda r, time: r.writes(sender, recipient, time), now)
        self._written(commit, rest=True)

    @rule(number=st.integers(0, 3), name=st.sampled_from([*NETWORKS, *DOMAINS]))
    def forget(self, number: int, name: str) -> None:
        """An administrator wants one forgotten."""
        key = Triplet(name, SENDERS[number], "recipient@example.org")
        commit = self.store.amend([key], lambda entry: FORGOTTEN if entry else None)
        self.reference.happens(lambda r, time: r.forgets((*key,), time), self.now)
        self._written(commit, rest=True)

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
            place = Path(tempfile.mkdtemp(dir=scratch()))
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
