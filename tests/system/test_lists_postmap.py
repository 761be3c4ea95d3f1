"""Law tested: lists answer as Postfix's own tables do, and postgrey's. What smtpd asks for is what we look up; what
postmap -q finds is what we find. Differences from postgrey are in one table here; there are none from Postfix.

What an action means is not compared here, so all are ``REJECT NUMBER``, and the number says which entry answers.
"""

import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from policyd.model.address import parse_address
from policyd.tables.dialects import translate
from policyd.tables.lists import Client, Form, ListKind, Source, Subject, Table, compile_table
from policyd.tables.orders import client_keys, helo_keys, sender_keys
from tests.system import smtp
from tests.system.keys import KeyRecorder
from tests.system.parts import give_up, laboratory, require
from tests.system.postfix import Postfix
from tests.system.postgrey import run_postgrey

LABELS: Final = ("a", "b", "mx", "mx1", "example", "com", "c-d")
USERS: Final = ("joe", "joe+x", "joe+x+y", "postmaster", "+1", "a.b", "x+")


def name(dice: random.Random) -> str:
    return ".".join(dice.choices(LABELS, k=dice.randint(1, 4)))


def address(dice: random.Random) -> str:
    if dice.random() < 0.7:
        return f"{dice.choice((10, 192))}.{dice.randint(0, 2)}.{dice.randint(0, 2)}.{dice.randint(0, 3)}"
    return f"2001:db8:{dice.randint(0, 2):x}::{dice.randint(1, 3):x}"


def mixed_case(text: str, dice: random.Random) -> str:
    return text.upper() if dice.random() < 0.1 else text


def subject(kind: ListKind, dice: random.Random) -> Subject:
    if kind == "client":
        return Client(parse_address(address(dice)), mixed_case(dice.choice(("unknown", name(dice), name(dice))), dice))
    if kind == "helo":
        return dice.choice(
            (name(dice), mixed_case(name(dice), dice), address(dice), f"[{address(dice)}]", f"{name(dice)}.")
        )
    mail = f"{dice.choice(USERS)}@{name(dice)}"
    return "" if dice.random() < 0.05 and kind == "sender" else mixed_case(mail, dice)


def keys_of(kind: ListKind, subject: Subject) -> list[str]:
    """The keys that smtpd asks for; `test_what_smtpd_asks_for` holds them against the real one."""
    if isinstance(subject, Client):
        return list(client_keys(subject))
    return list(helo_keys(subject) if kind == "helo" else sender_keys(subject))


