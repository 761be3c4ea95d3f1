"""What every store must answer, in virtual time. A store's tests inherit `StoreContract` and say how to open one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from policyd.model.greylist import Change, Entry, Rules, Triplet, client_key
from policyd.model.recognition import FORGOTTEN, distrusted, reply_key, trapped
from policyd.model.verdict import Commit
from policyd.stores import Store, StoreOptions, Wanted

HOUR, DAY = 3600, 86400
START = 1_700_000_000
ENTRIES = 50_000
"""More than any test has. Stores make room for what they may hold: a million cost 2 MB at each of 500 starts."""
RULES = Rules(delay=300, retry_window=2 * DAY, max_age=35 * DAY, auto_whitelist_clients=3, auto_whitelist_interval=HOUR)
TRIPLET = Triplet("192.0.2.0/24", "sender@example.com", "recipient@example.org")


def elsewhere(number: int, key: Triplet = TRIPLET) -> Triplet:
    """The same mail from another network."""
    return key._replace(client=f"203.0.{number}.0/24")


def triplet(number: int, client: str = "198.51.100.0/24") -> Triplet:
    return Triplet(client, f"sender{number}@example.com", "recipient@example.org")


async def ask(
    store: Store, key: Triplet, now: int, rules: Rules = RULES, others: Sequence[str] = ()
) -> tuple[str, int]:
    """The answer, once it may leave."""
    observation = store.observe(key, rules, now, (lambda: others) if others else None)
    await done(observation.commit)
    return observation.outcome, observation.seconds


async def done(commit: Commit | None) -> None:
    """Wait until it is written."""
    if commit is not None:
        committed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        commit.then(committed.set_result)
        assert await asyncio.wait_for(committed, 5)


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


class Desk:
    """A store being asked. What happens between two questions is the variant's choice."""

    def __init__(self, store: Store, clock: Clock, between: Callable[["Desk"], Awaitable[None]]) -> None:
        self.store = store
        self.clock = clock
        self._between = between

    async def ask(
        self, key: Triplet = TRIPLET, at: int = 0, rules: Rules = RULES, others: Sequence[str] = ()
    ) -> tuple[str, int]:
        await self._between(self)
        self.clock.now = START + at
        return await ask(self.store, key, START + at, rules, others)

    async def passed(self, key: Triplet, at: int, rules: Rules = RULES, others: Sequence[str] = ()) -> None:
        """Bring a triplet through: its second try passes `at`."""
        assert await self.ask(key, at - rules.delay, rules, others) == ("new", rules.delay)
        assert await self.ask(key, at, rules, others) == ("passed", rules.delay)

    async def amend(self, keys: Sequence[Triplet], change: Change) -> None:
        await self._between(self)
        await done(self.store.amend(keys, change))


