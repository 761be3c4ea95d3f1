"""Many questions at once, one deadline for all.

Law: it takes as long as the slowest answer or the deadline, never the sum; what is not answered by then is cancelled,
and so is everything when the caller is. What the resolver says of a failure is not kept: the name in it may hold a key.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from policyd.model.dns import Answer, DnsUnavailable, RecordType, Resolver


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
    loop, wanted = asyncio.get_running_loop(), tuple(dict.fromkeys(names))
    if not wanted:
        return {}
    began, replies = loop.time(), dict[str, Reply]()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    def hear(name: str, found: Answer | DnsUnavailable) -> None:
        replies[name] = Reply(found if isinstance(found, Answer) else found.reason, loop.time() - began)
        if len(replies) == len(wanted):
            end()
        if isinstance(found, Answer):
            heard(name, found)

    timer = loop.call_later(max(seconds, 0.0), end)
    asked = [resolver.seek(name, kind, partial(hear, name)) for name in wanted]
    try:
        await over
    finally:
        timer.cancel()
        for inquiry in asked:
            inquiry.cancel()
    return {name: replies.get(name) or Reply("timeout", seconds) for name in wanted}
