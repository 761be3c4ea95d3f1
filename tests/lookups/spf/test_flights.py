from policyd.lookups.spf.flights import Flight, Waiter
from policyd.lookups.spf.subject import Subject
from policyd.model.address import Address, parse_address
from policyd.model.spf import SpfAnswer

ANSWER = SpfAnswer("pass", "a.example")


class Seeker:
    cancelled = 0

    def cancel(self) -> None:
        self.cancelled += 1


def take_off() -> tuple[Flight, dict[Subject, Flight], Seeker]:
    client = parse_address("192.0.2.1")
    assert isinstance(client, Address)
    flights: dict[Subject, Flight] = {}
    flight = Flight(Subject(client, "mail.a.example", "user", "a.example"), flights)
    flight.sought = seeker = Seeker()
    return flight, flights, seeker


def test_all_who_wait_are_told_once_and_nobody_joins_later() -> None:
    flight, flights, seeker = take_off()
    told: list[SpfAnswer] = []
    waiters = [Waiter(told.append, flight) for _ in range(3)]
    assert flights == {flight._subject: flight}
    waiters[1].cancel()
    flight.land(ANSWER)
    assert told == [ANSWER] * 2
    for waiter in waiters:
        waiter.cancel()
    assert not flights
    assert not seeker.cancelled


def test_the_last_one_who_goes_ends_it() -> None:
    flight, flights, seeker = take_off()
    waiters = [Waiter(print, flight) for _ in range(2)]
    waiters[0].cancel()
    waiters[0].cancel()
    assert (seeker.cancelled, len(flights)) == (0, 1)
    waiters[1].cancel()
    waiters[1].cancel()
    assert (seeker.cancelled, len(flights)) == (1, 0)


def test_who_hears_may_send_another_away() -> None:
    flight, _, seeker = take_off()
    told: list[SpfAnswer] = []
    Waiter(lambda answer: (told.append(answer), other.cancel()), flight)
    other = Waiter(told.append, flight)
    flight.land(ANSWER)
    assert told == [ANSWER]
    assert not seeker.cancelled


def test_who_hears_may_ask_again() -> None:
    flight, flights, _ = take_off()
    Waiter(lambda _: Flight(flight._subject, flights), flight)
    flight.land(ANSWER)
    assert len(flights) == 1