class StoreContract:
    async def open(self, place: Path, options: StoreOptions) -> Store:
        raise NotImplementedError

    async def between(self, desk: Desk) -> None:
        """Nothing, by default."""

    async def forget_memory(self, desk: Desk) -> None:
        """Let the store know nothing but what it stored elsewhere, if it has an elsewhere."""

    @asynccontextmanager
    async def desk(self, place: Path, max_entries: int = ENTRIES) -> AsyncIterator[Desk]:
        clock = Clock()
        self.place, self.options = place, StoreOptions(max_entries=max_entries, clock=clock)
        desk = Desk(await self.open(place, self.options), clock, self.between)
        try:
            yield desk
        finally:
            await desk.store.close()

    def run(self, place: Path, scenario: Callable[[Desk], Awaitable[None]], max_entries: int = ENTRIES) -> None:
        async def whole() -> None:
            async with self.desk(place, max_entries) as desk:
                await scenario(desk)

        asyncio.run(whole())

    def test_a_first_try_waits_and_a_retry_after_the_delay_passes_for_good(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            assert await desk.ask(at=0) == ("new", 300)
            assert await desk.ask(at=10) == ("early", 290)
            assert await desk.ask(at=299) == ("early", 1)
            assert await desk.ask(at=300) == ("passed", 300)
            assert await desk.ask(at=301) == ("known", 0)
            assert await desk.ask(at=DAY) == ("known", 0)

        self.run(tmp_path, scenario)

    def test_each_part_of_a_triplet_makes_another(self, tmp_path: Path) -> None:
        others = [
            TRIPLET._replace(client="192.0.3.0/24"),
            TRIPLET._replace(sender=""),
            TRIPLET._replace(sender="Sender@example.com"),
            TRIPLET._replace(recipient="recipient@example.orgs"),
            Triplet("192.0.2.0/24", "sender@example.comrecipient", "@example.org"),
            TRIPLET._replace(sender="\udcff@\udc80"),
            TRIPLET._replace(sender="☃" * 1000),
        ]

        async def scenario(desk: Desk) -> None:
            await desk.passed(TRIPLET, at=300)
            for number, other in enumerate(others):
                assert await desk.ask(other, at=400 + number) == ("new", 300)
            for number, other in enumerate(others):
                assert await desk.ask(other, at=410 + number) == ("early", 290)

        self.run(tmp_path, scenario)

    def test_a_triplet_that_was_not_retried_in_time_begins_anew(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.ask(at=0)
            assert await desk.ask(at=2 * DAY) == ("passed", 2 * DAY)
            await desk.ask(triplet(1), at=0)
            assert await desk.ask(triplet(1), at=2 * DAY + 1) == ("new", 300)
            assert await desk.ask(triplet(1), at=2 * DAY + 301) == ("passed", 300)

        self.run(tmp_path, scenario)

    def test_a_triplet_that_passed_is_known_until_it_was_unused_for_max_age(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.passed(TRIPLET, at=300)
            assert await desk.ask(at=300 + 35 * DAY) == ("known", 0)
            assert await desk.ask(at=300 + 70 * DAY) == ("known", 0)
            assert await desk.ask(at=301 + 105 * DAY) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_a_use_is_noted_once_an_hour(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.passed(TRIPLET, at=300)
            assert await desk.ask(at=300 + HOUR - 1) == ("known", 0)
            assert await desk.ask(at=301 + 35 * DAY) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_a_client_that_passed_often_enough_is_not_asked_again(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            for number in range(3):
                await desk.passed(triplet(number), at=DAY + number * HOUR)
            assert await desk.ask(triplet(99), at=DAY + 3 * HOUR) == ("auto-whitelisted", 0)
            assert await desk.ask(triplet(99, "203.0.113.0/24"), at=DAY + 3 * HOUR) == ("new", 300)
            assert await desk.ask(triplet(99), at=37 * DAY) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_passes_within_an_interval_count_once(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            for number in range(4):
                await desk.passed(triplet(number), at=DAY + number * 400)
            assert await desk.ask(triplet(99), at=DAY + HOUR) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_the_auto_whitelist_may_be_off_and_the_delay_nought(self, tmp_path: Path) -> None:
        off = Rules(delay=0, auto_whitelist_clients=0)

        async def scenario(desk: Desk) -> None:
            for number in range(4):
                assert await desk.ask(triplet(number), at=DAY * number, rules=off) == ("passed", 0)
            assert await desk.ask(triplet(0), at=4 * DAY, rules=off) == ("known", 0)

        self.run(tmp_path, scenario)

    def test_a_clock_that_was_set_back_makes_nobody_wait_longer(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.ask(at=DAY)
            assert await desk.ask(at=0) == ("early", 300)
            assert await desk.ask(at=300) == ("passed", 300)

        self.run(tmp_path, scenario)

    def test_a_duplicate_of_what_is_being_written_waits_for_the_same_commit(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            first = desk.store.observe(TRIPLET, RULES, START)
            second = desk.store.observe(TRIPLET, RULES, START)
            assert (first.outcome, second.outcome) == ("new", "early")
            assert second.commit is first.commit
            await desk.ask(at=300 - 299)  # by then it is written
            passed = desk.store.observe(TRIPLET, RULES, START + 300)
            refreshed = desk.store.observe(TRIPLET, RULES, START + 300 + HOUR)
            known = desk.store.observe(TRIPLET, RULES, START + 300 + HOUR)
            assert (passed.outcome, refreshed.outcome, known.outcome) == ("passed", "known", "known")
            assert refreshed.commit is known.commit is passed.commit

        self.run(tmp_path, scenario)

    def test_a_retry_under_any_identity_is_a_retry(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            assert await desk.ask(elsewhere(0), at=0, others=["a.example", "b.example"]) == ("new", 300)
            assert await desk.ask(elsewhere(1), at=100, others=["a.example"]) == ("early", 200)
            assert await desk.ask(elsewhere(2), at=200, others=["c.example", "b.example"]) == ("early", 100)
            assert await desk.ask(elsewhere(3), at=200, others=["x.example"]) == ("new", 300)
            # What one identity knew the others have learned, should nobody vouch for the client the next time.
            assert await desk.ask(elsewhere(1), at=299) == ("early", 1)
            assert await desk.ask(elsewhere(2), at=300) == ("passed", 300)
            assert await desk.ask(elsewhere(4), at=301, others=["c.example"]) == ("passed", 301)

        self.run(tmp_path, scenario)

    def test_what_passed_is_known_under_every_identity(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.ask(elsewhere(0), at=0, others=["a.example"])
            assert await desk.ask(elsewhere(1), at=300, others=["a.example"]) == ("passed", 300)
            assert await desk.ask(elsewhere(2), at=400, others=["a.example"]) == ("known", 0)
            assert await desk.ask(elsewhere(2), at=500) == ("known", 0)
            assert await desk.ask(elsewhere(1), at=500) == ("known", 0)
            assert await desk.ask(elsewhere(0), at=500) == ("passed", 500)  # its own first try was long ago

        self.run(tmp_path, scenario)

    def test_an_identity_earns_the_trust_that_its_networks_share(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            for number in range(3):
                key = elsewhere(number, triplet(number))
                await desk.passed(key, at=DAY + number * HOUR, others=["a.example"])
            at = DAY + 3 * HOUR
            assert await desk.ask(elsewhere(9, triplet(9)), at=at, others=["a.example"]) == ("auto-whitelisted", 0)
            assert await desk.ask(elsewhere(9, triplet(9)), at=at) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_a_client_and_a_senders_domain_are_trusted_sooner(self, tmp_path: Path) -> None:
        rules = replace(RULES, auto_whitelist_clients=0, group_after=2)

        async def scenario(desk: Desk) -> None:
            for number in range(2):
                await desk.passed(triplet(number), at=DAY + number * HOUR, rules=rules)
            at = DAY + 2 * HOUR
            assert await desk.ask(triplet(9), at=at, rules=rules) == ("group", 0)
            stranger = triplet(9)._replace(sender="sender9@example.net")
            assert await desk.ask(stranger, at=at, rules=rules) == ("new", 300)
            assert await desk.ask(elsewhere(9, triplet(9)), at=at, rules=rules) == ("new", 300)
            # Used, it lives on; the client's own record, too, without which it would count for nothing.
            assert await desk.ask(triplet(10), at=at + 34 * DAY, rules=rules) == ("group", 0)
            assert await desk.ask(triplet(11), at=at + 68 * DAY, rules=rules) == ("group", 0)
            assert await desk.ask(triplet(12), at=at + 104 * DAY, rules=rules) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_trust_that_was_taken_away_must_be_earned_again(self, tmp_path: Path) -> None:
        rules = replace(RULES, group_after=1, auto_whitelist_interval=0)

        async def scenario(desk: Desk) -> None:
            for number in range(3):
                key = triplet(number)._replace(sender=f"a@{number}.example")
                await desk.passed(key, at=DAY + number, rules=rules)
            assert await desk.ask(triplet(9), at=DAY + 10, rules=rules) == ("auto-whitelisted", 0)
            await desk.amend([client_key(triplet(0))], lambda entry: distrusted(entry, START + DAY + 20))
            assert await desk.ask(triplet(9), at=DAY + 30, rules=rules) == ("new", 300)
            known = triplet(0)._replace(sender="a@0.example")
            assert await desk.ask(known, at=DAY + 40, rules=rules) == ("known", 0)
            other = triplet(9)._replace(sender="b@0.example")
            assert await desk.ask(other, at=DAY + 50, rules=rules) == ("new", 300)
            assert await desk.ask(other, at=DAY + 350, rules=rules) == ("passed", 300)
            assert await desk.ask(triplet(8)._replace(sender="c@0.example"), at=DAY + 360, rules=rules) == ("group", 0)
            assert await desk.ask(triplet(8)._replace(sender="c@1.example"), at=DAY + 360, rules=rules) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_nobody_loses_a_trust_that_was_never_earned(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.amend([client_key(TRIPLET)], lambda entry: distrusted(entry, START))
            assert desk.store.stats().entries == 0

        self.run(tmp_path, scenario)

    def test_who_mailed_a_trap_waits_longer_and_earns_nothing(self, tmp_path: Path) -> None:
        rules = replace(RULES, auto_whitelist_clients=1, group_after=1, trap_delay=HOUR)

        async def scenario(desk: Desk) -> None:
            await desk.passed(triplet(0), at=DAY, rules=rules)
            await desk.amend([client_key(triplet(0))], lambda entry: trapped(START + 2 * DAY, START + DAY))
            assert await desk.ask(triplet(0), at=DAY + 1, rules=rules) == ("known", 0)
            assert await desk.ask(triplet(1), at=DAY + 1, rules=rules) == ("new", HOUR)
            assert await desk.ask(triplet(1), at=DAY + HOUR, rules=rules) == ("early", 1)
            assert await desk.ask(triplet(1), at=DAY + HOUR + 1, rules=rules) == ("passed", HOUR)
            assert await desk.ask(triplet(2), at=DAY + 2 * HOUR, rules=rules) == ("new", HOUR)
            refusing = replace(rules, refuses_trapped=True)
            assert await desk.ask(triplet(0), at=DAY + 2 * HOUR, rules=refusing) == ("trapped", 0)
            assert await desk.ask(triplet(3), at=2 * DAY + 1, rules=refusing) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_a_reply_passes_at_once_for_a_time(self, tmp_path: Path) -> None:
        rules = replace(RULES, replies_for=DAY)

        async def scenario(desk: Desk) -> None:
            expected = [reply_key("friend@a.example", "me@example.org"), reply_key("@b.example", "me@example.org")]
            await desk.amend(expected, lambda entry: Entry(START, START, 1))
            mail = Triplet("192.0.2.0/24", "friend@a.example", "me@example.org")
            assert await desk.ask(mail, at=DAY, rules=rules) == ("reply", 0)
            assert await desk.ask(mail._replace(sender="any@b.example"), at=DAY, rules=rules) == ("reply", 0)
            assert await desk.ask(mail._replace(recipient="you@example.org"), at=DAY, rules=rules) == ("new", 300)
            assert await desk.ask(mail._replace(sender="other@a.example"), at=DAY, rules=rules) == ("new", 300)
            assert await desk.ask(mail, at=DAY) == ("new", 300)
            assert await desk.ask(mail._replace(sender=""), at=DAY, rules=rules) == ("new", 300)
            assert await desk.ask(mail, at=DAY + 1, rules=rules) == ("early", 299)

        self.run(tmp_path, scenario)

    def test_what_was_forgotten_on_request_is_new_and_what_was_released_is_known(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.ask(triplet(0), at=0)
            await desk.passed(triplet(1), at=300)
            await desk.amend([triplet(1)], lambda entry: FORGOTTEN if entry else None)
            await desk.amend([triplet(0)], lambda entry: entry and entry._replace(last_seen=START + 10, passes=1))
            assert await desk.ask(triplet(0), at=301) == ("known", 0)
            assert await desk.ask(triplet(1), at=301) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_what_rests_on_an_amendment_waits_for_it(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            commit = desk.store.amend([TRIPLET], lambda entry: Entry(START, START, 1))
            known = desk.store.observe(TRIPLET, RULES, START)
            assert known.outcome == "known"
            assert known.commit is commit
            await done(commit)

        self.run(tmp_path, scenario)

    def test_beyond_its_bound_a_network_shares_a_row_until_the_hour_ends(self, tmp_path: Path) -> None:
        rules, hour = replace(RULES, max_new=3), HOUR - START % HOUR

        async def scenario(desk: Desk) -> None:
            await desk.passed(triplet(100), at=hour - 1, rules=rules)
            before = desk.store.stats().entries

            async def now(key: Triplet, at: int) -> tuple[str, int]:
                """At once: a restart forgets the counts, which is no harm."""
                return await ask(desk.store, key, START + at, rules)

            for number in range(3):
                assert await now(triplet(number), hour) == ("new", 300)
            for number in range(3, 50):
                assert await now(triplet(number), hour + 1) == ("crowded", 300)
            assert desk.store.stats().entries == before + 4
            assert await now(triplet(100), hour + 2) == ("known", 0)
            assert await now(triplet(0), hour + 2) == ("early", 298)
            assert await now(elsewhere(1, triplet(60)), hour + 2) == ("new", 300)
            assert await now(triplet(7), hour + 301) == ("crowd passed", 0)
            assert await now(triplet(7), hour + HOUR) == ("new", 300)

        self.run(tmp_path, scenario)

    def test_what_is_stored_can_be_looked_for(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.passed(triplet(0), at=300)
            await desk.ask(triplet(1), at=400, others=["a.example"])
            await desk.ask(TRIPLET, at=500)
            await desk.amend([triplet(9)], lambda entry: FORGOTTEN)

            async def found(wanted: Wanted) -> list[Triplet]:
                return [key for key, _ in await desk.store.search(wanted)]

            under = triplet(1)._replace(client="a.example")
            assert set(await found(Wanted())) == {triplet(0), client_key(triplet(0)), triplet(1), under, TRIPLET}
            assert (await found(Wanted(most=1))) == [TRIPLET]
            assert set(await found(Wanted(waiting_since=START))) == {triplet(1), under, TRIPLET}
            assert await found(Wanted(waiting_since=START + 450)) == [TRIPLET]
            assert await found(Wanted(words=("a.example", "nobody"))) == [under]
            assert await found(Wanted(words=(TRIPLET.sender,))) == [TRIPLET]
            assert set(await found(Wanted(domain="@example.com", waiting_since=START))) == {triplet(1), under, TRIPLET}
            assert await found(Wanted(domain="@xample.com")) == []

        self.run(tmp_path, scenario)

    def test_purging_forgets_what_expired_and_nothing_else(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.passed(TRIPLET, at=300)  # and its client's record
            await desk.ask(triplet(1), at=0)
            await desk.ask(triplet(2), at=DAY)
            desk.clock.now = START + 2 * DAY + 1
            await desk.store.purge()
            stats = desk.store.stats()
            assert (stats.entries, stats.purged, stats.last_purge) == (3, 1, START + 2 * DAY + 1)
            desk.clock.now = START + 36 * DAY
            await desk.store.purge()
            assert desk.store.stats().entries == 0

        self.run(tmp_path, scenario)

    def test_who_came_back_too_late_and_who_never_did_is_counted(self, tmp_path: Path) -> None:
        late = START + 2 * DAY + 1

        async def scenario(desk: Desk) -> None:
            def returned_late() -> int:
                return desk.store.stats().returned_late

            for number in range(3):
                await desk.ask(triplet(number), at=0)
            await desk.passed(triplet(3), at=300)
            await desk.ask(elsewhere(0), at=0, others=["a.example"])
            await desk.amend([triplet(1)], lambda _: FORGOTTEN)
            await self.forget_memory(desk)
            before = returned_late()
            assert await ask(desk.store, triplet(0), late) == ("new", 300)
            assert returned_late() == before + 1
            assert await ask(desk.store, triplet(0), late + 1) == ("early", 299)
            assert await ask(desk.store, triplet(1), late) == ("new", 300)  # forgotten on request
            assert await ask(desk.store, triplet(3), late) == ("known", 0)
            assert await ask(desk.store, triplet(4), late) == ("new", 300)
            assert returned_late() == before + 1
            assert await ask(desk.store, elsewhere(1), late, others=["a.example"]) == ("new", 300)
            assert returned_late() == before + 2  # one mail, known under another identity
            desk.clock.now = late
            await desk.store.purge()
            stats = desk.store.stats()
            assert (stats.never_returned, stats.returned_late) == (2, before + 2)  # triplet(2), elsewhere(0)

        self.run(tmp_path, scenario)

    def test_above_the_cap_the_oldest_that_never_passed_are_forgotten(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.passed(TRIPLET, at=300)
            for number in range(19):
                await desk.ask(triplet(number), at=400 + number)
            await desk.store.purge()
            stats = desk.store.stats()
            assert (stats.entries, stats.evicted) == (18, 3)
            await self.forget_memory(desk)
            assert await desk.ask(triplet(2), at=500) == ("new", 300)
            assert await desk.ask(triplet(3), at=500) == ("early", 203)
            assert await desk.ask(triplet(18), at=500) == ("early", 218)
            assert await desk.ask(at=500) == ("known", 0)

        self.run(tmp_path, scenario, max_entries=20)

    def test_a_peek_says_what_would_be_answered_and_changes_nothing(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            def peek(at: int) -> tuple[str, int]:
                observation = desk.store.peek(TRIPLET, RULES, START + at)
                assert observation.commit is None
                return observation.outcome, observation.seconds

            assert peek(0) == peek(1) == ("new", 300)
            assert await desk.ask(at=10) == ("new", 300)
            assert peek(20) == ("early", 290)
            await self.forget_memory(desk)
            assert peek(310) == ("passed", 300)
            assert peek(400) == ("passed", 390)
            assert await desk.ask(at=500) == ("passed", 490)
            assert peek(501) == ("known", 0)
            assert peek(501 + 36 * DAY) == ("new", 300)
            assert await desk.ask(at=502) == ("known", 0)

        self.run(tmp_path, scenario)

    def test_the_figures_are_plain(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.ask()
            stats = desk.store.stats()
            assert (stats.state, stats.entries, stats.failures) == ("ok", 1, 0)
            await desk.store.ping()

        self.run(tmp_path, scenario)

    def test_a_store_may_be_closed_twice(self, tmp_path: Path) -> None:
        async def scenario(desk: Desk) -> None:
            await desk.ask()
            await desk.store.close()

        self.run(tmp_path, scenario)
