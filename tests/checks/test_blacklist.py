"""Law tested: the first list that names the mail decides with the action of its line."""

from collections.abc import Mapping, Sequence

import pytest

from policyd.checks.blacklist import GOES_ON, TEXT_LIMIT, Settings, build
from policyd.checks.tools import Tools
from policyd.model.action import MAX_TEXT, Action
from policyd.model.evidence import NO_EVIDENCE
from policyd.model.request import PolicyRequest
from policyd.model.verdict import NO_OPINION, Check, Verdict
from policyd.stores.memory import MemoryStore
from policyd.stores.store import StoreOptions
from policyd.tables.lists import ListKind, TableList, compile_table, parse_source
from policyd.wire.request import parse_request

NOW = 1_700_000_000
SETTINGS = Settings(clients=("/clients",), helo=("/helo",), senders=("/senders",), recipients=("/recipients",))
NOTHING = {"/clients": "", "/helo": "", "/senders": "", "/recipients": ""}


def blacklist(files: Mapping[str, str], settings: Settings = SETTINGS) -> Check:
    def compiled(kind: ListKind, sources: Sequence[str]) -> TableList:
        tables = [compile_table(kind, parse_source(path), (NOTHING | dict(files))[path]) for path in sources]
        assert not any(table.mistakes for table in tables)
        return TableList(kind, [table for table in tables if len(table)])

    return build(settings, Tools(MemoryStore(StoreOptions()), "mx", "1", compiled))


def request(**attributes: str) -> PolicyRequest:
    everything = {
        "protocol_state": "RCPT", "client_address": "192.0.2.1", "client_name": "mx.example.net",
        "helo_name": "helo.example.net", "sender": "joe@example.org", "recipient": "jane@example.test",
    } | attributes  # fmt: skip
    return parse_request("\n".join(f"{name}={value}" for name, value in everything.items()).encode())


def verdict(files: Mapping[str, str], settings: Settings = SETTINGS, now: int = NOW, **attributes: str) -> Verdict:
    found = blacklist(files, settings).evaluate(request(**attributes), NO_EVIDENCE, now)
    assert isinstance(found, Verdict)
    return found


@pytest.mark.parametrize(
    ("file", "entry", "what"),
    [
        ("/clients", "192.0.2.0/24", "client host"),
        ("/clients", "example.net", "client host"),
        ("/helo", "helo.example.net", "HELO name"),
        ("/senders", "joe@example.org", "sender address"),
        ("/recipients", "jane@example.test", "recipient address"),
    ],
)
def test_a_bare_entry_refuses(file: str, entry: str, what: str) -> None:
    action = Action("550", f"5.7.1 Rejected by local policy, {what} is listed")
    assert verdict({file: f"{entry}\n"}) == Verdict(action, "blacklist", match=f"{file}:1: {entry}")


def test_the_null_sender_can_be_listed() -> None:
    assert verdict({"/senders": "<>\n"}, sender="").match == "/senders:1: <>"
    assert verdict({"/senders": "<>\n"}) is NO_OPINION


def test_mail_on_no_list_goes_on() -> None:
    assert verdict({"/senders": "spam@example.com\n", "/clients": "192.0.2.2\n"}) is NO_OPINION
    assert verdict({}) is NO_OPINION


def test_the_line_says_what_is_done() -> None:
    found = verdict({"/senders": "joe@example.org  REJECT no thanks\n"})
    assert found.action == Action("REJECT", "no thanks")
    assert found.final


def test_kinds_are_asked_in_their_order() -> None:
    files = {
        "/clients": "192.0.2.1 550 client\n",
        "/helo": "example.net 550 helo\n",
        "/senders": "example.org 550 sender\n",
        "/recipients": "example.test 550 recipient\n",
    }
    told = []
    for file in list(files):
        told.append(verdict(files).action.text)
        del files[file]
    assert told == ["client", "helo", "sender", "recipient"]


def test_dunno_takes_the_key_out_of_its_own_kind_only() -> None:
    files = {"/senders": "joe@example.org OK\nexample.org REJECT away\n", "/recipients": ""}
    assert verdict(files) is NO_OPINION
    assert verdict(files, sender="jim@example.org").action.text == "away"
    files["/recipients"] = "jane@example.test 550 not her\n"
    assert verdict(files).action.text == "not her"


@pytest.mark.parametrize(
    ("line", "final"),
    [
        ("REJECT", True),
        ("DEFER later", True),
        ("451 later", True),
        ("521 bye", True),
        ("DISCARD", True),
        ("DEFER_IF_PERMIT later", False),
        ("DEFER_IF_REJECT later", False),
        ("HOLD", False),
        ("WARN look", False),
        ("INFO look", False),
        ("PREPEND X-Listed: yes", False),
        ("REDIRECT abuse@example.test", False),
        ("BCC abuse@example.test", False),
        ("FILTER smtp:[127.0.0.1]:10025", False),
    ],
)
def test_it_goes_on_where_postfix_goes_on(line: str, final: bool) -> None:
    found = verdict({"/senders": f"joe@example.org {line}\n"})
    assert found.final is final
    assert (found.action.verb in GOES_ON) is not final


def test_an_entry_counts_in_its_window_only() -> None:
    files = {"/senders": "[until=2023-11-14T00:00] joe@example.org\n"}
    assert verdict(files, now=NOW - 7 * 86400).reason == "blacklist"
    assert verdict(files) is NO_OPINION


def test_the_text_of_bare_entries_is_an_option() -> None:
    settings = Settings(senders=("/senders",), text="5.7.0 Not welcome")
    found = verdict({"/senders": "joe@example.org\n"}, settings)
    assert found.action == Action("550", "5.7.0 Not welcome, sender address is listed")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("4.7.1 later", "text: '4.7.1 later' starts with the status of another answer"),
        ("", "text: "),
        ("grüß", "text: "),
        ("two\nlines", "text: "),
        ("x" * (TEXT_LIMIT + 1), f"text: at most {TEXT_LIMIT} characters can be sent"),
    ],
)
def test_a_text_that_cannot_be_sent_is_a_mistake(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="text: ") as caught:
        Settings(text=text)
    assert str(caught.value).startswith(sentence)


def test_the_longest_text_leaves_room_for_the_id() -> None:
    found = verdict(
        {"/recipients": "example.test\n"}, Settings(recipients=("/recipients",), senders=(), text="x" * TEXT_LIMIT)
    )
    assert len(found.action.text) <= MAX_TEXT - len(" (id 01234567)")


def test_the_defaults() -> None:
    assert Settings() == Settings((), (), ("/etc/policyd/blacklist_senders",), (), "Rejected by local policy")
