"""Checks under way: equal ones are one, and whoever waits for it may go.

Law: each of them who stays is told once. When the last one has gone nobody seeks the answer any more, and nobody joins
those who do not.
"""

from collections.abc import Callable

from policyd.lookups.spf.subject import Subject
from policyd.model.dns import Sought
from policyd.model.spf import SpfAnswer

Hear = Callable[[SpfAnswer], object]


class Waiter:
    """One who waits, a model.dns.Sought."""

    __slots__ = ("_flight", "hear")

    def __init__(self, hear: Hear, flight: "Flight") -> None:
        self.hear: Hear | None = hear
        """None: he is gone."""
        self._flight = flight
        flight.waiters.append(self)

    def cancel(self) -> None:
        """Go."""
        self.hear = None
        self._flight.look()


class Flight:
    """One check under way. `flights` holds it as long as it may be joined."""

    __slots__ = ("_flights", "_subject", "sought", "waiters")

    def __init__(self, subject: Subject, flights: "dict[Subject, Flight]") -> None:
        self._subject = subject
        self._flights = flights
        self.waiters: list[Waiter] = []
        self.sought: Sought | None = None
        flights[subject] = self

    def land(self, answer: SpfAnswer) -> None:
        """Tell those who wait."""
        del self._flights[self._subject]
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if waiter.hear is not None:  # one of them may have sent another one away
                waiter.hear(answer)

    def look(self) -> None:
        """End it if nobody waits."""
        if not self.waiters or any(waiter.hear for waiter in self.waiters):
            return
        self.waiters.clear()
        del self._flights[self._subject]
        if self.sought is not None:
            self.sought.cancel()
