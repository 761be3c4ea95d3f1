"""Many mail servers at once, each doing what RFC 5321 4.5.4 asks: what was put off is tried again until it is taken.

Law: it keeps the book that the promises are checked against. A retry begins when the delay is over since the answer
was *received*, so a message that was truly remembered can be put off once and never again.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from tests.system.smtp import Client, Door, Reply, Smtp, sleep_until

GIVE_UP: Final = 30.0
"""Seconds after which a message that nobody took counts as lost."""
MESSAGES_A_SESSION: Final = 7
PAUSE: Final = 0.03
"""Seconds between two new messages of one server: enough to be pressed, not enough to press the machine flat."""


@dataclass(order=True)
class Message:
    """A message on its way; the one that is due first comes first."""

    due: float
    subject: str = field(compare=False)
    born: float = field(compare=False)
    deferred: int = field(default=0, compare=False)
    """How often it was greylisted."""


class Traffic:
    """`servers` mail servers in front of the Postfix behind `door`, sending until they are told to finish.

    `name` begins every subject and every recipient.
    """

    def __init__(self, name: str, door: Door, delay: float, servers: int = 12) -> None:
        self._name = name
        self.taken: list[str] = []
        self.unjudged: list[str] = []
        """Those of them that were never put off: Postfix had no answer, and was told to go on without."""
        self.lost: list[str] = []
        self.deferred_again: list[str] = []
        self.problems: Counter[Reply] = Counter()
        """Everything that Postfix said and that is neither "taken" nor "greylisted", without the address."""
        self._door = door
        self._delay = delay
        self._stop = threading.Event()
        self._failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True) for number in range(servers)]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Send no new messages; wait until every one is taken or lost."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * GIVE_UP)
            assert not thread.is_alive()
        assert not self._failures, self._failures

    def _run(self, number: int) -> None:
        try:
            self._serve(number)
        except Exception as failure:  # a thread's own; finish() shows it
            self._failures.append(failure)

    def _serve(self, number: int) -> None:
        names = (f"{self._name}-{number}-{count}" for count in itertools.count())
        waiting: list[Message] = []
        while waiting or not self._stop.is_set():
            with Smtp(self._door, Client(f"198.18.{number}.9"), timeout=30) as session:
                messages = iter(lambda: self._next(waiting, names), None)
                for message in itertools.islice(messages, MESSAGES_A_SESSION):
                    self._try(session, message, waiting)

    def _next(self, waiting: list[Message], names: Iterator[str]) -> Message | None:
        """What is due, else a new message, else (told to finish) what is due next; None when all is done."""
        now = time.monotonic()
        if waiting and waiting[0].due <= now:
            return heappop(waiting)
        if not self._stop.wait(PAUSE):
            return Message(now, next(names), born=now)
        if not waiting:
            return None
        sleep_until(waiting[0].due)
        return heappop(waiting)

    def _try(self, session: Smtp, message: Message, waiting: list[Message]) -> None:
        # The recipient tells the triplets apart: numbers in senders do not (VERP).
        recipient = f"{message.subject}@box.test"
        attempt = session.attempt("alice@example.org", [recipient], message.subject)
        now = time.monotonic()
        if attempt.accepted:
            self.taken.append(message.subject)
            if not message.deferred:
                self.unjudged.append(message.subject)
            return
        reply = attempt.recipients[recipient]
        if "Greylisted" in reply.text:
            if message.deferred:
                self.deferred_again.append(message.subject)
            message.deferred += 1
            message.due = now + self._delay
        else:
            self.problems[Reply(reply.code, reply.text.replace(recipient, "RCPT"))] += 1
            message.due = now + 0.5
        if now - message.born > GIVE_UP:
            self.lost.append(message.subject)
        else:
            heappush(waiting, message)
