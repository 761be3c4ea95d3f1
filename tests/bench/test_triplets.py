from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bench.triplets import Population, Try, request
from policyd.checks import greylist
from policyd.checks.tools import Tools
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.greylist import Identities, Observation, Rules, Triplet
from policyd.tables.lists import TableList
from policyd.wire.request import parse_request

TRACE = Path(__file__).parents[1] / "traces" / "rcpt-ipv4.bin"
numbers = st.integers(0, 2**32 - 1)


def names(raw: bytes) -> list[bytes]:
    return [line.partition(b"=")[0] for line in raw.split(b"\n")]


class Recorder:
    """A store that only remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Triplet] = []

    def observe(self, triplet: Triplet, rules: Rules, now: int, others: Identities | None = None) -> Observation:
        self.asked.append(triplet)
        return Observation("known", 0)


@given(numbers, numbers)
def test_a_request_has_the_attributes_of_postfix_in_its_order_and_its_size(client: int, mail: int) -> None:
    raw = request(client, mail)
    assert names(raw) == names(TRACE.read_bytes())
    assert abs(len(raw) - len(TRACE.read_bytes())) < 20


@given(numbers, numbers)
def test_the_triplet_of_a_try_is_the_one_that_greylisting_makes_of_its_request(client: int, mail: int) -> None:
    store = Recorder()
    tools = Tools(store, "mx.example.test", "0", lambda kind, files: TableList(kind))
    attempt = Try(client, mail)
    greylist.build(greylist.Settings(), tools).evaluate(parse_request(attempt.request[:-2]), NO_EVIDENCE, 0)
    assert store.asked == [Triplet(*attempt.triplet)]


def test_different_numbers_are_different_triplets() -> None:
    some = [Try(number, number).triplet for number in (*range(50_000), *range(2**31, 2**31 + 5000))]
    assert len(set(some)) == len(some)


def test_neighbours_are_strangers() -> None:
    networks = {Try(number, number).triplet[0] for number in range(10_000)}
    assert len(networks) > 9900


def test_clients_have_public_addresses() -> None:
    firsts = {int(Try(number, number).triplet[0].split(".")[0]) for number in range(20_000)}
    assert len(firsts) > 200
    assert not firsts & {0, 10, 127, 169, 172, 192, *range(224, 256)}


def test_a_population_has_as_many_triplets_as_it_says() -> None:
    population = Population(10_000)
    tries = {attempt for _, batch in population.history(10**9) for attempt in batch}
    assert len({attempt.triplet for attempt in tries}) == population.stored
    assert population.trusted == 200


def test_the_past_is_in_the_past_and_makes_what_it_says() -> None:
    now, population = 10**9, Population(1000)
    first: dict[Try, int] = {}
    passes: dict[Try, int] = {}
    for moment, batch in population.history(now):
        assert moment < now
        for attempt in batch:
            if first.setdefault(attempt, moment) != moment:
                passes[attempt] = moment
    assert all(passes[attempt] - first[attempt] == 600 for attempt in passes)
    assert len(passes) == population.stored // 2
    counted = sorted(
        moment for attempt, moment in passes.items() if attempt.client == population.trusted_try(0, 0).client
    )
    assert len(counted) == 5
    assert all(later - earlier >= 3600 for earlier, later in pairwise(counted))
