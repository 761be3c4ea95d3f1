"""What a list of a million entries costs: `python -m bench.lists [ENTRIES]`.

Law: each form is compiled as the daemon does it, in a thread, while another one sees how long it is kept from running.
Memory is what Python has allocated for the table (tracemalloc, in a second run, because it makes everything slow).
"""

import sys
import threading
import time
import timeit
import tracemalloc
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from policyd.model.address import parse_address
from policyd.tables.lists import Client, Form, ListKind, Source, Subject, Table, compile_table

ENTRIES: Final = 1_000_000
_SCATTER: Final = 0x9E3779B1
"""An odd factor permutes the 32-bit numbers."""
_TICK: Final = 0.0005
"""Seconds between two looks of the thread that is not to wait; the switch interval of the daemon, too."""


class Task(NamedTuple):
    """A file of one form for a list of one kind, and subjects to ask it about."""

    name: str
    kind: ListKind
    form: Form
    line: Callable[[int], str]
    subjects: tuple[Subject, ...]


def _address(number: int) -> str:
    h = number * _SCATTER & 0xFFFFFFFF
    return f"{h >> 24}.{h >> 16 & 255}.{h >> 8 & 255}.{h & 255}"


def _client(number: int) -> str:
    """Half of the lines are addresses, a quarter networks and a quarter names."""
    h = number * _SCATTER & 0xFFFFFFFF
    if number % 4 == 0:
        return f"mx{h:x}.example{number % 997}.com"
    return f"{h >> 24}.{h >> 16 & 255}.{h >> 8 & 255}.0/24" if number % 4 == 1 else _address(number)


def _key_of_access(number: int) -> str:
    """access(5) knows networks by their first octets."""
    return _client(number).removesuffix(".0/24")


def _mail(number: int) -> str:
    """Half of the lines are addresses of senders, half domains; all with an action, as in a blacklist."""
    h = number * _SCATTER & 0xFFFFFFFF
    return f"user{h:x}@example{number % 997}.com" if number % 2 else f"host{h:x}.example.net"


_STRANGERS: Final = (
    Client(parse_address("198.51.100.7"), "mail.some-provider.example.org"),
    Client(parse_address("2001:db8::1"), "unknown"),
)
_MAILS: Final = ("jane+news@mail.some-provider.example.org", "")

TASKS: Final = (
    Task("clients, form policyd", "client", "policyd", _client, _STRANGERS),
    Task("clients, form access", "client", "access", lambda number: f"{_key_of_access(number)}  REJECT", _STRANGERS),
    Task("clients, form cidr", "client", "cidr", lambda number: f"{_address(number)}  REJECT listed", _STRANGERS),
    Task("senders, form policyd", "sender", "policyd", lambda number: f"{_mail(number)}  REJECT no thanks", _MAILS),
    Task("senders, form access", "sender", "access", lambda number: f"{_mail(number)}  REJECT no thanks", _MAILS),
    Task(
        "senders, a text each", "sender", "access", lambda number: f"{_mail(number)}  550 5.7.1 Case {number}", _MAILS
    ),
)


class Figures(NamedTuple):
    """What was measured."""

    name: str
    entries: int
    seconds: float
    bytes_each: float
    stall_ms: float
    """The longest time for which the other thread did not run."""
    free_ms: float
    """The same while the table was given back."""
    lookup_us: float


def measure(task: Task, entries: int) -> Figures:
    """Compile, ask and dissolve one table."""
    text = "".join(f"{task.line(number)}\n" for number in range(entries))
    built: list[Table] = []
    started = time.perf_counter()
    stall = _longest_wait(lambda: built.append(_compiled(task, text)))
    seconds, table = time.perf_counter() - started, built.pop()
    if table.mistakes:
        raise SystemExit(f"{task.name}: {table.mistakes[0]}")
    known = _subject_of(task, entries // 2)
    if table.find(known, 0) is None:
        raise SystemExit(f"{task.name}: {known} is not found")
    lookup = max(_lookup_time(table, subject) for subject in (known, *task.subjects))
    size = len(table)
    freeing = _longest_wait(lambda: table.dissolve(_pause))
    return Figures(task.name, size, seconds, _memory(task, text) / size, stall * 1e3, freeing * 1e3, lookup * 1e6)


def _compiled(task: Task, text: str) -> Table:
    return compile_table(task.kind, Source(task.form, "bench"), text, _pause)


def _memory(task: Task, text: str) -> int:
    tracemalloc.start()
    table = _compiled(task, text)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    table.dissolve(_pause)
    return size


def _subject_of(task: Task, number: int) -> Subject:
    key = task.line(number).split()[0]
    if task.kind == "client":
        address = parse_address(key.replace(".0/24", ".1"))
        return Client(address, "unknown" if address else key)
    return key if "@" in key else f"user@{key}"


def _lookup_time(table: Table, subject: Subject) -> float:
    return min(timeit.repeat(lambda: table.find(subject, 0), number=2000, repeat=5)) / 2000


def _pause() -> None:
    time.sleep(0)


def _longest_wait(work: Callable[[], object]) -> float:
    """How much longer than asked for this thread slept while another one worked. Seconds."""
    worker = threading.Thread(target=work)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(_TICK)
    longest = 0.0
    worker.start()
    while worker.is_alive():
        before = time.perf_counter()
        time.sleep(_TICK)
        longest = max(longest, time.perf_counter() - before - _TICK)
    worker.join()
    sys.setswitchinterval(interval)
    return longest


def lines(entries: int, tasks: tuple[Task, ...] = TASKS) -> Iterator[str]:
    """The table of results, line by line."""
    yield f"{'':24}{'entries':>9}{'s':>7}{'bytes each':>12}{'longest wait, ms':>18}{'freeing, ms':>13}{'find, us':>12}"
    for task in tasks:
        name, size, seconds, each, stall, freeing, lookup = measure(task, entries)
        yield f"{name:24}{size:>9}{seconds:>7.2f}{each:>12.0f}{stall:>18.1f}{freeing:>13.1f}{lookup:>12.2f}"


if __name__ == "__main__":
    parser = ArgumentParser("python -m bench.lists", description=__doc__.partition(":")[0])
    parser.add_argument("entries", metavar="ENTRIES", nargs="?", type=int, default=ENTRIES, help="default: %(default)s")
    for line in lines(parser.parse_args().entries):
        print(line, flush=True)
