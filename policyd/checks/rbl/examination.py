"""What every list says of one address or domain, for people: `policyd rbl test`.

Law: the same questions, the same reading and the same verdict as for mail, after every list was probed. Lists that are
parked are asked all the same, because that is what the person wants to see; their answers do not count.
"""

from typing import Final, NamedTuple

from policyd.checks.rbl.answers import Reading, read
from policyd.checks.rbl.asking import Reply, ask_all
from policyd.checks.rbl.health import Finding
from policyd.checks.rbl.profiles import LookUp
from policyd.checks.rbl.questions import Questions
from policyd.checks.rbl.reply import text_of
from policyd.checks.rbl.sayings import MEANINGS
from policyd.checks.rbl.watch import Watched
from policyd.model.action import clean_text
from policyd.model.dns import Answer, Resolver
from policyd.model.request import PolicyRequest

MAX_SHOWN: Final = 8
"""Records of an answer."""


class Said(NamedTuple):
    """One list's answer to one question. Everything in it may be shown."""

    zone: str
    look_up: LookUp
    subject: str
    answer: tuple[str, ...]
    """The records."""
    problem: str
    """Why it is no answer, or none that counts; "" if it counts."""
    points: float
    text: str
    """The list's own words."""
    seconds: float
    finding: Finding | None
    """What the list's probe found."""


async def examine(
    lists: tuple[Watched, ...], resolver: Resolver, request: PolicyRequest, seconds: float
) -> tuple[Said, ...]:
    """What all `lists` say of `request`, in `seconds` each for answers and texts."""
    questions = list(Questions(lists)(request))
    names = [name for *_, name in questions]
    answers = await ask_all(resolver, names, seconds)
    listed = [name for name in names if isinstance(found := answers[name].answer, Answer) and found.records]
    texts = await ask_all(resolver, listed, seconds, "TXT")
    return tuple(
        _said(watched, look_up, subject, answers[name], texts[name].answer if name in texts else "")
        for watched, look_up, subject, name in questions
    )


def _said(watched: Watched, look_up: LookUp, subject: str, reply: Reply, txt: Answer | str) -> Said:
    zone, (found, seconds) = watched.zone, reply
    records = found.records[:MAX_SHOWN] if isinstance(found, Answer) else ()
    shown = tuple(clean_text(str(record)) for record in records)
    reading = read(zone, subject, found.records) if isinstance(found, Answer) and found.records else Reading()
    rules = [rule for rule in reading.rules if look_up in rule.look_up]
    points = sum(rule.weight for rule in rules)
    problem = ""
    if isinstance(found, str):
        problem = f"no answer: {found}"
    elif reading.fault:
        problem = f"no list's answer: {reading.fault}"
    elif watched.health.finding != "good":
        finding = watched.health.finding
        problem = f"not believed: {MEANINGS[finding] if finding else 'it was not probed'}"
    return Said(
        zone.shown, look_up, subject, shown, problem, 0.0 if problem else points, text_of(zone, txt), seconds,
        watched.health.finding,
    )  # fmt: skip
