"""The senders: when each tried again, and from how many addresses.

Law: what was published, nothing invented. Ten webmail providers, facing a greylister that accepted after 6 h: Pagani,
De Astis, Graziano, Lanzi, Balzarotti, "Measuring the Role of Greylisting and Nolisting in Fighting Spam", DSN 2016. A
pool of one /24 in 2007: conman.org, 2007-09-10, of whose tries three have a published time. Which address a provider
used for which try, and in which networks they lie, was not published: the replay takes them in turn, and both
extremes, all in one network and each in a network of its own.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple


class Sender(NamedTuple):
    """One sender's single message."""

    name: str
    """The domain of its envelope sender."""
    hosts: str
    """The domain of its servers' names."""
    addresses: int
    """From how many addresses it tried."""
    tries: tuple[int, ...]
    """Seconds from the first try to each one, the first included."""


class Attempt(NamedTuple):
    """One try of a message."""

    at: int
    """Seconds since the first."""
    client: str
    """Its address."""
    host: str
    """The verified name of that address."""
    sender: Sender


def _clock(text: str) -> tuple[int, ...]:
    """``6:02 29:02``, minutes and seconds since the first try, in seconds."""
    pairs = (time.split(":") for time in text.split())
    return (0, *(int(minutes) * 60 + int(seconds) for minutes, seconds in pairs))


PROVIDERS: Final = (
    Sender("gmail.com", "google.com", 7, _clock("6:02 29:02 56:36 98:44 162:03 229:44 309:05 434:46")),
    Sender("yahoo.co.uk", "yahoo.com", 1, _clock("2:07 5:39 12:58 27:16 55:13 109:35 216:47 430:36")),
    # Then about every 4 minutes: 94 tries until 362:11.
    Sender(
        "hotmail.com", "outlook.com", 1, (*_clock("1:01 2:03 3:04 5:06 8:07 12:08 16:10"), *range(1211, 21732, 241))
    ),
    Sender("qq.com", "qq.com", 2, _clock("5:05 5:11 5:17 6:19 8:22 12:25 20:29 52:31 84:35 144:42 204:56")),
    Sender(
        "mail.ru",
        "mail.ru",
        7,
        _clock("1:18 19:15 49:14 79:49 113:20 154:18 187:53 235:20 271:03 305:50 340:38 373:45"),
    ),
    # Then about every 15:30: 28 tries until 369:21.
    Sender(
        "yandex.com", "yandex.net", 1, (*_clock("1:05 2:58 6:53 14:55 30:28 45:41 61:01"), *range(4586, 22162, 925))
    ),
    Sender("mail.com", "mail.com", 2, _clock("5:02 12:37 23:59 41:03 66:38 105:01 162:35 248:56 378:28")),
    Sender("gmx.com", "gmx.net", 3, _clock("5:01 12:33 23:50 40:46 66:09 104:14 161:22 247:04 375:36")),
    Sender("aol.com", "aol.com", 1, _clock("5:32 11:32 21:32 31:32")),
    Sender("india.com", "india.com", 1, _clock("6:21 16:21 36:21 76:21 146:22 216:21 286:21 356:21 426:21")),
)
POOL: Final = Sender("adelphia.net", "adelphia.net", 3, (0, 3065, 6373))
"""08:06:55, 08:58:00 and 09:53:08."""
_POOL_HOSTS: Final = (202, 187, 178)
SENDERS: Final = (*PROVIDERS, POOL)


def attempts(sender: Sender, *, scattered: bool) -> Iterator[Attempt]:
    """The tries of a sender's message, its addresses by turns; each in a /24 of its own if they are `scattered`."""
    number = SENDERS.index(sender)
    for place, at in enumerate(sender.tries):
        turn = place % sender.addresses
        if sender is POOL:
            client = f"68.168.78.{_POOL_HOSTS[turn]}"
        else:
            client = f"198.18.{16 * number + turn * scattered}.{25 + turn}"
        yield Attempt(at, client, f"mx{chr(ord('a') + turn)}.{sender.hosts}", sender)
