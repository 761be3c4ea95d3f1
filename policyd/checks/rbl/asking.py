"""Many questions at once, one deadline for all.

Law: it takes as long as the slowest answer or the deadline, never the sum; what is not answered by then is cancelled,
and so is everything when the caller is. What the resolver says of a failure is not kept: the name in it may hold a key.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from policyd.model.dns import Answer, DnsUnavailable, RecordType, Resolver
from policyd.model.errors import Unavailable


class Reply(NamedTuple):
    """What became of one question."""

    answer: Answer | str
    """Or the word for why there is none."""
    seconds: float


def _unheard(_name: str, _answer: Answer) -> None:
    """Nobody needs an answer before the others."""


async def ask_all(
    resolver: Resolver,
    names: Iterable[str],
    seconds: float,
    kind: RecordType = "A",
    heard: Callable[[str, Answer], None] = _unheard,
) -> dict[str, Reply]:
    """Ask for all `names`; a reply for each, within `seconds`. `heard` is told each answer when it comes."""
    tasks = {name: asyncio.ensure_future(_ask(resolver, name, kind, heard)) for name in dict.fromkeys(names)}
    if not tasks:
        return {}
    try:
        await asyncio.wait(tasks.values(), timeout=max(seconds, 0.0))
        return {name: task.result() if task.done() else Reply("timeout", seconds) for name, task in tasks.items()}
    finally:
        for task in tasks.values():
            task.cancel()


async def _ask(resolver: Resolver, name: str, kind: RecordType, heard: Callable[[str, Answer], None]) -> Reply:
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        found = await resolver.resolve(name, kind)
        heard(name, found)
        answer: Answer | str = found
    except DnsUnavailable as error:
        answer = error.reason
    except Unavailable:
        answer = "unavailable"
    return Reply(answer, clock() - began)
