"""The three workloads: endless streams of requests over a population, and what a server must answer to them.

Law: the share of deferrals is part of a workload. A run whose answers do not fit measured something else and fails.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from time import perf_counter
from typing import Final, NamedTuple

from bench.triplets import Population, Try, request

DELAY: Final = 2
"""Seconds of greylisting that both servers are set to, so that mail deferred in a run can pass in the same run."""
_RIPE: Final = DELAY + 1.2
"""Seconds after which a retry passes for certain: servers count whole seconds."""
_EARLY: Final = 211
"""How many new triplets ago the mail of an early retry came: more than are on their way, far less than DELAY."""
_LAP: Final = "nknnrnknnnkrnnknnkrn"
"""The order of new mail, retries and known mail in the mix: 60 %, 15 %, 25 %."""
_KNOWN: Final = 4000
"""Triplets that the workload *known* repeats; the mix draws from all that are stored."""


def new(population: Population) -> Iterator[bytes]:
    """Only triplets that were never seen."""
    for number in count(population.fresh):
        yield request(number, number)


def known(population: Population) -> Iterator[bytes]:
    """By turns a triplet that passed before and any mail of a client on the automatic whitelist."""
    passed = range(0, population.passed, max(1, population.passed // _KNOWN))
    for turn in count():
        number = passed[turn % len(passed)]
        yield request(number, number)
        yield population.trusted_try(turn, population.stored + turn).request


def mix(population: Population, clock: Callable[[], float] = perf_counter) -> Iterator[bytes]:
    """60 % new, 15 % retries, half of them too early, and 25 % known."""
    fresh, acquainted, retries = count(population.fresh), _acquainted(population), _Retries(population)
    newest = population.fresh
    while True:
        retries.tick(clock(), newest)
        for kind in _LAP:
            if kind == "n":
                newest = next(fresh)
                yield request(newest, newest)
            elif kind == "k":
                yield next(acquainted)
            else:
                number = retries.next(newest)
                yield request(number, number)


def _acquainted(population: Population) -> Iterator[bytes]:
    for turn in count():
        number = turn * 7919 % population.passed  # a prime: all over the stored ones, so most are not in memory
        yield request(number, number)
        yield population.trusted_try(turn, population.stored + turn).request


class _Retries:
    """Which mail is tried again: by turns the oldest that waits, stored ones first, and one of a moment ago."""

    def __init__(self, population: Population) -> None:
        self._waiting = population.passed
        self._ripe = population.fresh
        self._marks: deque[tuple[float, int]] = deque()
        self._due = False

    def tick(self, now: float, newest: int) -> None:
        """Note how far the new mail has come; mail of _RIPE seconds ago is due."""
        if not self._marks or now - self._marks[-1][0] > 0.05:
            self._marks.append((now, newest))
        while now - self._marks[0][0] > _RIPE:
            self._ripe = self._marks.popleft()[1]

    def next(self, newest: int) -> int:
        """The number of the mail to try again."""
        self._due = not self._due
        if self._due and self._waiting < self._ripe:
            self._waiting += 1
            return self._waiting - 1
        return max(newest - _EARLY, 0)


class Workload(NamedTuple):
    """A stream of requests, seconds to run it before measuring, and the share of deferrals it must meet."""

    stream: Callable[[Population], Iterator[bytes]]
    warm_up: float
    deferred: tuple[float, float]

    def complaint(self, answers: Mapping[str, int]) -> str:
        """What is wrong with the answers of a run, counted by verb; "" if nothing."""
        share = answers.get("DEFER", 0) / max(1, sum(answers.values()))
        low, high = self.deferred
        if low <= share <= high:
            return ""
        counts = ", ".join(f"{verb} {number:,}" for verb, number in sorted(answers.items()))
        return f"{share:.1%} deferred, not {low:.1%} to {high:.1%}: this run did not measure its workload ({counts})"


WORKLOADS: Final[Mapping[str, Workload]] = {
    "new": Workload(new, 1.0, (0.99, 1.0)),
    "known": Workload(known, 1.0, (0.0, 0.01)),
    # 60 % new and half of 15 % too early; the warm-up makes mail of the run itself due.
    "mix": Workload(mix, _RIPE + 0.5, (0.66, 0.69)),
}


def history(population: Population, now: int) -> Iterator[Iterator[bytes]]:
    """The population's past as batches of requests for postgrey, which takes the time from an attribute."""
    for moment, tries in population.history(now):
        yield map(_at(moment), tries)


def _at(moment: int) -> Callable[[Try], bytes]:
    ending = b"policy_test_time=%d\n\n" % moment
    return lambda attempt: attempt.request[:-1] + ending
