"""Every check's word on one mail, by the checks in force, with nothing remembered."""

import asyncio
from pathlib import Path
from typing import Any

from policyd.assembly import Assembler, Assembly
from policyd.config import parse
from policyd.explanation import explain
from policyd.lists import Lists
from policyd.model.errors import Unavailable
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.wire.request import parse_request

NOW = 1_700_000_000
REQUEST = parse_request(
    b"protocol_state=RCPT\nclient_address=192.0.2.1\nclient_name=mx.example.org\nsender=a@example.org\nrecipient=b@example.net"
)


def run(tmp_path: Path, text: str = "", *, store: MemoryStore | None = None, is_shadow: bool = False) -> dict[str, Any]:
    (tmp_path / "senders").write_text("spam@example.org REJECT no\n")
    settings = parse(
        f'[blacklist]\nsenders = ["{tmp_path}/senders"]\n[whitelist]\nclients = []\nrecipients = []\n{text}', "f"
    )

    async def play() -> dict[str, Any]:
        assembler = Assembler(store or MemoryStore(StoreOptions()))
        assembly: Assembly = assembler.build(settings, Lists())
        try:
            return await explain(assembly, (), REQUEST, NOW, is_shadow=is_shadow)
        finally:
            assembly.resolver.close()

    return asyncio.run(play())


CHAIN = '[chain]\nchecks = ["whitelist", "blacklist", "greylist"]\n'


def test_every_check_is_asked_and_nothing_remembered(tmp_path: Path) -> None:
    store = MemoryStore(StoreOptions())
    told = run(tmp_path, CHAIN, store=store)
    assert [(step["check"], step["reason"], step["reached"]) for step in told["steps"]] == [
        ("whitelist", "no check objected", True), ("blacklist", "no check objected", True), ("greylist", "new", True),
    ]  # fmt: skip
    assert told["answer"]["action"].startswith("DEFER_IF_PERMIT 4.2.0 Greylisted")
    assert (told["answer"]["check"], told["answer"]["delay"]) == ("greylist", 240)
    assert store.stats().entries == 0


def test_checks_behind_the_last_word_are_asked_too_and_marked(tmp_path: Path) -> None:
    (tmp_path / "clients").write_text("# ours\nmx.example.org\n")
    told = run_with_client_list(tmp_path)
    assert told["answer"]["reason"] == "client whitelist"
    assert told["answer"]["match"] == f"{tmp_path}/clients:2: mx.example.org"
    assert [(step["check"], step["reached"]) for step in told["steps"]] == [("whitelist", True), ("greylist", False)]
    assert told["steps"][1]["reason"] == "new"


def run_with_client_list(tmp_path: Path) -> dict[str, Any]:
    text = (
        f'[chain]\nchecks = ["whitelist", "greylist"]\n[whitelist]\nclients = ["{tmp_path}/clients"]\nrecipients = []'
    )

    async def play() -> dict[str, Any]:
        assembler = Assembler(MemoryStore(StoreOptions()))
        assembly = assembler.build(parse(text, "f"), Lists())
        try:
            return await explain(assembly, (), REQUEST, NOW, is_shadow=False)
        finally:
            assembly.resolver.close()

    return asyncio.run(play())


def test_shadow_is_told(tmp_path: Path) -> None:
    told = run(tmp_path, CHAIN + '[greylist]\nmode = "shadow"')
    assert told["answer"]["action"] == "DUNNO"
    assert told["answer"]["would"].startswith("DEFER_IF_PERMIT")
    assert [step["shadow"] for step in told["steps"]] == [False, False, True]
    told = run(tmp_path, CHAIN, is_shadow=True)
    assert (told["answer"]["action"], told["answer"]["would_by"]) == ("DUNNO", "greylist")


def test_who_is_not_asked_is_named(tmp_path: Path) -> None:
    told = run(tmp_path, CHAIN + '[[policy]]\nname = "ours"\nrecipients = ["example.net"]\noff = ["greylist"]')
    assert told["not_asked"] == ["greylist"]
    assert told["policy"] == "ours (f:8)"
    assert told["answer"] | {"match": ""} == {
        "action": "DUNNO", "check": "chain", "reason": "no check objected", "delay": 0, "match": "", "would": "",
        "would_by": "",
    }  # fmt: skip


def test_a_check_that_cannot_answer_says_why(tmp_path: Path) -> None:
    class Broken(MemoryStore):
        def peek(self, *_: object) -> Any:
            raise Unavailable("the disk is full")

    told = run(tmp_path, CHAIN, store=Broken(StoreOptions()))
    assert told["steps"][2]["error"] == "the disk is full"
    assert (told["answer"]["action"], told["answer"]["reason"]) == ("DUNNO", "unavailable")


def test_a_suspicion_is_told_with_its_reasons(tmp_path: Path) -> None:
    text = f'{CHAIN}[greylist]\nwhen = "suspicious"\ntraps = ["b@example.net"]\n'
    store = MemoryStore(StoreOptions())
    told = run(tmp_path, text, store=store)
    assert told["steps"][2]["reason"] == "not suspicious"
    assert told["steps"][2]["why"] == "1: HELO is no host name"
    assert store.stats().entries == 0  # a trap is only noted where mail is judged