def postmap(table: str, keys: Sequence[str]) -> dict[str, str]:
    """What the table says of each key it knows."""
    done = subprocess.run(
        [require("postmap"), "-q", "-", table],
        input="".join(f"{key}\n" for key in dict.fromkeys(keys)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "fatal" not in done.stderr, done.stderr
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def write(path: Path, text: str) -> Path:
    """A table that postmap need not wait for: it reads a file again that was changed a moment ago."""
    path.write_text(text, "utf-8")
    os.utime(path, (0, 0))
    return path


def compiled(kind: ListKind, form: Form, path: Path, *, mistakes: bool = False) -> Table:
    table = compile_table(kind, Source(form, str(path)), path.read_text("utf-8"))
    assert bool(table.mistakes) is mistakes, table.mistakes
    return table


def said(table: Table, subject: Subject) -> str | None:
    """The text of the action that answers."""
    match = table.find(subject, 0)
    return None if match is None or match.action is None else match.action.text


# --- the keys, and their order ---


@pytest.fixture(scope="module")
def seen() -> Iterator[tuple[Postfix, KeyRecorder]]:
    with laboratory() as lab, KeyRecorder(lab) as recorder:
        kinds = ("client", "helo", "sender", "recipient")
        settings = {f"smtpd_{kind}_restrictions": f"check_{kind}_access {recorder.table(kind)}" for kind in kinds}
        settings["smtpd_recipient_restrictions"] += ", reject"
        with Postfix(lab, "inet:127.0.0.1:1", settings | {"recipient_delimiter": "+"}) as postfix:
            yield postfix, recorder


def test_what_smtpd_asks_for(seen: tuple[Postfix, KeyRecorder]) -> None:
    postfix, recorder = seen
    dice, compared = random.Random(1), 0
    with smtp.Smtp(postfix.port) as session:
        for _ in range(150):
            client, helo, sender, recipient = (
                subject(kind, dice) for kind in ("client", "helo", "sender", "recipient")
            )
            assert isinstance(client, Client)
            assert client.address is not None
            recorder.asked.clear()
            verified = "[UNAVAILABLE]" if client.name == "unknown" else client.name
            prefix = "IPV6:" if client.address.version == 6 else ""
            session.must(220, session.say(f"XCLIENT ADDR={prefix}{client.address.text} NAME={verified}"))
            session.must(250, session.say(f"HELO {helo}"))
            session.must(250, session.say(f"MAIL FROM:<{sender}>"))
            session.must(554, session.say(f"RCPT TO:<{recipient}>"))
            session.must(250, session.say("RSET"))
            subjects: list[tuple[ListKind, Subject]] = [
                ("client", client), ("helo", helo), ("sender", sender), ("recipient", recipient)
            ]  # fmt: skip
            for kind, asked in subjects:
                assert recorder.asked[kind] == keys_of(kind, asked), (kind, asked)
                compared += len(recorder.asked[kind])
    assert compared > 2000


# --- access(5) ---


def access_key(kind: ListKind, dice: random.Random) -> str:
    if kind in ("client", "helo"):
        text = address(dice)
        parts = text.split(":" if ":" in text else ".")
        cut = (":" if ":" in text else ".").join(parts[: dice.randint(1, len(parts))])
        return dice.choice((name(dice), name(dice), "." + name(dice), "unknown", cut, cut, text))
    user = dice.choice(USERS)
    return dice.choice((name(dice), f"{user}@{name(dice)}", f"{user}@", "<>", f"@{name(dice)}", "." + name(dice)))


def access_text(kind: ListKind, dice: random.Random) -> str:
    rows = []
    for number in range(40):
        key = mixed_case(access_key(kind, dice), dice)
        blank = dice.choice((" ", "\t", "   ", "\n   ", "\n# between\n\t"))
        rows.append(f"{key}{blank}REJECT {number}" + dice.choice(("", " ", "\n\n  more")))
        rows.extend(["", "# comment", "  # comment"][: dice.randint(0, 3)])
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("kind", ["client", "helo", "sender", "recipient"])
def test_access_tables(kind: ListKind, tmp_path: Path) -> None:
    compared = hits = 0
    for seed in range(30):
        dice = random.Random(seed)
        path = write(tmp_path / f"table{seed}", access_text(kind, dice))
        table = compiled(kind, "access", path)
        subjects = [subject(kind, dice) for _ in range(250)]
        keys = {asked: keys_of(kind, asked) for asked in subjects}
        known = postmap(f"texthash:{path}", [key for some in keys.values() for key in some])
        for asked, tried in keys.items():
            expected = next((known[key] for key in tried if key in known), None)
            assert said(table, asked) == (expected and expected.removeprefix("REJECT ")), (asked, tried)
            compared += 1
            hits += expected is not None
    assert compared > 3000
    assert hits > compared / 10


# --- cidr ---


def cidr_text(dice: random.Random) -> str:
    rows, depth = list[str](), 0
    for line in range(1, 41):
        if depth and dice.random() < 0.3:
            depth -= 1
            rows.append(dice.choice(("endif", "ENDIF")))
            continue
        network = cidr_network(dice)
        if dice.random() < 0.1 and line < 35:
            depth += 1
            rows.append(f"{dice.choice(('if', 'IF'))} {dice.choice(('', '!', '! '))}{network}")
        else:
            negation = "!" if dice.random() < 0.1 else ""
            rows.append(f"{negation}{network}{dice.choice((' ', chr(9), '    '))}REJECT {line}")
    return "\n".join(rows + ["endif"] * depth) + "\n"


def cidr_network(dice: random.Random) -> str:
    parsed = parse_address(address(dice))
    assert parsed is not None
    prefix = dice.randint(8, 32) if parsed.version == 4 else dice.randint(16, 128)
    network = parsed.network(prefix)
    if dice.random() < 0.2:
        return f"[{network.partition('/')[0]}]/{prefix}" if dice.random() < 0.5 else parsed.text
    return network


def test_cidr_tables(tmp_path: Path) -> None:
    compared = hits = 0
    for seed in range(40):
        dice = random.Random(seed)
        path = write(tmp_path / f"table{seed}", cidr_text(dice))
        table = compiled("client", "cidr", path)
        addresses = sorted({address(dice) for _ in range(300)})
        known = postmap(f"cidr:{path}", addresses)
        for text in addresses:
            expected = known.get(text, "").removeprefix("REJECT ") or None
            assert said(table, Client(parse_address(text), "unknown")) == expected, (path.read_text(), text)
            assert said(compiled("helo", "cidr", path), text) == expected
            compared += 2
            hits += expected is not None
    assert compared > 3000
    assert hits > compared / 8


# --- regexp, pcre ---

ATOMS: Final = (
    "a",
    "b",
    "m",
    "x",
    ".",
    "@",
    "[ab]",
    "[^a]",
    "[[:digit:]]",
    "(a)",
    "(x|b)",
    "\\.",
    "com",
    "joe",
    "\\+",
    "[.]",
)
REPEATS: Final = ("", "", "", "*", "+", "?", "{1,2}")


def regex(dice: random.Random) -> str:
    """A pattern that is not refused for what it might cost, which Postfix does not ask."""
    while True:
        body = "".join(dice.choice(ATOMS) + dice.choice(REPEATS) for _ in range(dice.randint(1, 4)))
        body = f"{'^' * (dice.random() < 0.3)}{body}{'$' * (dice.random() < 0.3)}"
        try:
            translate("regexp", body, "")
        except ValueError as error:
            assert "hostile name" in str(error), body  # noqa: PT017
        else:
            return f"/{body}/{'i' * (dice.random() < 0.1)}"


def regexp_text(dice: random.Random) -> str:
    rows, depth = list[str](), 0
    for line in range(1, 16):
        written = f"{'!' if dice.random() < 0.1 else ''}{regex(dice)}"
        if dice.random() < 0.1:
            depth += 1
            rows.append(f"if {written}")
        elif "(" in written and not written.startswith("!") and "|" not in written:
            rows.append(f"{written} REJECT {line} ${{1}}")
        else:
            rows.append(f"{written}  REJECT {line} $$")
        if depth and dice.random() < 0.4:
            depth -= 1
            rows.append("endif")
    return "\n".join(rows + ["endif"] * depth) + "\n"


@pytest.mark.parametrize("form", ["regexp", "pcre"])
def test_tables_of_regular_expressions(form: Form, tmp_path: Path) -> None:
    types = subprocess.run([require("postconf"), "-m"], capture_output=True, text=True, check=True).stdout.split()
    if form not in types:
        give_up(f"this Postfix has no {form}: tables: apt-get install postfix-{form}, or run without -m system")
    compared = hits = 0
    for seed in range(40):
        dice = random.Random(seed)
        path = write(tmp_path / f"table{seed}", regexp_text(dice))
        table = compiled("recipient", form, path)
        mails = sorted({str(subject("recipient", dice)) for _ in range(200)})
        known = postmap(f"{form}:{path}", mails)
        for mail in mails:
            expected = known.get(mail, "").removeprefix("REJECT ").rstrip() or None
            assert said(table, mail) == expected, (path.read_text(), mail)
            compared += 1
            hits += expected is not None
    assert compared > 4000
    assert hits > compared / 4


# --- what Postfix leaves out with a warning ---

SKIPPED: Final[dict[Form, str]] = {
    "access": '  lead REJECT 1\nnokey\na"b c REJECT 3\nbad" REJECT 4\n',
    "cidr": "192.168.1.1/24 OK\n010.0.0.1 OK\n1.2.3 OK\n1.2.3.0/24\nendif\n0.0.0.0/33 OK\nif\nendif\n",
    "regexp": "/^(a)$2/ OK $1x\n/bad(/ OK\n/v/ OK $3\n/w/z OK\n!/(q)/ OK $1\nendif\n/y OK\n/n/\n",
}


@pytest.mark.parametrize("form", SKIPPED)
def test_what_postfix_warns_of_is_a_mistake(form: Form, tmp_path: Path) -> None:
    path = write(tmp_path / "table", SKIPPED[form])
    kind = {"access": "texthash"}.get(form, form)
    done = subprocess.run(
        [require("postmap"), "-q", "x", f"{kind}:{path}"], capture_output=True, text=True, check=False
    )
    warned = {line for line in done.stderr.splitlines() if "warning" in line}
    rows = SKIPPED[form].count("\n")
    table = compiled("client", form, path, mistakes=True)
    assert len(table) == 0
    # Each row but the "endif" that ends a bad "if" is a mistake, and Postfix has said as much.
    assert len(table.mistakes) == rows - (form == "cidr")
    assert len(warned) >= rows - (form == "cidr")


# --- postgrey ---

VECTORS: Final = (
    # greylisting.md 2.2, as an administrator would write them
    "example.com", "EXAMPLE.net", "/^mail[0-9]/", "/ample/", "192.0.2.1", "12.5.136", "10.0.0.0/9", "2001:db8::/32",
    "2001:db8:0:1::1",
)  # fmt: skip
DIFFERENT: Final = {
    ".example.org": "never matches there; the names below example.org here",
    "*.example.org": "never matches there; the names below example.org here",
    "10.1": "10.1.0.0/24 there, 10.1.0.0/16 here, as its manual says",
    "/has#hash/": "a comment there; a pattern here",
}
NAMES: Final = (
    "example.com", "a.b.Example.COM", "notexample.com", "example.com.org", "MAIL7.test", "xmail7.test", "unknown",
    "x.example.org", "example.org", "has#hash", "mx.example.net", "sample.test",
)  # fmt: skip
ADDRESSES: Final = (
    "192.0.2.1", "192.0.2.10", "12.5.136.255", "12.5.137.0", "10.1.0.5", "10.1.9.9", "10.127.255.255", "10.128.0.0",
    "2001:db8:ffff::1", "2001:db9::1", "2001:db8:0:1::1",
)  # fmt: skip
CLIENTS: Final = [("203.0.113.1", called) for called in NAMES] + [(where, "unknown") for where in ADDRESSES]


def test_clients_of_postgrey(tmp_path: Path) -> None:
    """One postgrey with all entries: who is whitelisted gets DUNNO at the first try."""
    for entries, is_same in ((VECTORS, True), (tuple(DIFFERENT), False)):
        home = tmp_path / str(is_same)
        home.mkdir()
        listed = home / "clients"
        listed.write_text("".join(f"{entry}\n" for entry in entries))
        ours, differing = compiled("client", "policyd", listed), 0
        with run_postgrey(home, f"--whitelist-clients={listed}") as peer:
            for number, (where, called) in enumerate(CLIENTS):
                theirs = peer.ask(attributes(where, called, f"joe{number}@x.example"), 1_800_000_000) == "DUNNO"
                mine = ours.find(Client(parse_address(where), called), 0) is not None
                assert mine == theirs or not is_same, (where, called)
                differing += mine != theirs
        assert (differing == 0) is is_same


RECIPIENT_VECTORS: Final = ("example.com", "postmaster@", "jane@example.net", "/^abuse.*@/")
RECIPIENTS: Final = (
    "jane@example.com", "Jane@MX.Example.COM", "jane@notexample.com", "Postmaster@x.test", "postmaster+x@x.test",
    "notpostmaster@x.test", "postmaster2@x.test", "jane@example.net", "jane+news@example.net", "jane@mx.example.net",
    "mary.jane@example.net", "abuse-1@x.test", "ABUSE@x.test", "noabuse@x.test",
)  # fmt: skip


def test_recipients_of_postgrey(tmp_path: Path) -> None:
    listed = tmp_path / "recipients"
    listed.write_text("".join(f"{entry}\n" for entry in RECIPIENT_VECTORS))
    ours = compiled("recipient", "policyd", listed)
    with run_postgrey(tmp_path, f"--whitelist-recipients={listed}") as peer:
        for number, recipient in enumerate(RECIPIENTS):
            theirs = peer.ask(attributes(f"198.51.{number}.7", "unknown", recipient), 1_800_000_000) == "DUNNO"
            assert (ours.find(recipient, 0) is not None) == theirs, recipient


def attributes(client: str, called: str, recipient: str) -> dict[str, str]:
    return {
        "request": "smtpd_access_policy", "protocol_state": "RCPT", "client_address": client, "client_name": called,
        "helo_name": "h", "sender": "sender@y.example", "recipient": recipient, "instance": "",
    }  # fmt: skip
