"""Law tested: what a mail administrator expects, in words an administrator can write.

A dialogue is a text file in dialogues/. Its lines:

    set OPTION VALUE             an option of [greylist], before the first request
    whitelist clients ENTRY      a line of the whitelist; likewise recipients
    at TIME                      the clock from here on: seconds since the start (4m, 35d, 1d+240s, -1d)
    client 192.0.2.1 sender a@x.example recipient b@y.example ...
                                 a request: attributes and their values, "" for an empty one
    again ...                    the last request once more, as a new message, with these attributes changed
      -> PATTERN                 the action that answers it; * stands for anything

Every request is a message of its own unless it names its `instance`.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from policyd.chain import Chain
from policyd.checks import greylist, whitelist
from policyd.checks.tools import Tools
from policyd.model.address import parse_address
from policyd.model.request import PolicyRequest
from policyd.model.units import Seconds, parse_duration
from policyd.model.verdict import Decision
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import ListKind, Source, TableList, compile_table

DIALOGUES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))
START = 1_800_000_000
SHORT = {"client": "client_address", "name": "client_name", "state": "protocol_state", "login": "sasl_username"}
DEFAULTS = {"protocol_state": "RCPT", "client_name": "unknown", "reverse_client_name": "unknown"}


class Dialogue:
    """One file, line by line, against the chain with a store in memory."""

    def __init__(self) -> None:
        self.settings = greylist.Settings()
        self.lists: dict[str, str] = {"clients": "", "recipients": ""}
        self.chain: Chain | None = None
        self.now = START
        self.attributes: dict[str, str] = {}
        self.messages = 0
        self.reply: str | None = None

    def read(self, line: str) -> None:
        """Do what `line` says. Raises AssertionError when the answer is another one, ValueError for no such line."""
        word, _, rest = line.strip().partition(" ")
        if word == "->":
            assert self.reply is not None, "there was no request"
            assert fnmatchcase(self.reply, rest.strip()), f"the answer is: {self.reply}"
        elif word == "at":
            self.now = START + seconds(rest)
        elif word == "set":
            name, _, value = rest.partition(" ")
            self.settings = replace(self.settings, **{name: option(name, value)})
        elif word == "whitelist":
            name, _, entry = rest.partition(" ")
            self.lists[name] += f"{entry}\n"
        elif word in {"again", "client"}:
            self.ask(shlex.split(rest if word == "again" else line), fresh=word == "client")
        else:
            raise ValueError(f"no line of a dialogue begins with {word!r}")

    def ask(self, words: list[str], fresh: bool) -> None:
        self.messages += 1
        attributes = dict(DEFAULTS) if fresh else dict(self.attributes)
        attributes["instance"] = f"message-{self.messages}"
        for name, value in zip(words[::2], words[1::2], strict=True):
            attributes[SHORT.get(name, name)] = value
        self.attributes = attributes
        self.chain = self.chain or self.build()
        decision = self.chain.decide([request_of(attributes)], self.now)[0]
        assert isinstance(decision, Decision)
        self.reply = decision.action.reply.decode().removeprefix("action=").rstrip("\n")

    def build(self) -> Chain:
        store = MemoryStore(StoreOptions())
        tools = Tools(store, "mx.y.example", "1.2.3", self.list)
        lists = whitelist.Settings(clients=("clients",), recipients=("recipients",))
        checks = [whitelist.build(lists, tools), greylist.build(self.settings, tools)]
        return Chain(checks, ["127.0.0.0/8", "::1"], lambda check, error: None, 0)

    def list(self, kind: ListKind, files: Sequence[str]) -> TableList:
        tables = [compile_table(kind, Source("policyd", file), self.lists.get(file, "")) for file in files]
        assert not any(table.mistakes for table in tables)
        return TableList(kind, tables)


def request_of(attributes: dict[str, str]) -> PolicyRequest:
    values = {name: attributes.get(name, "") for name in PolicyRequest._fields}
    known = {"client_address": parse_address(values["client_address"]), "attributes": attributes}
    return PolicyRequest(**values | known)  # type: ignore[arg-type]


def seconds(text: str) -> int:
    """``-1d`` or ``2d+240s`` in seconds."""
    sign, text = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * sum(parse_duration(part) for part in text.split("+"))


def option(name: str, value: str) -> Any:
    """An option's value as its type wants it."""
    kind = next(field.type for field in fields(greylist.Settings) if field.name == name)
    if kind is Seconds:
        return parse_duration(value)
    if kind is bool:
        return {"true": True, "false": False}[value]
    return int(value) if kind is int else value


def lines(path: Path) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_dialogue(path: Path) -> None:
    dialogue = Dialogue()
    for number, line in lines(path):
        try:
            dialogue.read(line)
        except (AssertionError, ValueError) as error:
            pytest.fail(f"{path.name}:{number}: {line.strip()}: {error}", pytrace=False)


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_every_request_is_answered_in_the_file(path: Path) -> None:
    """An answer nobody looks at proves nothing."""
    before = ""
    for number, line in [*lines(path), (0, "client")]:
        if before.startswith(("client", "again")):
            assert line.strip().startswith("->"), f"{path.name}:{number}: the request above has no answer"
        before = line.strip() if number else ""


def test_a_wrong_answer_is_found() -> None:
    dialogue = Dialogue()
    dialogue.read("client 192.0.2.1 sender a@x.example recipient b@y.example")
    with pytest.raises(AssertionError, match="the answer is: DEFER_IF_PERMIT"):
        dialogue.read("  -> DUNNO")
    with pytest.raises(ValueError, match="begins with 'clint'"):
        dialogue.read("clint 192.0.2.1")
