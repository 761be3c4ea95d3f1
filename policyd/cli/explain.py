"""`policyd explain`: what would be done to a mail now, and what every check says of it.

Law: the running daemon judges, with what it remembers and remembering nothing of it; here it is only put into lines.
"""

import json
import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policyd.cli import GOOD
from policyd.cli._control import add_options, ask
from policyd.cli.query import add_request_options, attributes_of
from policyd.logs.lines import escape, escape_controls
from policyd.logs.reading import read_line

_FROM_LOG: Final = {
    "client": "client_address",
    "client_name": "client_name",
    "sender": "sender",
    "recipient": "recipient",
}


def main(arguments: list[str]) -> int:
    """Print every check's word and the answer; the exit status is 0 or 3 (not running)."""
    parser = ArgumentParser(
        "policyd explain",
        usage="policyd explain (--client ADDR --sender ADDR --recipient ADDR | --from-log LINE) [OPTIONS]",
        description="Ask the running daemon what it would do to a mail now: every check's word, what it found in lists "
        "and DNS, and the answer to Postfix. Nothing is remembered of the question.",
    )
    add_request_options(parser, is_required=False)
    parser.add_argument("--from-log", metavar="LINE", help="the mail of this line of the log")
    add_options(parser, timeout=20.0)
    options = parser.parse_args(arguments)
    if problem := take_line(options):
        parser.error(problem)
    attributes = attributes_of(options, f"{os.getpid():x}.{time.time_ns() // 1000:x}.0")
    told = ask(options, "explain", attributes=attributes)
    if options.json:
        print(json.dumps({"request": attributes, **told}))
    else:
        for line in lines(attributes, told):
            print(escape_controls(line))
    return GOOD


def take_line(options: Namespace) -> str:
    """Fill `options` from the line of the log they name; what is missing or wrong, "" if nothing is."""
    if options.from_log is not None:
        fields = read_line(options.from_log)
        if fields is None:
            return "--from-log: this is no line of a decision"
        for option, field in _FROM_LOG.items():
            setattr(options, option, fields.get(field, "unknown" if option.startswith("client") else ""))
    missing = [name for name in ("client", "sender", "recipient") if getattr(options, name) is None]
    return f"--{' and --'.join(missing)}: what mail? (or name a line with --from-log)" if missing else ""


def lines(request: Mapping[str, str], told: Mapping[str, Any]) -> Iterator[str]:
    """The explanation for people."""
    who = f"{request['client_address']} [{escape(request['client_name'])}] helo {escape(request['helo_name'])}"
    yield f"request    {who}  {escape(request['sender']) or '<>'} -> {escape(request['recipient'])}"
    if told["policy"]:
        yield f"policy     {told['policy']}"
    for place, step in enumerate(told["steps"]):
        before = [each for each in told["steps"][:place] if each["reached"] and not each["shadow"]]
        yield from _step(step, [each["check"] for each in before if step["check"] in each["exempt"]])
    for name in told["not_asked"]:
        yield f"{name:11}not asked: its hours, or a [[policy]]"
    answer = told["answer"]
    yield f"answer     action={answer['action']}"
    yield f"           decided by {answer['check']} ({answer['reason']})" + _match(answer)
    if answer["would"]:
        yield f"           without shadow mode: {answer['would']} (by {answer['would_by']})"
    yield "           (nothing of this was remembered)"


def _step(step: Mapping[str, Any], exempts: Sequence[str]) -> Iterator[str]:
    mode = " (in shadow: not heard)" if step["shadow"] else ""
    why = f"not asked: {exempts[0]} exempts from it" if exempts else "not reached: decided before"
    behind = "" if step["reached"] else f" ({why})"
    yield f"{step['check']:11}{_word(step)}{_match(step)}{mode}{behind}, {step['seconds'] * 1000:.1f} ms"
    yield from (f"           {fact}" for fact in step["facts"])
    for name, learned in step["evidence"].items():
        told = ", ".join(
            f"{key}={_plain(value)}" for key, value in learned.items() if value not in ("", [], False, None)
        )
        if told:
            yield f"           learned: {name}: {told}"


def _word(step: Mapping[str, Any]) -> str:
    """What a check said, in a few words."""
    if step["error"]:
        return f"cannot say: {step['error']}; mail goes on without it"
    if step["reason"] == "no check objected":
        return "no opinion"
    waits = f", {step['delay']} s" if step["delay"] else ""
    exempt = f", exempt from {', '.join(step['exempt'])}" if step["exempt"] else ""
    last = "" if step["final"] else ", others are asked"
    return f"{step['action']} ({step['reason']}{waits}{exempt}{last})"


def _match(told: Mapping[str, Any]) -> str:
    return "".join(f", {told[name]}" for name in ("match", "why") if told.get(name))


def _plain(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
